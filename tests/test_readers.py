"""Readers: one clear sentence for every file that must not be trained on."""

import numpy as np
import pytest
from PIL import Image

from labutils import data


def points(n=40, d=3, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(5, 3, (n, d)), np.arange(n) % classes


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_csv(path, text):
    path.write_text(text)
    return path


X, Y = points()
HOLED = np.where(np.arange(X.size).reshape(X.shape) == 7, np.nan, X)
BAD_NPZ = {
    "no x": (dict(z=X), "'x' and 'y' are needed"),
    "more labels than rows": (dict(x=X, y=np.arange(41) % 2), "40 rows but 41 labels"),
    "NaN": (dict(x=HOLED, y=Y), "1 of 40 rows hold NaN or infinity, the first is row 2"),
    "infinity": (dict(x=np.where(X[3, 1] == X, np.inf, X), y=Y), "NaN or infinity"),
    "one class": (dict(x=X, y=np.zeros(40, int)), "has 1 class; at least 2"),
    "a class of one": (dict(x=X, y=np.where(np.arange(40) == 5, 9, Y % 2)), "class '9' has one example"),
    "text features": (dict(x=X.astype(str), y=Y), "allowed: numbers"),
    "pickled objects": (dict(x=X, y=np.array([{}] * 40, object)), "can't be used: .*allow_pickle"),
    "flat x": (dict(x=X[:, 0], y=Y), r"x has shape \(40,\)"),
    "label matrix": (dict(x=X, y=X), "y has shape"),
    "missing label": (dict(x=X, y=np.where(Y == 1, np.nan, Y)), "every row needs a label"),
    "real-valued labels": (dict(x=X, y=X[:, 0]), "are not classes"),
}
BAD_CSV = {
    "no target": ("a,Target\n1,2\n", r"no column 'target' \(is it 'Target'\?\)"),
    "empty": ("", "no column 'target'"),
    "header only": ("a,target\n", "no rows"),
    "text": ("a,b,target\n1,2,0\n1,red,1\n", "line 3, column 'b': 'red' is text where a number"),
    "ragged": ("a,target\n1,2\n1,2,3\n", "line 3: 3 cells where the header has 2"),
    "no label": ("a,target\n1,0\n1,\n", "line 3: the target is empty"),
    "NaN": ("a,target\n1,0\nnan,1\n2,0\n3,1\n", "NaN or infinity, the first is row 1"),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_bad_npz(tmp_path, case):
    arrays, message = BAD_NPZ[case]
    with pytest.raises(ValueError, match=message) as caught:
        data.load(write_npz(tmp_path / "bad.npz", **arrays))
    assert "bad.npz" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv(tmp_path, case):
    text, message = BAD_CSV[case]
    with pytest.raises(ValueError, match=message) as caught:
        data.load(write_csv(tmp_path / "bad.csv", text))
    assert "bad.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_images_of_two_sizes_and_broken_ones(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "a" / "0.png")
    Image.new("L", (5, 4)).save(tmp_path / "a" / "1.png")
    with pytest.raises(ValueError, match=r"1\.png has shape \(4, 5\) but 0\.png has \(4, 4\)"):
        data.load(tmp_path)
    (tmp_path / "a" / "1.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"1\.png can't be read as an image"):
        data.load(tmp_path)
