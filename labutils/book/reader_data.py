"""The reader's data in the book: where their build goes, which chapters can use them, which keep the book's own, and why."""

import hashlib
import json
import re
from pathlib import Path

import nbformat

from labutils import data
from labutils.book.execute import noted, plain
from labutils.book.records import write

KINDS = {"images": "images", "rows": "rows of numbers", "text": "texts"}


def needs(notebook: Path) -> dict | None:
    """What a notebook declares it can take, its metadata `labutils.data`; None where it has no use for a data set.

    Keys: `kinds` (of "images", "rows", "text") and, where they matter, `tasks` (default: classification alone), `rows`
    and `classes`, the fewest training rows and classes, `per_class`, the fewest training rows of a class, and
    `features`, the fewest numbers an example has.
    """
    return nbformat.read(notebook, as_version=4).metadata.get("labutils", {}).get("data")


def unfit(needs: dict | None, found: "data.Description") -> str | None:
    """Why a chapter with such `needs` keeps the book's own data, in a few words; None where it can take those found."""
    if needs is None:
        return "its experiments make their own"
    if found.kind not in needs["kinds"]:
        return f"it takes {' or '.join(KINDS[kind] for kind in needs['kinds'])}, and yours are {KINDS[found.kind]}"
    if found.task not in needs.get("tasks", ["classification"]):
        return f"it takes classes, and your target is a number to predict ({found.task})"
    words = {
        "rows": ("n_train", "training rows"),
        "classes": ("n_classes", "classes"),
        "per_class": ("smallest_class", "training rows of every class"),
        "features": ("n_features", "numbers an example"),
    }
    for key, (name, word) in words.items():
        if getattr(found, name) < needs.get(key, 0):
            return f"it needs at least {needs[key]:,} {word}, and yours have {getattr(found, name):,}"
    return None


def mirror(profile: str, dataset: str) -> Path:
    """The folder of the build for a data set: readable, and another one for another path or other content."""
    path = Path(dataset).expanduser()
    name = re.sub(r"[^A-Za-z0-9_]+", "-", path.stem).strip("-")[:30] or "data"
    if not path.exists():
        return Path(f"_build/{profile}-{name}")
    digest = hashlib.sha256(str(path.resolve()).encode())
    if path.is_file():
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for file in sorted(path.rglob("*")):  # of pictures, which are many, the names, sizes and dates
        digest.update(f"{file.relative_to(path)} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
    return Path(f"_build/{profile}-{name}-{digest.hexdigest()[:10]}")


def plan(dataset: str, profile: str, chapters: list[Path]) -> "tuple[Path, data.Description, dict[str, str]]":
    """The folder of the build, what the data set holds, and {chapter: reason} for those that keep the book's own.

    The reasons are written to the folder, as `own.json` for `borrow` and as `own.mk` for make. Raises what
    `data.describe` raises for data that no chapter could read.
    """
    found, folder = data.describe(dataset), mirror(profile, dataset)
    reasons = {path.stem: unfit(needs(path), found) for path in chapters}
    own = {name: reason for name, reason in reasons.items() if reason}
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "own.json", json.dumps(own))
    write(folder / "own.mk", f"OWN := {' '.join(own)}\n")
    return folder, found, own


def borrow(executed: Path, output: Path, dataset: str) -> None:
    """Put an executed chapter that keeps the book's own data into the build for the reader's, with a note that says why."""
    output = Path(output)
    reason = json.loads((output.parents[1] / "own.json").read_text(encoding="utf-8"))[output.stem]
    name = plain(Path(dataset).name)
    note = f"This chapter keeps the book's own data, not your `{name}`: {reason}."
    write(output, nbformat.writes(noted(nbformat.read(executed, as_version=4), note)) + "\n")
