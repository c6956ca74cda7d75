"""The reader's own data from files, each fault named in one sentence before any work starts."""

import csv
import difflib
import pathlib

import numpy as np

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def read(path):
    """Read a classification problem from an `.npz` (arrays x and y), a `.csv` (numbers, and a column `target`) or a
    folder of images (one sub-folder a class).

    Returns x (N, d) float32, images in [0, 1]; y (N,) int64 codes 0 .. C-1; the shape of one example before
    flattening; the names of the classes; and whether the examples are images. Raises FileNotFoundError or
    ValueError with one sentence that names file and fault.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"dataset {str(path)!r}: there is no such file or folder (looked in {pathlib.Path.cwd()})"
        )
    readers = {".npz": _read_npz, ".csv": _read_csv}
    if path.is_dir():
        x, y, is_image = _read_folder(path)
    elif path.suffix.lower() in readers:
        x, y, is_image = readers[path.suffix.lower()](path)
    else:
        raise ValueError(
            f"dataset {str(path)!r} ends in {path.suffix!r}; allowed: .npz, .csv, or a folder of images"
        )
    if len(x) != len(y):
        raise ValueError(f"dataset {str(path)!r} has {len(x)} rows but {len(y)} labels; they must be as many")
    shape = x.shape[1:]
    x = x.reshape(len(x), -1)
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise ValueError(
            f"dataset {str(path)!r}: {bad.sum()} of {len(x)} rows hold NaN or infinity, the first is row "
            f"{np.flatnonzero(bad)[0]} (counted from 0); remove or fill them in"
        )
    if y.dtype.kind == "f" and not (y == np.round(y)).all():
        raise ValueError(
            f"dataset {str(path)!r}: labels such as {y[y != np.round(y)][0]} are not classes; bin them first"
        )
    names, codes = np.unique(y.astype(np.int64) if y.dtype.kind == "f" else y, return_inverse=True)
    count = np.bincount(codes)
    if len(names) < 2:
        raise ValueError(f"dataset {str(path)!r} has {len(names)} class; at least 2 are needed")
    if count.min() < 2:
        raise ValueError(
            f"dataset {str(path)!r}: class {str(names[count.argmin()])!r} has one example; each class needs at least 2, "
            "one to train on and one to test on"
        )
    return x, codes.astype(np.int64), shape, tuple(map(str, names)), is_image


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = {"x", "y"} - set(arrays.files)
            if missing:
                raise ValueError(f"it holds {arrays.files or 'nothing'}; the arrays 'x' and 'y' are needed")
            x, y = arrays["x"], arrays["y"]
    except Exception as error:  # not a zip file, pickled objects, missing arrays: one sentence each
        raise ValueError(f"dataset {str(path)!r} can't be used: {error}") from error
    if x.ndim < 2 or x.dtype.kind not in "fiub":
        raise ValueError(
            f"dataset {str(path)!r}: x has shape {x.shape} and type {x.dtype}; allowed: numbers, one row an example"
        )
    if y.ndim != 1:
        raise ValueError(
            f"dataset {str(path)!r}: y has shape {y.shape}; allowed: one label a row, shape (N,)"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"dataset {str(path)!r}: y holds NaN or infinity; every row needs a label")
    is_image = x.dtype == np.uint8
    return (x / np.float32(255) if is_image else x).astype(np.float32), y, is_image


def _read_csv(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    header = [h.strip() for h in rows[0]] if rows else []
    if "target" not in header:
        near = difflib.get_close_matches("target", header, n=1)
        hint = f" (is it {near[0]!r}?)" if near else ""
        raise ValueError(
            f"dataset {str(path)!r} has no column 'target'{hint}; its columns: {', '.join(header) or 'none'}"
        )
    column = header.index("target")
    x, y = np.empty((len(rows) - 1, len(header) - 1), np.float32), []
    for i, row in enumerate(rows[1:]):
        if len(row) != len(header):
            raise ValueError(
                f"dataset {str(path)!r}, line {i + 2}: {len(row)} cells where the header has {len(header)}"
            )
        y.append(row.pop(column).strip())
        try:
            x[i] = row
        except ValueError:
            names = header[:column] + header[column + 1 :]
            cell, name = next((c, h) for c, h in zip(row, names) if not _is_number(c))
            raise ValueError(
                f"dataset {str(path)!r}, line {i + 2}, column {name!r}: {cell!r} is text where a number is expected; "
                "encode it as numbers first"
            ) from None
        if not y[-1]:
            raise ValueError(
                f"dataset {str(path)!r}, line {i + 2}: the target is empty; every row needs a label"
            )
    if not len(x):
        raise ValueError(f"dataset {str(path)!r} has a header but no rows")
    labels = np.array(y)
    return x, labels.astype(float) if all(map(_is_number, y)) else labels, False


def _is_number(cell):
    try:
        float(cell)
        return True
    except ValueError:
        return False


def _read_folder(path):
    from PIL import Image

    folders = sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))
    files = [(f, c.name) for c in folders for f in sorted(c.iterdir()) if f.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        raise ValueError(
            f"dataset {str(path)!r} holds no images; allowed: one sub-folder a class, with {sorted(IMAGE_SUFFIXES)}"
        )
    images = []
    for file, _ in files:
        try:
            with Image.open(file) as image:
                pixels = np.asarray(image.convert("L" if image.mode in {"1", "L", "I", "I;16"} else "RGB"))
        except OSError as error:
            raise ValueError(
                f"dataset {str(path)!r}: {file.name} can't be read as an image ({error})"
            ) from error
        images.append(pixels if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"dataset {str(path)!r}: {file.name} has shape {images[-1].shape} but {files[0][0].name} has "
                f"{images[0].shape}; bring all images to one size and colour mode first"
            )
    return np.stack(images) / np.float32(255), np.array([name for _, name in files]), True
