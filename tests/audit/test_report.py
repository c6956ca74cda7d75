import csv
import json

import numpy as np
import pytest
from sklearn.datasets import load_wine

from labutils import audit


@pytest.fixture(scope="module")
def report():
    x, y = load_wine(return_X_y=True)
    return audit.run(x, y, repeats=2)


def test_three_files_that_say_the_same(report, tmp_path):
    path = report.write(tmp_path / "new" / "folder")
    assert sorted(p.name for p in path.parent.iterdir()) == ["audit.json", "keep.csv", "report.html"]
    with open(path.parent / "keep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 178 and sum(row["keep"] == "1" for row in rows) == report.keep.sum()
    ranks = sorted(int(row["rank"]) for row in rows if row["rank"])
    assert ranks == list(range(1, len(report.source.train) + 1))
    found = json.loads((path.parent / "audit.json").read_text())
    assert found["answers"] == list(report.answers()) and found["fewer"]["rule"] == report.fewer.rule
    assert found["more"]["n"] == report.more.n.tolist()


def test_rows_held_out_have_no_score(report):
    score = report.score
    assert np.isnan(score[report.source.test]).all() and np.isfinite(score[report.source.train]).all()


def test_a_place_that_cannot_be_written_to_is_an_error(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        report.write(tmp_path / "file" / "folder")
