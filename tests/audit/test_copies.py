import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labutils.audit import copies

RNG = np.random.default_rng(0)


def test_exact_copies_point_to_the_first():
    x = RNG.standard_normal((200, 3, 4))
    x[50], x[120], x[121] = x[7], x[7], x[120]
    first = copies.exact(x)
    assert np.flatnonzero(first != np.arange(200)).tolist() == [50, 120, 121]
    assert (first[[50, 120, 121]] == 7).all()


def test_minus_zero_is_zero_and_the_last_bit_counts():
    x = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, np.nextafter(1.0, 2)], [1.0, 0.0]])
    assert copies.exact(x).tolist() == [0, 0, 2, 3]
    assert copies.exact(np.array([[1, 2], [2, 1], [1, 2]])).tolist() == [0, 1, 0]


def test_neighbours_are_those_of_all_pairs():
    x = RNG.standard_normal((300, 8)).astype(np.float32)
    far, index = copies.neighbours(x, k=4)
    apart = cdist(x, x)
    np.fill_diagonal(apart, np.inf)
    assert np.array_equal(index, np.argsort(apart, axis=1)[:, :4])
    assert np.allclose(far, np.sort(apart, axis=1)[:, :4], atol=1e-5)


def test_trees_find_every_planted_pair_and_nearly_all_near_rows(monkeypatch):
    monkeypatch.setattr(copies, "EXACT", 100)
    x = RNG.standard_normal((6_000, 10)).astype(np.float32)
    x[3_000:3_300] = x[:300] + 0.001 * RNG.standard_normal((300, 10)).astype(np.float32)
    far, index = copies.neighbours(x)
    assert (index[3_000:3_300, 0] == np.arange(300)).mean() > 0.99
    assert (np.diff(far, axis=1) >= 0).all() and (index != np.arange(6_000)[:, None]).all()
    assert all(len(set(row)) == len(row) for row in index[::50].tolist())
    assert np.allclose(far[:50, 0], np.linalg.norm(x[:50] - x[index[:50, 0]], axis=1), atol=1e-3)


@pytest.mark.parametrize("d", [2, 5, 10])
def test_the_dimension_is_that_of_the_rows_and_copies_do_not_spoil_it(d):
    x = RNG.random((4_000, d)) @ RNG.standard_normal((d, 30))
    x[2_000:2_200] = x[:200] + 1e-6
    found = copies.dimension(copies.neighbours(x)[0])
    assert d * 0.75 < found < d * 1.25


@pytest.mark.parametrize("d", [3, 12])
def test_near_copies_are_found_and_chance_gives_about_one(d):
    x = RNG.standard_normal((3_000, d))
    far, index = copies.neighbours(x)
    assert copies.near(far, index).sum() <= 8
    x[2_700:] = x[:300] + 0.001 * RNG.standard_normal((300, d))
    far, index = copies.neighbours(x)
    assert copies.near(far, index)[2_700:].mean() > 0.98


def test_groups_hold_all_that_hang_together():
    group = copies.groups(np.array([[1, 4], [4, 7], [2, 3]]), 9)
    assert group.tolist() == [0, 1, 2, 2, 1, 5, 6, 1, 8]
    assert copies.groups(np.empty((0, 2), int), 3).tolist() == [0, 1, 2]


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="more than k = 10"):
        copies.neighbours(np.zeros((10, 2)))
