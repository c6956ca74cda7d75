"""Data sets and text: bundled, downloaded, or the reader's own, all checked before any work starts."""

import difflib
import os
import pathlib
import sysconfig
import tempfile
import warnings
import zlib
from dataclasses import dataclass

import numpy as np

from labutils import bundled, readers, tables
from labutils.checks import check_at_least

TORCHVISION = {  # name here: (class in torchvision.datasets, the folder it keeps its files in)
    "mnist": ("MNIST", "MNIST"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST"),
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
}
NAMES = (*bundled.NAMES, *TORCHVISION)
TEST_SHARE = 0.25  # held out of every data set that comes without a test part of its own
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # 96 symbols; everything else in a text becomes "?"


@dataclass(frozen=True)
class Dataset:
    """Examples to learn from: rows of `x`, of the kind `kind` ("images", "rows" or "text"), with labels or numbers `y`."""

    x_train: np.ndarray  # (N, d) float32
    y_train: np.ndarray  # (N,) int64, 0 .. C-1; for a regression float32
    x_test: np.ndarray
    y_test: np.ndarray
    name: str
    classes: tuple[str, ...]  # C; none for a regression
    shape: tuple[int, ...]  # of one example before flattening
    kind: str
    of_reader: bool = False  # read from a path: no published claim is about them
    texts_train: tuple[str, ...] = ()  # what the features of texts were made from, to be shown
    texts_test: tuple[str, ...] = ()

    @property
    def examples(self) -> str:
        """What the examples are called in a sentence: images, rows or texts."""
        return "texts" if self.kind == "text" else self.kind


@dataclass(frozen=True)
class Description:
    """What a data set holds; `task` is "classification" or "regression", which has no classes."""

    name: str
    kind: str  # "images", "rows" or "text"
    task: str
    n_train: int
    n_test: int
    n_features: int
    n_classes: int
    smallest_class: int  # training rows of the smallest class
    warnings: tuple[str, ...]  # what was left out or taken for something, a sentence each


@dataclass(frozen=True)
class Text:
    """A text as integer codes into `alphabet`, with the number of files (of `novels`: chapters) it was read from."""

    codes: np.ndarray  # (n,) uint8
    alphabet: str
    name: str
    files: int


def load(
    name: str | os.PathLike = "digits",
    *,
    root: str | os.PathLike | None = None,
    max_train: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by name, or the reader's own from a path.

    Parameters: `name` is digits, fashion, novels, breast_cancer, iris, wine or diabetes, which come with the book, mnist,
    fashion_mnist or cifar10, which are downloaded, or a path to an `.npz` (arrays x and y), a `.csv`
    (a column called target, others of numbers, categories or texts) or a folder of images with one sub-folder a class.
    `root` holds downloads (default: $LABUTILS_DATA, else the user's cache). `max_train` keeps a random part of the
    training rows. `seed` fixes that part and, where there is no test part of its own (all but fashion, novels and the
    downloads), the 25% that is held out; both keep the shares of the classes.

    Returns a `Dataset`: images in [0, 1], other features made by the training rows alone (`tables.features`); targets
    with fractions, or too many whole numbers to be classes, are a regression. Warns of columns it leaves out.

    Raises FileNotFoundError, ValueError, OSError or ConnectionError with one sentence that says what to do.
    """
    if not isinstance(name, str | os.PathLike) or not str(name).strip():
        raise ValueError(f"dataset is {name!r}; allowed: {', '.join(NAMES)}, or a path")
    if max_train is not None and (not isinstance(max_train, int | np.integer) or max_train < 2):
        raise ValueError(
            f"max_train is {max_train!r}; allowed: a whole number of at least 2, or None for all"
        )
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; allowed: a whole number from 0 to 2**32 - 1")
    if name in TORCHVISION:
        x_train, y_train, x_test, y_test, shape, classes = _torchvision(name, root)
        if max_train is not None and max_train < len(y_train):
            chosen = _stratified(y_train, max_train, seed)
            x_train, y_train = x_train[chosen], y_train[chosen]
        return Dataset(x_train, y_train, x_test, y_test, name, classes, tuple(shape), "images")
    own = name not in bundled.NAMES
    if not own:
        found, train = bundled.read(name)
    elif pathlib.Path(name).suffix or os.sep in str(name) or os.path.exists(name):
        found, train = readers.read(name), None
    else:
        near = difflib.get_close_matches(str(name).lower(), NAMES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"dataset is {str(name)!r}; allowed: {', '.join(NAMES)}, or a path to .npz, .csv or a folder of images.{hint}"
        )
    y = found.y
    train = _training_rows(y, seed) if train is None else train
    train, test = np.flatnonzero(train), np.flatnonzero(~train)
    if max_train is not None and max_train < len(train):
        train = train[_stratified(y[train], max_train, seed)]
    if found.kind == "images":
        shape, x = found.x.shape[1:], found.x.reshape(len(y), -1)
        x_train, x_test = x[train], x[test]
    else:
        x_train, x_test = tables.features(found.x, found.categories, found.texts, train, test, seed)
        shape = x_train.shape[1:]
    texts = tuple(tuple(found.texts[i] for i in rows) for rows in (train, test)) if found.texts else ((), ())
    return Dataset(
        x_train, y[train], x_test, y[test], _stem(name), found.classes, tuple(shape), found.kind, own, *texts
    )


def describe(name: str | os.PathLike) -> Description:
    """Load a data set and say what is there, and what is odd about it. Raises as `load`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = load(name)
    counts = np.bincount(found.y_train, minlength=len(found.classes)) if found.classes else [0]
    return Description(
        name=found.name,
        kind=found.kind,
        task="classification" if found.classes else "regression",
        n_train=len(found.y_train),
        n_test=len(found.y_test),
        n_features=found.x_train.shape[1],
        n_classes=len(found.classes),
        smallest_class=int(min(counts)),
        warnings=tuple(str(each.message) for each in caught if each.category is UserWarning),
    )


def text(name: str | os.PathLike = "python", *, min_chars: int = 1, max_chars: int | None = None) -> Text:
    """Load text as codes 0..95 into `ALPHABET`.

    `name="python"` is the text found on every Python installation: the standard library's manual pages and
    source files, tests left out, in an order fixed by a checksum of each file's name, so that any prefix is a
    fair sample of the whole. `name="novels"` is the text of the ten novels that come with the book, the same on every
    machine: their chapters in such an order, the passages of a chapter in its own. Otherwise `name` is the path of a
    UTF-8 text file. `max_chars` cuts the end off.

    Returns a `Text`. Raises FileNotFoundError where there is no such file, ValueError where it is not UTF-8, shorter
    than `min_chars` or blank.
    """
    check_at_least(1, min_chars=min_chars, max_chars=1 if max_chars is None else max_chars)
    if name == "python":
        home = pathlib.Path(sysconfig.get_path("stdlib"))
        skip = {
            "site-packages",
            "dist-packages",
            "test",
            "tests",
            "idlelib",
            "lib2to3",
            "__pycache__",
            "config",
        }
        files = [f for f in home.rglob("*.py") if not skip & set(f.relative_to(home).parts)]
        files.sort(key=lambda f: (zlib.crc32(f.relative_to(home).as_posix().encode()), f))
        joined = "\n".join(f.read_text(encoding="utf-8", errors="replace") for f in files)
    elif name == "novels":
        rows = bundled.novels()
        chapters = {}
        for novel, chapter, passage in zip(rows["novel"], rows["chapter"], rows["passage"]):
            chapters.setdefault(f"{novel} {chapter}", []).append(passage)
        files = sorted(chapters, key=lambda chapter: zlib.crc32(chapter.encode()))
        joined = "\n\n".join("\n".join(chapters[chapter]) for chapter in files)
    else:
        files = [pathlib.Path(os.path.expanduser(name))]
        if not os.path.isfile(files[0]):
            raise FileNotFoundError(
                f"text is {str(name)!r}: no such file; allowed: 'python', 'novels' or a text file"
            )
        try:
            joined = tables.decode(files[0].read_bytes(), str(name))
        except ValueError as error:
            raise ValueError(f"text {str(name)!r}: {error}") from error
        joined = joined.replace("\r\n", "\n").replace("\r", "\n")
    joined = joined.expandtabs(4)[:max_chars]
    if len(joined) < min_chars or not joined.strip():
        raise ValueError(
            f"text {str(name)!r} holds {len(joined):,} characters; at least {min_chars:,} are needed"
        )
    return Text(encoded(joined), ALPHABET, _stem(name), len(files))


def encoded(text: str) -> np.ndarray:
    """A text as codes (n,) uint8 into `ALPHABET`; what it lacks becomes a question mark."""
    table = np.full(256, ALPHABET.index("?"), np.uint8)
    table[[ord(c) for c in ALPHABET]] = np.arange(len(ALPHABET), dtype=np.uint8)
    return table[np.frombuffer(text.encode("ascii", errors="replace"), np.uint8)]


def _stem(name):
    """What to call a data set: its name, or that of the file or folder without its ending."""
    path = pathlib.Path(os.path.expanduser(name))
    return path.stem or path.resolve().name


def _torchvision(name, root):
    """Read (and if need be download, whole or not at all) one of torchvision's image sets."""
    import torchvision

    class_name, folder = TORCHVISION[name]
    source = getattr(torchvision.datasets, class_name)
    root = root or os.environ.get("LABUTILS_DATA")
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "labutils")
    called, root = str(root or cache), pathlib.Path(os.path.expanduser(root or cache))
    try:
        train, test = source(root, train=True), source(root, train=False)
    except Exception:  # not there, or what an interrupted download left of it
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root) as part:
                train, test = source(part, train=True, download=True), source(part, train=False)
                if (root / folder).exists():
                    os.replace(root / folder, pathlib.Path(part) / "broken")
                os.replace(pathlib.Path(part) / folder, root / folder)
        except Exception as error:
            why = " ".join(str(getattr(error, "strerror", None) or error).split())
            raise ConnectionError(
                f"dataset {name!r} is not in {called} and could not be downloaded ({why}). "
                f"Connect to the internet once and rerun, set LABUTILS_DATA to a folder that holds {folder}, "
                "or use dataset='digits', which needs no download."
            ) from error

    def arrays(part):
        pixels = np.asarray(part.data)
        if pixels.ndim == 4:  # colour: channels first, as torch's convolutions take them
            pixels = pixels.transpose(0, 3, 1, 2)
        x = np.multiply(pixels.reshape(len(pixels), -1), np.float32(1 / 255), dtype=np.float32)
        return x, np.asarray(part.targets, dtype=np.int64), pixels.shape[1:]

    x_train, y_train, shape = arrays(train)
    x_test, y_test, _ = arrays(test)
    return x_train, y_train, x_test, y_test, shape, tuple(map(str, train.classes))


def _stratified(y, size, seed):
    """Indices of `size` random rows, class shares kept as nearly as whole numbers allow; any rows for a regression."""
    from sklearn.model_selection import train_test_split

    if y.dtype.kind == "f":
        return np.sort(np.random.default_rng(seed).permutation(len(y))[:size])
    counts = np.unique(y, return_counts=True)[1]
    if size < len(counts):
        raise ValueError(f"max_train is {size}; with {len(counts)} classes at least {len(counts)} are needed")
    if len(y) - size < len(counts) or counts.min() < 2:  # too few to stratify, but every class stays
        order = np.random.default_rng(seed).permutation(len(y))
        first = np.unique(y[order], return_index=True)[1]
        return np.sort(np.concatenate([order[first], np.delete(order, first)])[:size])
    return np.sort(
        train_test_split(np.arange(len(y)), train_size=int(size), stratify=y, random_state=seed)[0]
    )


def _training_rows(y, seed):
    """The mask (N,) of the rows to train on; the others, about a quarter of every class, are held out."""
    least = 1 if y.dtype.kind == "f" else len(np.unique(y))
    held = min(max(round(TEST_SHARE * len(y)), least), len(y) - least)
    train = np.zeros(len(y), bool)
    train[_stratified(y, len(y) - held, seed)] = True
    return train
