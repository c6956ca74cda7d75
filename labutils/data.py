"""Data sets and text: bundled, downloaded, or the reader's own, all checked before any work starts."""

import os
import pathlib
import sysconfig
import tempfile
import zlib
from dataclasses import dataclass

import numpy as np

from labutils import readers
from labutils.checks import check_choice

TORCHVISION = {  # name here: (class in torchvision.datasets, the folder it keeps its files in)
    "mnist": ("MNIST", "MNIST"),
    "fashion_mnist": ("FashionMNIST", "FashionMNIST"),
    "cifar10": ("CIFAR10", "cifar-10-batches-py"),
}
NAMES = ("digits", *TORCHVISION)
TEST_SHARE = 0.25  # held out of every data set that comes without a test part of its own
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # 96 symbols; everything else in a text becomes "?"


@dataclass(frozen=True)
class Dataset:
    """A classification problem: rows of `x` are examples, `shape` is the shape of one before flattening."""

    x_train: np.ndarray  # (N, d) float32
    y_train: np.ndarray  # (N,) int64, 0 .. C-1
    x_test: np.ndarray
    y_test: np.ndarray
    name: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Text:
    """A text as integer codes into `alphabet`, with the number of files it was read from."""

    codes: np.ndarray  # (n,) uint8
    alphabet: str
    name: str
    files: int


def load(name="digits", *, root=None, max_train=None, seed=0):
    """Load a data set by name, or the reader's own from a path.

    Parameters: `name` is digits, mnist, fashion_mnist or cifar10, or a path to an `.npz` (arrays x and y),
    a `.csv` (numeric columns and one called target) or a folder of images with one sub-folder a class.
    `root` holds downloads (default: $LABUTILS_DATA, else the user's cache). `max_train` keeps a stratified
    random part of the training rows. `seed` fixes that part and, where there is no test part of its own
    (digits, the reader's data), the stratified 25% that is held out.

    Returns a `Dataset`: x float32 of shape (N, d), images in [0, 1], other features standardised with the
    training rows' mean and deviation; y int64 of shape (N,).

    Raises FileNotFoundError, ValueError or ConnectionError with one sentence that says what to do.
    """
    if max_train is not None and (not isinstance(max_train, int | np.integer) or max_train < 2):
        raise ValueError(
            f"max_train is {max_train!r}; allowed: a whole number of at least 2, or None for all"
        )
    if name == "digits":
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = (bunch.data / 16).astype(np.float32)
        parts = _hold_out(images, bunch.target.astype(np.int64), seed)
        shape, classes = (8, 8), tuple("0123456789")
    elif name in TORCHVISION:
        *parts, shape, classes = _torchvision(name, _root(root))
    elif pathlib.Path(name).suffix or os.sep in str(name) or pathlib.Path(name).exists():
        x, y, shape, classes, is_image = readers.read(pathlib.Path(name))
        parts = _hold_out(x, y, seed)
        if not is_image:
            parts = _standardise(*parts)
    else:
        check_choice("dataset", name, (*NAMES, "a path to .npz, .csv or a folder of images"))
    x_train, y_train, x_test, y_test = parts
    if max_train is not None and max_train < len(y_train):
        keep = _stratified(y_train, max_train, seed)
        x_train, y_train = x_train[keep], y_train[keep]
    return Dataset(x_train, y_train, x_test, y_test, pathlib.Path(name).stem, classes, tuple(shape))


def text(name="python", *, min_chars=1, max_chars=None):
    """Load text as codes 0..95 into `ALPHABET`.

    `name="python"` is the text found on every Python installation: the standard library's manual pages and
    source files, tests left out, in an order fixed by a checksum of each file's name, so that any prefix is a
    fair sample of the whole. Otherwise `name` is the path of a UTF-8 text file. `max_chars` cuts the end off.

    Returns a `Text`. Raises FileNotFoundError where there is no such file, ValueError where it is shorter than
    `min_chars` or blank.
    """
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
    else:
        files = [pathlib.Path(name)]
        if not files[0].is_file():
            raise FileNotFoundError(f"text is {str(name)!r}: no such file; allowed: 'python' or a text file")
    joined = "\n".join(f.read_text(encoding="utf-8", errors="replace") for f in files)
    joined = joined.expandtabs(4)[:max_chars]
    if len(joined) < min_chars or not joined.strip():
        raise ValueError(
            f"text {str(name)!r} holds {len(joined):,} characters; at least {min_chars:,} are needed"
        )
    table = np.full(256, ALPHABET.index("?"), np.uint8)
    table[[ord(c) for c in ALPHABET]] = np.arange(len(ALPHABET), dtype=np.uint8)
    codes = table[np.frombuffer(joined.encode("ascii", errors="replace"), np.uint8)]
    return Text(codes, ALPHABET, pathlib.Path(name).stem, len(files))


def _root(root):
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "labutils"
    return pathlib.Path(root or os.environ.get("LABUTILS_DATA") or cache)


def _torchvision(name, root):
    """Read (and if need be download, whole or not at all) one of torchvision's image sets."""
    import torchvision

    class_name, folder = TORCHVISION[name]
    source = getattr(torchvision.datasets, class_name)
    try:
        train, test = source(root, train=True), source(root, train=False)
    except RuntimeError:  # torchvision's word for: not there
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root) as part:
                source(part, train=True, download=True)
                os.replace(pathlib.Path(part) / folder, root / folder)
        except Exception as error:
            raise ConnectionError(
                f"dataset {name!r} is not in {root} and could not be downloaded ({' '.join(str(error).split())}). "
                f"Connect to the internet once and rerun, set LABUTILS_DATA to a folder that holds {folder}, "
                "or use dataset='digits', which needs no download."
            ) from error
        train, test = source(root, train=True), source(root, train=False)

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
    """Indices of `size` random rows, class shares kept as nearly as whole numbers allow."""
    from sklearn.model_selection import train_test_split

    classes = len(np.unique(y))
    if size < classes:
        raise ValueError(f"max_train is {size}; with {classes} classes at least {classes} are needed")
    if len(y) - size < classes:  # too few left over to stratify the rest
        return np.sort(np.random.default_rng(seed).permutation(len(y))[:size])
    return np.sort(
        train_test_split(np.arange(len(y)), train_size=int(size), stratify=y, random_state=seed)[0]
    )


def _hold_out(x, y, seed):
    """Split off a stratified test part: (x_train, y_train, x_test, y_test)."""
    classes = len(np.unique(y))
    held = min(max(round(TEST_SHARE * len(y)), classes), len(y) - classes)
    train = np.zeros(len(y), bool)
    train[_stratified(y, len(y) - held, seed)] = True
    return x[train], y[train], x[~train], y[~train]


def _standardise(x_train, y_train, x_test, y_test):
    mean, scale = x_train.mean(axis=0, dtype=np.float64), x_train.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1  # a constant feature says nothing either way
    x_train, x_test = (((x - mean) / scale).astype(np.float32) for x in (x_train, x_test))
    return x_train, y_train, x_test, y_test
