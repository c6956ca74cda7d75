"""The reader's own data from files, each fault named in one sentence before any work starts."""

import os
import pathlib
import re
import stat
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from labutils import tables

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
PIXELS = 2**28  # numbers in all images together: a gigabyte
EXACT = 2**53  # whole numbers below it are exact as float64
FEW = 20  # whole numbers of which there are more than that, some once, are no classes


@dataclass(frozen=True)
class Examples:
    """What a file holds, before it is split; of which kind it is says `kind`: "images", "rows" or "text"."""

    x: np.ndarray  # (N, H, W) or (N, colours, H, W) float32 in [0, 1] if images, else (N, d) float64
    y: np.ndarray  # (N,) int64 codes 0 .. C-1, or float32, numbers to predict
    classes: tuple[str, ...]  # C, none for a regression
    kind: str
    categories: tuple[list[str], ...] = ()
    texts: tuple[str, ...] = ()  # both as in `tables.Table`


def read(name: str | os.PathLike, *, target: str = "target", missing: bool = False) -> Examples:
    """Read an `.npz` (arrays x and y), a `.csv` (a column `target`) or a folder of images (one sub-folder a class).

    `target` is the name of that column; `missing` allows a csv to lack numbers, which become NaN. Warns of what it leaves
    out. Raises FileNotFoundError, OSError or ValueError with one sentence that says what is wrong with the file, called as
    it was given.
    """
    given, path = str(name), pathlib.Path(os.path.expanduser(name))
    if not os.path.exists(path):
        raise FileNotFoundError(f"dataset {given!r}: there is no such file or folder")
    try:
        examples, notes = _read(path, given, target, missing)
    except OSError as error:
        raise OSError(f"dataset {given!r} can't be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"dataset {given!r}: {' '.join(str(error).split())}") from error
    for note in notes:
        warnings.warn(f"dataset {given!r}: {note}", stacklevel=3)
    return examples


def _read(path, given, target, missing):
    suffix = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        what = {stat.S_ISFIFO: "a pipe", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device"}
        found = next((word for test, word in what.items() if test(path.stat().st_mode)), "a socket")
        raise ValueError(f"it is {found}; allowed: a file .npz or .csv, or a folder of images")
    if suffix == ".npz":
        return _read_npz(path)
    if suffix == ".csv":
        return _read_csv(path, given, target, missing)
    advice = (
        "unpack it first" if suffix in {".gz", ".bz2", ".xz", ".zip", ".zst"} else "save it as one of these"
    )
    raise ValueError(f"it ends in {path.suffix!r}; allowed: .npz, .csv, or a folder of images; {advice}")


def _read_csv(path, given, target, missing):
    table = tables.read(path.read_bytes(), given, target=target, missing=missing)
    y, classes, notes = targets(_labels(table.targets, [f"line {i}" for i in table.lines]))
    kind = "text" if table.texts and not table.numbers.size else "rows"
    return Examples(table.numbers, y, classes, kind, table.categories, table.texts), [*table.notes, *notes]


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if {"x", "y"} - set(arrays.files):
                raise ValueError(f"it holds {arrays.files or 'nothing'}; the arrays 'x' and 'y' are needed")
            x, y = arrays["x"], arrays["y"]
    except OSError:
        raise
    except Exception as error:  # not a zip file, pickled objects, sizes that are lies: one sentence each
        raise ValueError(f"it can't be used: {error}") from error
    if x.ndim < 2 or x.dtype.kind not in "fiub":
        raise ValueError(f"x has shape {x.shape} and type {x.dtype}; allowed: numbers, one row an example")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "fiubUS":
        raise ValueError(f"y has shape {y.shape} and type {y.dtype}; allowed: one number or text a row, (N,)")
    if len(x) != len(y):
        raise ValueError(f"it has {len(x)} rows but {len(y)} labels; they must be as many")
    if not x.size:
        raise ValueError(f"x has shape {x.shape}; allowed: at least one row and one feature")
    with np.errstate(over="ignore"):
        x, y = (values.astype(float) if values.dtype.kind == "f" else values for values in (x, y))
    bad = (
        ~(np.abs(x.reshape(len(x), -1)) <= tables.LARGEST).all(axis=1) if x.dtype.kind == "f" else np.zeros(1)
    )
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(x)} rows hold NaN or infinity or more than {tables.LARGEST:g}, the first is row "
            f"{bad.argmax() + 1}; remove or fill them in"
        )
    bad = ~(np.abs(y) < EXACT) if y.dtype.kind == "f" else np.zeros(1)
    if bad.any():
        raise ValueError(
            f"y holds {y[bad.argmax()]} in row {bad.argmax() + 1}; every row needs a label, a finite number below 2**53"
        )
    if y.dtype.kind in "US":
        texts = np.char.decode(y, "utf-8") if y.dtype.kind == "S" else y
        y = _labels([text.strip() for text in texts.tolist()], [f"row {i}" for i in range(1, len(y) + 1)])
    y, classes, notes = targets(y)
    images = x.ndim in (3, 4) and (x.dtype in (np.uint8, np.uint16) or (x.min() >= 0 and x.max() <= 1))
    if not images:
        return Examples(x.reshape(len(x), -1).astype(float), y, classes, "rows"), notes
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.shape[1] not in (1, 3, 4):
        x = x.transpose(0, 3, 1, 2)  # colours first, as torch's convolutions take them
    x = x / np.float32(1 if x.max() <= 1 else np.iinfo(x.dtype).max)
    return Examples(x.astype(np.float32), y, classes, "images"), notes


