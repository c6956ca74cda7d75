"""The data that come with the book: whole, as their README says, and without a leak from test to train."""

import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labutils import bundled, data

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CHECKSUMS = dict(re.findall(r"\| `(\S+)` \|.*`([0-9a-f]{64})`", (bundled.folder() / "README.md").read_text()))


@pytest.mark.parametrize("name", ["fashion.npz", "novels.csv.xz"])
def test_files_are_those_of_the_readme(name):
    assert hashlib.sha256((bundled.folder() / name).read_bytes()).hexdigest() == CHECKSUMS[name]


def test_fashion_is_a_balanced_choice_of_different_images():
    d = data.load("fashion")
    assert d.x_train.shape == (10_000, 784) and d.x_test.shape == (2_000, 784) and d.shape == (28, 28)
    assert (np.bincount(d.y_train) == 1000).all() and (np.bincount(d.y_test) == 200).all()
    assert d.x_train.min() == 0 and d.x_train.max() == 1 and not d.of_reader
    both = np.concatenate([d.x_train, d.x_test])
    assert len(np.unique(both, axis=0)) >= 11_990  # the original holds a few images twice


def test_fashion_is_part_of_the_original():
    """Against the official files, where a copy of them is at hand."""
    raw = SHARED / "FashionMNIST" / "raw"
    if not raw.exists():
        pytest.skip("no copy of Fashion-MNIST beside the repository")
    with np.load(bundled.folder() / "fashion.npz") as held:
        for part, prefix in (("train", "train"), ("test", "t10k")):
            content = gzip.decompress(next(raw.glob(f"{prefix}-images*")).read_bytes())
            images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)
            assert (images[held[f"row_{part}"]] == held[f"x_{part}"]).all()


def test_no_chapter_of_a_novel_is_in_both_parts():
    rows = bundled.novels()
    chapters = {
        part: {key[1:] for key in zip(rows["part"], rows["novel"], rows["chapter"]) if key[0] == part}
        for part in ("train", "test")
    }
    assert len(chapters["test"]) > 80 and not chapters["train"] & chapters["test"]
    assert len(set(rows["passage"])) == len(rows["passage"])
    assert min(map(len, rows["passage"])) >= 500 and len(set(zip(rows["novel"], rows["author"]))) == 10


def test_novels_are_learnt_by_words_and_keep_their_texts():
    from sklearn.linear_model import RidgeClassifier

    d = data.load("novels", max_train=2_000)
    assert d.kind == "text" and len(d.classes) == 8 and d.x_train.shape == (2_000, 100)
    assert len(d.texts_train) == 2_000 and len(d.texts_test) == len(d.y_test) == 2_000
    accuracy = RidgeClassifier(alpha=10).fit(d.x_train, d.y_train).score(d.x_test, d.y_test)
    assert 0.7 < accuracy < 0.95  # a fifth is chance for the largest class
    again = data.load("novels", max_train=2_000)
    assert (again.x_train == d.x_train).all() and again.texts_train == d.texts_train


@pytest.mark.parametrize(
    ("name", "classes"), [("breast_cancer", 2), ("iris", 3), ("wine", 3), ("diabetes", 0)]
)
def test_tables_are_those_of_scikit_learn(name, classes):
    from sklearn import datasets

    bunch, d = getattr(datasets, f"load_{name}")(), data.load(name)
    assert len(d.y_train) + len(d.y_test) == len(bunch.target) and len(d.classes) == classes
    assert d.x_train.shape[1] == bunch.data.shape[1] and d.kind == "rows" and not d.of_reader
    assert np.allclose(d.x_train.mean(axis=0), 0, atol=1e-4)


def test_script_without_sources_says_what_it_needs():
    script = bundled.folder() / "make.py"
    ran = subprocess.run([sys.executable, script, "nowhere"], capture_output=True, text=True)
    assert ran.returncode == 1 and "SOURCES holds" in ran.stderr and len(ran.stderr) < 600
