"""Distances to prototypes and neighbours, in blocks and from a file; bad input gets one sentence."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

from labutils import rows
from labutils.selection import prototypes

X, Y = load_digits(return_X_y=True)
X = (X[:600] / 16).astype(np.float32)
Y = Y[:600]


def test_a_mapped_file_gives_the_same_numbers_in_any_block(tmp_path, monkeypatch):
    x = np.random.default_rng(1).standard_normal((25_000, 4), dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = prototypes.prototype_distance(x, 6, 2)
    np.testing.assert_array_equal(prototypes.prototype_distance(mapped, 6, 2), expected)
    monkeypatch.setattr(rows, "BLOCK", 6_000)
    np.testing.assert_allclose(prototypes.prototype_distance(mapped, 6, 2), expected, atol=1e-4)


def test_distance_is_to_the_nearest_centre_of_all_or_of_the_own_class():
    centres = rows.kmeans(X, 7, seed=3)
    index, distance = rows.nearest(X, centres)
    apart = np.linalg.norm(X[:, None] - centres, axis=2)
    np.testing.assert_array_equal(index, apart.argmin(axis=1))
    np.testing.assert_allclose(distance, apart.min(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(prototypes.prototype_distance(X, 7, 3), distance)

    per_class = prototypes.prototype_distance(X, 1, labels=Y)
    for c in range(10):
        own = X[c == Y]
        np.testing.assert_allclose(
            per_class[c == Y], np.linalg.norm(own - own.mean(axis=0), axis=1), rtol=1e-4
        )


def test_every_row_its_own_centre():
    assert prototypes.prototype_distance(X[:30], 30) == pytest.approx(0, abs=1e-5)
    assert prototypes.prototype_distance(np.ones((9, 2)), 3) == pytest.approx(0)  # fewer values than clusters


@pytest.mark.parametrize("k", [1, 10, 599])
def test_neighbour_distance_is_the_kth_of_all_pairs(k):
    expected = np.sort(cdist(X, X), axis=1)[:, k]
    np.testing.assert_allclose(prototypes.neighbour_distance(X, k), expected, rtol=1e-5)
    np.testing.assert_allclose(prototypes.neighbour_distance(X + 100, k), expected, rtol=1e-3)


def test_duplicates_are_at_distance_zero():
    twice = np.concatenate([X, X]) + 50
    assert (prototypes.neighbour_distance(twice, 1) == 0).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: prototypes.prototype_distance(X, 0), "clusters is 0"),
        (lambda: prototypes.prototype_distance(X, 601), "clusters is 601"),
        (lambda: prototypes.prototype_distance(X[0], 2), "x has shape (64,)"),
        (lambda: prototypes.prototype_distance(X * np.nan, 2), "NaN"),
        (lambda: prototypes.prototype_distance(X, 2, passes=-1), "passes is -1"),
        (lambda: prototypes.prototype_distance(X, 2, labels=Y[1:]), "labels have shape (599,)"),
        (lambda: prototypes.prototype_distance(X, 2, labels=np.arange(600)), "the rows of class 0"),
        (lambda: prototypes.neighbour_distance(X, 0), "k is 0"),
        (lambda: prototypes.neighbour_distance(X, 600), "k is 600"),
        (lambda: prototypes.neighbour_distance(X / 0, 5), "NaN or infinity"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_input_is_told_in_one_sentence(call, sentence):
    with pytest.raises(ValueError) as error:
        call()
    assert sentence in str(error.value) and "\n" not in str(error.value)
