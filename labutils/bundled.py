"""The data that come with the book: scikit-learn's small sets, and those in the folder `data`."""

import csv
import io
import lzma
import pathlib

import numpy as np
from sklearn import datasets

from labutils.readers import Examples

TABLES = ("breast_cancer", "iris", "wine", "diabetes")
NAMES = ("digits", "fashion", "novels", *TABLES)
FASHION = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def folder() -> pathlib.Path:
    """The folder `data`: beside the package in a clone, inside it once it is installed."""
    home = pathlib.Path(__file__).parent
    return next(path for path in (home.parent / "data", home / "files") if (path / "README.md").is_file())


def read(name: str) -> tuple[Examples, np.ndarray | None]:
    """One of `NAMES`: its examples, and the mask (N,) of those to train on where a set has a part for tests of its own."""
    if name == "fashion":
        with np.load(folder() / "fashion.npz", allow_pickle=False) as held:
            x = np.concatenate([held["x_train"], held["x_test"]])  # (N, 28, 28)
            y = np.concatenate([held["y_train"], held["y_test"]]).astype(np.int64)
            train = np.arange(len(y)) < len(held["y_train"])
        return Examples(x * np.float32(1 / 255), y, FASHION, "images"), train
    if name == "novels":
        rows = novels()
        authors, y = np.unique(rows["author"], return_inverse=True)
        none = np.empty((len(y), 0))
        found = Examples(
            none, y.astype(np.int64), tuple(authors.tolist()), "text", (), tuple(rows["passage"])
        )
        return found, np.array(rows["part"]) == "train"
    bunch = getattr(datasets, f"load_{name}")()
    if name == "digits":
        x, classes = (bunch.data / 16).astype(np.float32).reshape(-1, 8, 8), tuple("0123456789")
        return Examples(x, bunch.target.astype(np.int64), classes, "images"), None
    if name == "diabetes":
        return Examples(bunch.data, bunch.target.astype(np.float32), (), "rows"), None
    return Examples(
        bunch.data, bunch.target.astype(np.int64), tuple(map(str, bunch.target_names)), "rows"
    ), None


def novels() -> dict[str, list[str]]:
    """The passages of `novels`, a list for each column: part, author, novel, chapter (its number there), passage."""
    with lzma.open(folder() / "novels.csv.xz", "rt", encoding="ascii", newline="") as file:
        header, *rows = csv.reader(io.StringIO(file.read()))
    return dict(zip(header, map(list, zip(*rows))))
