"""Tables: the columns of a csv as numbers, categories and texts, and the features that training rows make of them."""

import codecs
import contextlib
import csv
import difflib
import io
import math
import os
import re
import shlex
from collections import Counter
from dataclasses import dataclass

import numpy as np

MISSING = {
    "",
    "?",
    "na",
    "n/a",
    "<na>",
    "nan",
    "null",
    "none",
}  # in lower case: how files write that there is nothing
USUAL = {"label", "class", "y", "outcome"}  # other names of a target
LARGEST = 1e100  # of a feature: its square and sums of squares must be numbers too
CATEGORIES = 20  # a column of more different texts than that is text
COMPONENTS = 100  # of the texts, the usual number for latent semantic analysis
TERMS = 10_000  # words, and as many runs of characters, the most frequent ones


@dataclass(frozen=True)
class Table:
    """A csv, sorted by what its columns hold; `lines` are those of the file, from 1, on which the rows begin."""

    numbers: np.ndarray  # (N, d) float64
    categories: tuple[list[str], ...]  # each of N texts, few of them different
    texts: tuple[str, ...]  # N, all text columns of a row in one; none without such a column
    targets: list[str]
    lines: list[int]
    notes: tuple[str, ...]  # what was left out, a sentence each


def decode(raw: bytes, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; `name` is the file's, for the advice.

    Raises ValueError that names the encoding it seems to have and says how to convert it.
    """
    new = shlex.quote(f"utf8-{os.path.basename(name)}")
    convert = f"iconv -f {{}} -t utf-8 {shlex.quote(name)} > {new}".format
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        raise ValueError(f"it is UTF-16 or no text at all; allowed: UTF-8; convert it: {convert('utf-16')}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(
            f"line {line} is not UTF-8 (byte 0x{raw[error.start]:02x}), perhaps Latin-1; convert it: {convert('latin1')}"
        ) from None


def number(cell: str) -> float | None:
    """The number a cell holds, None where it holds something else."""
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


def read(raw: bytes, name: str, *, target: str = "target", missing: bool = False) -> Table:
    """Read the bytes of a csv with a column `target`; the other columns are numbers, categories or texts.

    A column is numeric if at least half of what it holds are numbers, and then every cell must be one; else a category
    if it has few different texts, else text. Left out, and said, are columns without a name or called id or index
    with a whole number of its own for each row, and columns of codes no two rows share. A missing number is an error unless `missing` allows it
    to become NaN. Raises ValueError that says where and what to do.
    """
    rows, lines = _rows(decode(raw, name), target)
    header = [cell.strip() for cell in rows[0]] if rows else []
    for cell, count in Counter(header).items():
        if cell and count > 1:
            raise ValueError(f"{count} columns are called {cell!r}; give each a name of its own")
    for i, row in zip(lines[1:], rows[1:]):
        if len(row) != len(header):
            raise ValueError(f"line {i}: {len(row)} cells where the header has {len(header)}")
    if len(rows) < 2:
        raise ValueError("it has a header but no rows")
    columns = [[cell.strip() for cell in column] for column in zip(*rows[1:])]
    targets, numbers, categories, texts, notes = [], [], [], [], []
    for i, (title, cells) in enumerate(zip(header, columns), start=1):
        name = f"column {title!r}" if title else f"column {i}"
        if title == target:
            targets = cells
            continue
        kind, note = _kind(title, cells)
        if note:
            notes.append(f"{name} {note}")
        if kind == "numbers":
            numbers.append(_numbers(name, cells, lines[1:], missing))
        elif kind == "text":
            texts.append(cells)
        elif kind == "category":
            categories.append(cells)
    if not (numbers or categories or texts):
        raise ValueError(
            "; ".join(["it has no features: no column to learn from besides the target", *notes])
        )
    table = np.array(numbers, float).reshape(len(numbers), len(targets)).T
    joined = tuple(map("\n".join, zip(*texts)))
    return Table(table, tuple(categories), joined, targets, lines[1:], tuple(notes))


def features(
    numbers: np.ndarray, categories: tuple, texts: tuple, train: np.ndarray, test: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D), (M, D) float32 of the rows `train` (N,) and `test` (M,), fitted on the training rows alone.

    `numbers` (rows, d) are standardised; rows that are not for training are cut off a million deviations out. Each of
    the `categories` becomes one column of 0 or 1 for each of its training values, all 0 for others. The `texts` become
    TF-IDF of their words and of three characters in a row, projected on the first singular vectors (latent semantic
    analysis, Deerwester et al. 1990), centred and brought to a mean variance of one.
    """
    own = numbers[train]
    centre, scale = own.mean(axis=0), own.std(axis=0)
    scale[(scale == 0) | (np.ptp(own, axis=0) == 0)] = 1  # a constant says nothing either way
    parts = [[np.clip((numbers[rows] - centre) / scale, -1e6, 1e6) for rows in (train, test)]]
    for column in categories:
        values = sorted({column[i] for i in train})
        place = {value: i for i, value in enumerate(values)}
        one = np.eye(len(values) + 1)[:, :-1]
        parts.append([one[[place.get(column[i], -1) for i in rows]] for rows in (train, test)])
    if texts:
        parts.append(_latent(*([texts[i] for i in rows] for rows in (train, test)), seed))
    return tuple(np.hstack(both).astype(np.float32) for both in zip(*parts))


def _latent(train, test, seed):
    """TF-IDF of words and characters, or of characters alone where words are not set apart by spaces, in few dimensions."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.utils.extmath import randomized_svd

    if not any(re.search(r"\w", text) for text in train):
        return np.zeros((len(train), 1)), np.zeros((len(test), 1))
    spaced = sum(" " in text or text.isascii() for text in train) * 2 >= len(train)
    words = {"token_pattern": r"(?u)\b\w+\b"}, {"analyzer": "char", "ngram_range": (3, 3)}
    units = words if spaced else ({"analyzer": "char", "ngram_range": (1, 2)},)
    parts = [[], []]
    for unit in units:
        tfidf = TfidfVectorizer(sublinear_tf=True, max_features=TERMS, **unit)
        with contextlib.suppress(ValueError):  # texts too short to hold a single such term
            parts[0].append(tfidf.fit_transform(train))
            parts[1].append(tfidf.transform(test))
    parts = [sparse.hstack(part).tocsr() for part in parts]
    if parts[0].shape[1] > COMPONENTS:
        axes = randomized_svd(parts[0], min(COMPONENTS, len(train)), n_iter=3, random_state=seed)[2]
        parts = [x @ axes.T for x in parts]
    else:
        parts = [x.toarray() for x in parts]
    parts = [x - parts[0].mean(axis=0) for x in parts]
    return [x / (np.sqrt((parts[0] ** 2).mean()) or 1) for x in parts]


def _rows(text, target):
    """The rows of a csv that are not blank, and the line on which each begins; checked for the target and commas."""
    limit = csv.field_size_limit(len(text) + 1)  # csv's own, 131,072 characters, is short for a text
    rows, lines, start = [], [], 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {start}: {error} (a quote that is not closed?)") from None
    finally:
        csv.field_size_limit(limit)
    header = [cell.strip() for cell in rows[0]] if rows else []
    if target not in header:
        first = ",".join(header)
        for separator, word in {";": "semicolons", "\t": "tabs", "|": "vertical bars"}.items():
            if first.count(separator) >= max(1, len(header)):
                raise ValueError(f"its cells are separated by {word} ({separator!r}); allowed: commas")
        near = [
            c for c in header if c.lower() in USUAL or difflib.get_close_matches(target.lower(), [c.lower()])
        ]
        hint = f" (is it {near[0]!r}?)" if near else ""
        if header and all(number(cell) is not None for cell in header):
            hint = " (is the line of names missing?)"
        names = ", ".join(header[:10]) + (" ..." if len(header) > 10 else "")
        raise ValueError(f"it has no column {target!r}{hint}; its columns: {names or 'none'}")
    return rows, lines


def _kind(title, cells):
    """Whether a column holds "numbers", a "category", "text" or nothing to learn from, and what to say of it."""
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    found = [value for value in map(number, filled) if value is not None]
    nameless = not title or re.fullmatch(r"Unnamed: \d+", title)
    if nameless and not filled:
        return None, "has no name and holds nothing; it is left out"
    if 2 * len(found) >= len(filled):
        counts = len(found) == len(cells) and found in (
            list(range(len(cells))),
            list(range(1, len(cells) + 1)),
        )
        index = len(set(found)) == len(cells) and all(value == value // 1 for value in found)
        if index and (nameless or title.lower() in ("id", "index")):
            return None, "numbers the rows; it is left out"
        return "numbers", "counts the rows; if it is an index, take it out" if counts else None
    if all(re.fullmatch(r"[-+]?\d+,\d+", cell) for cell in filled):
        raise ValueError(f"column {title!r}: {filled[0]!r} has a decimal comma; allowed: a point")
    different = set(cells)
    if len(different) == len(cells) > CATEGORIES and all(c.isascii() and len(c.split()) < 2 for c in cells):
        return None, "holds a code of its own for each row; it is left out"
    words = sum(len(cell.split()) for cell in cells) / len(cells)
    long = words >= 4 and 2 * len(different) > len(cells)
    return "text" if long or len(different) > CATEGORIES else "category", None


def _numbers(name, cells, lines, missing):
    """A column of numbers as floats, NaN where one is `missing` and may be; ValueError for the first cell that is none."""
    found = [math.nan if missing and cell.lower() in MISSING else number(cell) for cell in cells]
    for cell, value, line in zip(cells, found, lines):
        if value is not None and math.isnan(value) and missing:
            continue
        if cell.lower() in MISSING:
            holes = sum(cell.lower() in MISSING for cell in cells)
            raise ValueError(
                f"line {line}, {name}: the number is missing ({cell!r}, {holes} such in this column); fill it in, or "
                "take the row or the column out"
            )
        if value is None:
            raise ValueError(
                f"line {line}, {name}: {cell!r} is text where a number is expected; encode it as numbers first"
            )
        if not abs(value) <= LARGEST:
            raise ValueError(f"line {line}, {name} holds {cell!r}; allowed: finite numbers up to {LARGEST:g}")
    return found
