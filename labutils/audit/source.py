"""What an audit is given: rows and labels from arrays or files, split once, and how a row looks to the eye."""

import csv
import hashlib
import io
import os
import pathlib
import warnings
from dataclasses import dataclass, replace

import numpy as np

from labutils import bundled, readers, tables
from labutils.audit import features as make_features
from labutils.audit.inputs import check
from labutils.selection import pruning

TEST = 0.25  # share held out where no test rows are given
MOST_TEST = 20_000
CELLS = 12  # columns of a row that are shown


@dataclass(frozen=True, eq=False)
class Source:
    """All rows of a data set, in the order of the file, and which of them are for training and which for the test."""

    name: str
    raw: np.ndarray  # (R, ...) what is compared byte for byte; may be a mapped file
    y: np.ndarray  # (R,) int64 codes, or float32
    classes: tuple[str, ...]  # none for a regression
    kind: str  # "images", "rows", "text" or "embedding"
    train: np.ndarray  # (N,) row numbers, rising
    test: np.ndarray  # (M,)
    features: make_features.Features
    columns: tuple[str, ...]  # of a table, to name what is missing
    cells: tuple[tuple[str, ...], ...]  # (R, columns) of a csv as they stand there, for showing
    texts: tuple[str, ...]  # (R,)
    notes: tuple[str, ...]  # what the reader of the file left out or took for something

    @property
    def n_classes(self) -> int:
        """Classes; 0 for a regression."""
        return len(self.classes)

    def label(self, value: float) -> str:
        """A class or number as the reader wrote it."""
        return self.classes[int(value)] if self.classes else f"{value:.4g}"

    def show(self, row: int) -> str | np.ndarray:
        """A row for the eye: pixels (H, W) or (H, W, 3) of an image, a passage of text, or the first cells of a row."""
        if self.kind == "images":
            image = np.asarray(self.raw[row], float)
            return image if image.ndim == 2 else np.moveaxis(image, 0, -1).squeeze()
        if self.texts:
            text = " ".join(self.texts[row].split())
            return text[:240] + (" …" if len(text) > 240 else "")
        if self.cells:
            pairs = [f"{name} {cell}" for name, cell in zip(self.columns, self.cells[row])][:CELLS]
        else:
            pairs = [f"{value:.3g}" for value in np.ravel(self.raw[row])[:CELLS]]
        more = (len(self.columns) or int(np.prod(self.raw.shape[1:]))) > CELLS
        return ", ".join(pairs) + (" …" if more else "")


