import csv

import numpy as np
import pytest

from labutils.audit import fewer, keep, learners
from labutils.audit.inputs import Inputs
from labutils.audit.label_errors import LabelErrors

RNG = np.random.default_rng(0)


def made(n=60, cleaned=True):
    x, y = RNG.standard_normal((n, 4)).astype(np.float32), np.arange(n) % 2
    return fewer.compare(x, y, learners.choose("linear"), np.zeros(n, bool), n_classes=2)


def parts():
    first, near = np.arange(60), np.arange(60)
    first[5], near[5], near[6] = 2, 2, 3
    inputs = Inputs(
        60, 20, 4, np.array([30, 30]), np.zeros(4, int), 0, first, near, 0, np.zeros(20, int), 3.0
    )
    flagged = np.zeros(60, bool)
    flagged[[7, 8]] = True
    errors = LabelErrors(flagged, np.ones(60, int), np.ones(60), np.eye(2))
    return inputs, errors


def test_every_row_has_one_reason_and_the_first_that_holds():
    inputs, errors = parts()
    train = np.arange(10, 70)  # rows 0 to 9 and 70 to 79 of the file are held out
    mask, said = keep.reasons(train, 80, inputs, errors, made(), np.array([0, 8, 9]), lambda v: "ab"[int(v)])
    assert mask.sum() == 3 and np.flatnonzero(mask).tolist() == [10, 18, 19]
    assert said[0] == said[79] == "held out: one of the test rows"
    assert said[15] == "exact copy of row 12" and said[16] == "near copy of row 13"
    assert "likely label error, looks like b" in said[17] and all(said)


def test_the_file_reads_back_ranks_run_from_the_largest_and_reasons_may_hold_commas(tmp_path):
    score = np.array([0.5, np.nan, 2.0, -1.0])
    said = ['a "quoted", thing', "held out", "x", "=1+1"]
    keep.write_csv(tmp_path / "keep.csv", score, np.array([True, False, True, False]), said)
    with open(tmp_path / "keep.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == keep.HEADER and [row[4] for row in rows] == said
    assert [row[2] for row in rows] == ["2", "", "1", "3"] and [row[3] for row in rows] == [
        "1",
        "0",
        "1",
        "0",
    ]
    assert rows[1][1] == "" and float(rows[2][1]) == 2.0


def test_no_room_leaves_no_half_of_a_list(tmp_path):
    (tmp_path / "keep.csv").mkdir()  # stands for whatever keeps the file from being replaced
    with pytest.raises(OSError):
        keep.write_csv(tmp_path / "keep.csv", np.zeros(3), np.zeros(3, bool), ["a"] * 3)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.csv"]