def _labels(targets, places):
    """Targets written as texts, as float64 if all are numbers not written like codes, else as texts; each checked."""
    values = list(map(tables.number, targets))
    numeric = None not in values
    for value, target, place in zip(values, targets, places):
        if target.lower() in tables.MISSING:
            found = repr(target) if target else "empty"
            raise ValueError(
                f"{place}: the target is {found}; every row needs a label (give a class of that name another)"
            )
        if numeric and not abs(value) < EXACT:
            raise ValueError(f"{place}: the target is {target!r}; allowed: texts, or numbers below 2**53")
        if len(target) > 200:
            raise ValueError(f"{place}: the target has {len(target):,} characters; allowed: 200")
    if numeric and _regression(np.array(values)):
        return np.array(values)
    seen = {}
    for value, target, place in zip(values, targets, places):
        first, at = seen.setdefault(target if value is None else value, (target, place))
        if first != target:
            raise ValueError(
                f"{at} and {place}: the targets {first!r} and {target!r} are one number; write it one way"
            )
    codes = any(re.match(r"[-+]?0\d", target) for target in targets)
    return np.array(values if numeric and not codes else targets)


def _regression(y):
    """Whether finite numbers are to be predicted, not told apart: with fractions, or many and some of them once."""
    if (y != np.round(y)).any():
        return True
    counts = np.unique(y, return_counts=True)[1]
    return len(counts) > FEW and counts.min() == 1


def targets(y: np.ndarray) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Codes of the classes in y (N,) and their names, or numbers float32 and no names; and what is to be said of it.

    Numbers with fractions, or many whole ones of which some stand once, are to be predicted. Raises ValueError for one
    class, a class with one row, or numbers that are all the same.
    """
    if y.dtype.kind in "fiu" and _regression(y):
        if (y == y[0]).all():
            raise ValueError(f"every target is {y[0]:g}; allowed: at least 2 different numbers")
        whole = (y == np.round(y)).all()
        note = f"the target holds {len(np.unique(y))} whole numbers, some of them once: it is taken as a number to predict"
        return y.astype(np.float32), (), [note] if whole else []
    names, codes = np.unique(y.astype(np.int64) if y.dtype.kind == "f" else y, return_inverse=True)
    counts = np.bincount(codes)
    if len(names) < 2:
        raise ValueError(f"it has {len(names)} class; at least 2 are needed")
    if counts.min() < 2:
        raise ValueError(
            f"class {str(names[counts.argmin()])!r} has one example; each class needs at least 2, one to train on and "
            "one to test on"
        )
    return codes.astype(np.int64), tuple(map(str, names)), []


def _read_folder(path):
    folders = sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))
    files = {f: [c for c in sorted(f.iterdir()) if _is_image(c)] for f in folders}
    notes = [f"its folder {f.name!r} holds no images and is left out" for f in folders if not files[f]]
    files = [c for f in folders for c in files[f]]
    if not files:
        loose = sum(map(_is_image, path.iterdir()))
        raise ValueError(
            f"it holds no images in its sub-folders ({loose} outside of them); allowed: one sub-folder a class, with "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    images, seen_through = [], 0
    for file in files:
        name = f"{file.parent.name}/{file.name}"
        if not file.is_file():
            raise ValueError(f"{name} is no regular file")
        try:
            with warnings.catch_warnings(), Image.open(file) as image:
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                if image.width * image.height * len(files) > PIXELS:
                    raise ValueError(
                        f"{len(files)} images of {image.width} x {image.height} are too large; scale them down"
                    )
                pixels, transparent = _pixels(image)
        except Exception as error:  # Pillow raises nearly anything on a broken file
            why = (
                ""
                if isinstance(error, Image.UnidentifiedImageError)
                else f" ({getattr(error, 'strerror', None) or error})"
            )
            raise ValueError(f"{name} can't be read as an image{why}") from error
        images.append(pixels)
        seen_through += transparent
        if pixels.shape != images[0].shape:
            raise ValueError(
                f"{name} has shape {pixels.shape} but {files[0].parent.name}/{files[0].name} has {images[0].shape}; "
                "bring all images to one size and colour mode first"
            )
    if seen_through:
        notes.append(
            f"{seen_through} of its {len(files)} images are partly transparent and were laid on white"
        )
    y, classes, _ = targets(np.array([file.parent.name for file in files]))
    return Examples(np.stack(images), y, classes, "images"), notes


def _is_image(path):
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _pixels(image):
    """The pixels of a picture, (H, W) if grey or (3, H, W), float32 in [0, 1], and whether it is transparent."""
    if image.mode == "F":
        raise ValueError("its pixels are floats; allowed: 8 or 16 bits")
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError(f"its pixels go from {pixels.min()} to {pixels.max()}; allowed: 8 or 16 bits")
        return (pixels / 65535).astype(np.float32), False
    grey, transparent = image.mode in {"1", "L", "LA", "La"}, False
    if image.has_transparency_data:
        image = image.convert("RGBA")
        transparent = image.getchannel("A").getextrema()[0] < 255
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    pixels = np.asarray(image.convert("L" if grey else "RGB")) / np.float32(255)
    return pixels if grey else pixels.transpose(2, 0, 1), transparent