def split(y: np.ndarray, *, regression: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training and for the test: a quarter of every class, 20,000 rows at most, held out."""
    held = min(TEST, MOST_TEST / len(y))
    test = pruning.select(
        np.zeros(len(y)), held, prefer="random", labels=None if regression else y, seed=seed
    )
    return np.setdiff1d(np.arange(len(y)), test), test


def from_arrays(
    x: np.ndarray,
    y: np.ndarray,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    classes: tuple[str, ...] | None = None,
    kind: str | None = None,
    name: str = "your data",
    seed: int = 0,
) -> Source:
    """The source of rows x (N, ...) and labels or numbers y (N,), with `test` rows (x, y) of their own if there are any.

    x of more than two dimensions are images (N, H, W), (N, H, W, colours) or (N, colours, H, W), unless `kind` says
    "rows", which are standardised, or "features", which are taken as they are. It may hold NaN, a missing number, and may
    be a mapped file. Raises ValueError for shapes that disagree, or too few rows.
    """
    x, y, extra = np.asanyarray(x), np.asarray(y), None
    if x.ndim < 2 or x.dtype.kind not in "fiub" or not x.size:
        raise ValueError(f"x has shape {x.shape} and type {x.dtype}; allowed: numbers, one row an example")
    if test is not None:
        extra = np.asarray(test[0]), np.asarray(test[1])
        if extra[0].shape[1:] != x.shape[1:] or len(extra[0]) != len(extra[1]) or not len(extra[0]):
            raise ValueError(
                f"test has shapes {extra[0].shape}, {extra[1].shape}; allowed: rows as in x, {x.shape[1:]}"
            )
    images = kind == "images" or (kind is None and x.ndim > 2)
    joint = y if extra is None else np.concatenate([y, extra[1]])
    if joint.ndim != 1:
        raise ValueError(f"y has shape {y.shape}; allowed: one label or number a row, (N,)")
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows, y {len(y)}; they must be as many")
    if joint.dtype.kind == "f" and not np.isfinite(joint).all():
        raise ValueError(f"y holds {joint[~np.isfinite(joint)][0]}; every row needs a label, a finite number")
    codes, names, notes = readers.targets(joint.astype(str) if joint.dtype.kind in "OSb" else joint)
    if classes is not None and names:
        if len(classes) <= int(joint.max()) or joint.dtype.kind not in "iu":
            raise ValueError(f"classes are {len(classes)} names; allowed: one for each of 0 to {joint.max()}")
        names, codes = tuple(classes), joint.astype(np.int64)
    raw = x if extra is None else np.concatenate([x, extra[0]])
    if images and raw.ndim == 4 and raw.shape[3] in (1, 3, 4) and raw.shape[1] not in (1, 3, 4):
        raw = np.moveaxis(raw, 3, 1)
    if images and raw.dtype.kind in "ui":
        raw = raw.astype(np.float32) / np.iinfo(raw.dtype).max
    if not np.isfinite(_some(raw)).all() and np.isinf(_some(raw)).any():
        raise ValueError("x holds infinity; allowed: finite numbers, and NaN for what is missing")
    if extra is None:
        check(x, codes, n_classes=len(names))
        train, held = split(codes, regression=not names, seed=seed)
    else:
        check(x, codes[: len(x)], n_classes=len(names))
        train, held = np.arange(len(x)), np.arange(len(x), len(raw))
    how = "images" if images else kind or "rows"
    made = make_features.make(raw, train, held, kind=how, seed=seed)
    shown = "images" if images else "rows"
    return Source(name, raw, codes, names, shown, train, held, made, (), (), (), tuple(notes))


def _some(x):
    """A sample of the rows, enough to find a habit, or all of few."""
    return np.asarray(x[:: max(1, len(x) // 20_000)])


def from_file(
    path: str | os.PathLike,
    *,
    target: str | None = None,
    embedding: str | os.PathLike | None = None,
    seed: int = 0,
) -> Source:
    """The source in a file: `.csv` with a column `target`, `.npz` with x and y, a folder of images, `.npy` with labels.

    For an `.npy`, which is mapped and not read, `target` is the `.npy` of its labels. By name there are the data that come
    with the book. `embedding` is an `.npy` (R, m) of features computed elsewhere, a row for each row of the file: learnt
    from in place of what the file holds. Raises FileNotFoundError, OSError or ValueError in a sentence.
    """
    path, given = pathlib.Path(os.path.expanduser(path)), str(path)
    known = given in bundled.NAMES and not path.exists()
    if path.suffix.lower() == ".npy":
        x, y = _mapped(path, given), _mapped(pathlib.Path(target), target) if target else None
        if y is None:
            raise ValueError(f"{given!r} holds no labels; allowed: with --target labels.npy")
        source = from_arrays(x, np.asarray(y), name=path.stem, seed=seed)
        return source if embedding is None else _embedded(source, embedding, seed)
    mask = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        if known:
            found, mask = bundled.read(given)
        else:
            found = readers.read(given, target=target or "target", missing=True)
    said = [str(each.message) for each in caught if each.category is UserWarning]
    notes = tuple(note.replace(f"dataset {given!r}: ", "") for note in said)  # the page says no paths
    n = len(found.y)
    if mask is None:
        check(found.x if len(found.x) == n else found.y, found.y, n_classes=len(found.classes))
        train, test = split(found.y, regression=not found.classes, seed=seed)
    else:
        train, test = np.flatnonzero(mask), np.flatnonzero(~mask)
    columns, cells, raw = (), (), found.x
    if path.suffix.lower() == ".csv" and not known:
        columns, cells = _cells(path, given, target or "target")
    if columns or found.texts:
        raw = _codes(found)
    if found.kind == "images":
        made = make_features.make(raw, train, test, kind="images", seed=seed)
    elif found.categories or found.texts:
        made = _of_table(found, train, test, seed)
    else:
        made = make_features.make(found.x, train, test, kind="rows", seed=seed)
    source = Source(
        given if known else path.stem,
        raw,
        found.y,
        found.classes,
        found.kind,
        train,
        test,
        made,
        columns,
        cells,
        found.texts,
        notes,
    )
    return source if embedding is None else _embedded(source, embedding, seed)


def _of_table(found, train, test, seed):
    """Features of a table with categories or texts, its missing numbers filled in by the median of the training rows."""
    holes = np.isnan(found.x)
    x = np.where(holes, make_features.medians(found.x[train]), found.x)
    parts = tables.features(x, found.categories, found.texts, train, test, seed)
    words = "numbers standardised, a column for each category, texts by their words and letters"
    made = make_features.make(
        np.concatenate(parts),
        np.arange(len(train)),
        len(train) + np.arange(len(test)),
        kind="features",
        seed=seed,
    )
    return replace(made, words=words, missing=holes.sum(axis=0))


def _embedded(source, embedding, seed):
    """The source with features from a file in place of its own."""
    x = _mapped(pathlib.Path(os.path.expanduser(embedding)), str(embedding))
    if x.ndim != 2 or len(x) != len(source.y) or x.dtype.kind not in "fiu":
        raise ValueError(
            f"embedding {str(embedding)!r} has shape {x.shape} and type {x.dtype}; allowed: numbers, one row for each "
            f"of the {len(source.y):,} rows"
        )
    made = make_features.make(x, source.train, source.test, kind="features", seed=seed)
    words = f"the embedding {pathlib.Path(embedding).name}, {made.words}"
    return replace(source, features=replace(made, words=words, missing=source.features.missing))


def _mapped(path, given):
    if not path.is_file():
        raise FileNotFoundError(f"{given!r}: there is no such file")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{given!r} can't be used: {' '.join(str(error).split())}") from error


def _cells(path, given, target):
    """The names of a csv's columns but the target, and its cells, a tuple for each row that is not blank."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        rows = list(csv.reader(io.StringIO(tables.decode(path.read_bytes(), given), newline="")))
    finally:
        csv.field_size_limit(limit)
    rows = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    at = rows[0].index(target)
    rows = [tuple(cell for i, cell in enumerate(row) if i != at) for row in rows]
    return rows[0], tuple(rows[1:])


def _codes(found):
    """A number for each row of a table, another for other content of the columns that are learnt from: (R, 1)."""
    parts = [found.x[i].tobytes() for i in range(len(found.y))]
    others = [*found.categories, found.texts] if found.texts else found.categories
    parts = [part + "\x1f".join(cells).encode() for part, *cells in zip(parts, *others)]
    marks = [hashlib.blake2b(part, digest_size=8).digest() for part in parts]
    return np.frombuffer(b"".join(marks), np.uint64)[:, None]
