"""Facility location's shortcuts: bounds lie above every gain and rule rows out, lists hold the pairs that matter."""

import numpy as np
import pytest

from labutils.selection import facility_location


def clusters(seed, n=1500, d=6, classes=8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) + 4 * rng.standard_normal((classes, d))[rng.integers(classes, size=n)]


def cosines(x):
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    return u @ u.T


def gains(s, rows, chosen):
    best = s[rows][:, chosen].max(axis=1)
    return np.maximum(s[rows] - best[:, None], 0).sum(axis=0), -best


def textbook(s, rows, size):
    chosen = [int(s[rows].sum(axis=0).argmax())]
    while len(chosen) < size:
        chosen.append(int(gains(s, rows, chosen)[0].argmax()))
    return chosen


def count_pairs(monkeypatch):
    """What `_fall` looks at from now on: a list that grows by rows x columns at each call."""
    looked, fall = [], facility_location._fall

    def counted(slack, rows, high, drop, n, columns=None):
        looked.append(len(rows) * n)
        return fall(slack, rows, high, drop, n, columns)

    monkeypatch.setattr(facility_location, "_fall", counted)
    return looked


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("groups", [1, 5, 16])
def test_no_gain_exceeds_its_bound(groups, seed, monkeypatch):
    monkeypatch.setattr(facility_location, "GROUPS", groups)
    x = clusters(seed)
    s, rows = cosines(x), np.random.default_rng(seed).permutation(len(x))[:900]
    bound = facility_location._geometry(x, "cosine", rows)[-1]
    for m in (1, 2, 5, 20, 80):
        exact, near = gains(s, rows, np.random.default_rng(m).permutation(len(x))[:m])
        assert (bound(near) >= exact - 1e-9 * len(rows)).all()


def test_bounds_are_close_where_a_cluster_is_still_uncovered():
    x = clusters(0)
    s = cosines(x)
    exact, near = gains(s, slice(None), [int(s.sum(axis=0).argmax())])
    bound = facility_location._geometry(x, "cosine", None)[-1](near)
    assert (bound < exact.max()).mean() > 0.8  # most rows cannot be the next choice, and are not looked at


@pytest.mark.parametrize("sample", [None, 700])
@pytest.mark.parametrize("seed", range(3))
def test_choices_are_the_textbook_loops(seed, sample):
    x = clusters(seed)
    rows = np.arange(len(x)) if sample is None else np.random.default_rng(seed).permutation(len(x))[:sample]
    chosen = facility_location.cover(x, 40, "cosine", None if sample is None else rows)
    assert chosen.tolist() == textbook(cosines(x), rows, 40)


def share_of_pairs(monkeypatch, x, size):
    """Pairs looked at with bounds over those without, where both must choose the same."""
    looked = count_pairs(monkeypatch)
    chosen = facility_location.cover(x, size, "cosine")
    with_bounds = sum(looked)
    looked.clear()
    monkeypatch.setattr(facility_location, "GROUPS", 0)
    assert facility_location.cover(x, size, "cosine").tolist() == chosen.tolist()
    return with_bounds / sum(looked)


def test_bounds_save_most_products_while_clusters_are_uncovered(monkeypatch):
    assert share_of_pairs(monkeypatch, clusters(0), 8) < 0.5


def test_useless_bounds_are_given_up(monkeypatch):
    monkeypatch.setattr(facility_location, "SHARE", 0)  # no list either
    monkeypatch.setattr(facility_location, "GROUPS", 1)
    assert share_of_pairs(monkeypatch, np.random.default_rng(0).standard_normal((1500, 6)), 60) < 1.6


def test_wide_rows_go_without_bounds():
    assert facility_location._geometry(clusters(0, n=60, d=30), "cosine", None)[-1] is None


def test_lists_hold_exactly_the_pairs_that_can_matter(monkeypatch):
    monkeypatch.setattr(facility_location, "BLOCK", 1024)
    d = 1 - cosines(clusters(0, n=200))
    near = np.partition(d, 9, axis=1)[:, 9]
    start, columns, values = facility_location._pairs(lambda r, c: d[r, c], near)
    rows = np.repeat(np.arange(200), np.diff(start))
    np.testing.assert_array_equal(np.column_stack([rows, columns]), np.argwhere(d < near[:, None]))
    np.testing.assert_array_equal(values, d[rows, columns])


def test_blocks_cover_every_row_once(monkeypatch):
    monkeypatch.setattr(facility_location, "BLOCK", 100)
    for n, width in ((1, 1), (57, 9), (300, 1000)):
        rows = np.concatenate([np.arange(n)[b] for b in facility_location.blocks(n, width)])
        np.testing.assert_array_equal(rows, np.arange(n))
        assert max(b.stop - b.start for b in facility_location.blocks(n, width)) <= max(1, 100 // width)
