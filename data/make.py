"""Make `fashion.npz` and `novels.csv.xz` again, byte for byte: python data/make.py SOURCES.

SOURCES holds `FashionMNIST/raw` (the four official files, as torchvision keeps them) and `text` (the ten novels, one
`NAME.txt.xz` each). README.md says where these come from, and what the results are.
"""

import csv
import gzip
import io
import lzma
import pathlib
import re
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
AUTHORS = {
    "anna_karenina": "Tolstoy",
    "bleak_house": "Dickens",
    "brothers_karamazov": "Dostoevsky",
    "count_of_monte_cristo": "Dumas",
    "david_copperfield": "Dickens",
    "les_miserables": "Hugo",
    "middlemarch": "Eliot",
    "moby_dick": "Melville",
    "pride_and_prejudice": "Austen",
    "war_and_peace": "Tolstoy",
}
LENGTH = 500  # characters of a passage, to the end of its sentence
PER_NOVEL = {"train": 1000, "test": 200}
HEADING = re.compile(r"(?m)^[IVXLC]+$")
TITLE = re.compile(r"(?m)^[^.!?,;:\n]{1,60}$")  # of a chapter or a part: a line that ends in no stop
SENTENCE = re.compile(r'(?:(?<=[.!?])|(?<=[.!?]"))(?<!\bMr\.)(?<!\bMrs\.)(?<!\bM\.)(?<!\bDr\.)(?<!\bSt\.)\s+')


def idx(path: pathlib.Path) -> np.ndarray:
    """The array in an idx file, gzipped or not (bytes; the header's last byte is the number of axes)."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", axes, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def fashion(source: pathlib.Path, seed: int = 0) -> dict[str, np.ndarray]:
    """10,000 training and 2,000 test images, the same number of each of the ten classes, in a random order."""
    rng, found = np.random.default_rng(seed), {}
    for part, prefix, each in (("train", "train", 1000), ("test", "t10k", 200)):
        images, labels = (idx(next(source.glob(f"{prefix}-{kind}-*"))) for kind in ("images", "labels"))
        rows = np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:each] for c in range(10)])
        rows = rng.permutation(rows)
        found |= {f"x_{part}": images[rows], f"y_{part}": labels[rows], f"row_{part}": rows.astype(np.uint16)}
    return found


def passages(chapter: str) -> list[str]:
    """A chapter in passages of whole sentences, each the shortest that reaches LENGTH; the rest is left out."""
    found, held = [], []
    for sentence in SENTENCE.split(" ".join(TITLE.sub("", chapter).split())):
        held.append(sentence)
        if sum(map(len, held)) + len(held) > LENGTH:
            found.append(" ".join(held))
            held = []
    return found


def novels(source: pathlib.Path, seed: int = 0) -> list[tuple]:
    """Rows (part, author, novel, chapter, passage); whole chapters are held out, so no passage has a neighbour there."""
    rng, rows = np.random.default_rng(seed), []
    for name, author in AUTHORS.items():
        text = lzma.decompress((source / f"{name}.txt.xz").read_bytes()).decode("ascii")
        chapters = [passages(part) for part in HEADING.split(text)[1:]]
        order, test, enough = rng.permutation(len(chapters)), [], 1.25 * PER_NOVEL["test"]
        while sum(len(chapters[c]) for c in test) < enough:
            test.append(order[len(test)])
        for part, own in (("train", set(order) - set(test)), ("test", set(test))):
            every = [(part, author, name, c + 1, passage) for c in sorted(own) for passage in chapters[c]]
            chosen = rng.permutation(len(every))[: PER_NOVEL[part]]
            rows += [every[i] for i in sorted(chosen)]
    return rows


if __name__ == "__main__":
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    np.savez_compressed(HERE / "fashion.npz", **fashion(source / "FashionMNIST" / "raw"))
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("part", "author", "novel", "chapter", "passage"), *novels(source / "text")])
    (HERE / "novels.csv.xz").write_bytes(
        lzma.compress(table.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME)
    )
