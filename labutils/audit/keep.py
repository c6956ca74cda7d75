"""The keep list: for every row of the file whether to keep it, and why."""

import csv
import io
import pathlib

import numpy as np

from labutils.audit.fewer import Fewer
from labutils.audit.inputs import Inputs
from labutils.audit.label_errors import LabelErrors
from labutils.book.records import write

HEADER = ("row", "score", "rank", "keep", "reason")
WORDS = {  # why a rule keeps a row
    "random": "drawn at random",
    "hard": "among the hardest",
    "hard, by class": "among the hardest of its class",
    "easy": "among the easiest",
    "middle": "of middling hardness",
    "CCS, by class": "drawn so that every hardness is there",
    "D2": "hard, and not yet stood for by a neighbour",
    "GradMatch": "its gradient stands for others",
    "influence": "helps the other rows most",
    "facility location": "stands for the rows near it",
    "herding": "keeps the mean of its class",
    "k-center": "far from all others kept",
}


def reasons(
    train: np.ndarray,
    n_rows: int,
    inputs: Inputs,
    errors: LabelErrors,
    made: Fewer,
    kept: np.ndarray,
    label: object,
) -> tuple[np.ndarray, list[str]]:
    """Which of the `n_rows` rows of the file to keep (n_rows,) bool, and a reason for each.

    `train` (N,) are the rows for training, `kept` those of them, by their place in it, that were chosen; `label(value)`
    names a class.
    """
    keep, said = np.zeros(n_rows, bool), ["held out: one of the test rows"] * n_rows
    keep[train[kept]] = True
    chosen = np.zeros(len(train), bool)
    chosen[kept] = True
    whole = made.fraction == 1 or len(kept) == made.n_rows
    why = "all rows are needed" if whole else WORDS[made.rule]
    spare = f"not needed: {made.rule} keeps {len(kept):,} of {made.n_rows:,}"
    copies, near = inputs.copies, inputs.near_copies
    for i, row in enumerate(train.tolist()):
        doubt = f"likely label error, looks like {label(errors.suggested[i])}" if errors.flagged[i] else ""
        if copies[i]:
            said[row] = f"exact copy of row {train[inputs.first[i]]}"
        elif near[i]:
            said[row] = f"near copy of row {train[inputs.near[i]]}"
        elif doubt and made.cleaned:
            said[row] = f"{doubt}: check it"
        else:
            said[row] = (why if chosen[i] else spare) + (f"; {doubt}" if doubt else "")
    return keep, said


def as_csv(score: np.ndarray, keep: np.ndarray, said: list[str]) -> str:
    """The list as the text of a csv: row (from 0), score, rank (1 the largest score), keep (1 or 0), reason.

    `score` (R,) is NaN for rows that have none; they have no rank either.
    """
    rank = np.zeros(len(score), int)
    there = np.flatnonzero(np.isfinite(score))
    rank[there[np.argsort(-score[there], kind="stable")]] = np.arange(1, len(there) + 1)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADER)
    for row, (value, place, kept, why) in enumerate(zip(score.tolist(), rank.tolist(), keep.tolist(), said)):
        table.writerow((row, f"{value:.6g}" if place else "", place or "", int(kept), why))
    return out.getvalue()


def write_csv(path: pathlib.Path, score: np.ndarray, keep: np.ndarray, said: list[str]) -> None:
    """Write `as_csv` to a file, whole or not at all."""
    write(path, as_csv(score, keep, said))
