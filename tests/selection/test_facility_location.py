"""Facility location from a stored matrix, from products and from lists: the textbook loop's choices each time."""

import numpy as np
import pytest

from labutils import rows
from labutils.selection import facility_location


def clusters(seed, n=1500, d=6, classes=8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) + 4 * rng.standard_normal((classes, d))[rng.integers(classes, size=n)]


def similarities(x, similarity):
    if similarity == "distance":
        return -np.linalg.norm(x[:, None] - x, axis=2)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    return u @ u.T


def textbook(s, rows, size):
    """All gains anew at every step; the lowest row wins where they are equal but for rounding."""
    chosen, near = [], np.full(len(s[rows]), s.min())
    tie = 1e-12 * (s[rows] - s.min()).sum(axis=0).max()
    while len(chosen) < size:
        gain = np.maximum(s[rows] - near[:, None], 0).sum(axis=0)
        gain[chosen] = -np.inf
        chosen.append(int((gain >= gain.max() - tie).argmax()))
        near = np.maximum(near, s[rows, chosen[-1]])
    return chosen


def count_lists(monkeypatch):
    """The lists made from now on: what `_pairs` returns."""
    made, pairs = [], facility_location._pairs
    monkeypatch.setattr(facility_location, "_pairs", lambda *a: made.append(pairs(*a)) or made[-1])
    return made


@pytest.fixture(params=["stored", "products", "small products", "lists"])
def way(request, monkeypatch):
    """The same function with limits at which small data take the ways that large data take."""
    if request.param != "stored":
        monkeypatch.setattr(facility_location, "STORED", 0)
    if request.param == "products":
        monkeypatch.setattr(facility_location, "SHARE", 0)
    if request.param == "small products":
        monkeypatch.setattr(rows, "BLOCK", 9_000)
        monkeypatch.setattr(facility_location, "TILE", 70)
    return request.param


@pytest.mark.parametrize("similarity", ["cosine", "distance"])
@pytest.mark.parametrize("sample", [None, 700])
@pytest.mark.parametrize("seed", range(3))
def test_choices_are_the_textbook_loops(seed, sample, similarity, way, monkeypatch):
    lists, x = count_lists(monkeypatch), clusters(seed)
    rows = None if sample is None else np.random.default_rng(seed).permutation(len(x))[:sample]
    chosen = facility_location.greedy(x, 120, similarity, rows)
    assert chosen.tolist() == textbook(
        similarities(x, similarity), slice(None) if rows is None else rows, 120
    )
    assert (len(lists) == 0) == (way in ("stored", "products"))


@pytest.mark.parametrize("similarity", ["cosine", "distance"])
def test_all_rows_in_order_by_every_way(similarity, way):
    x = np.round(clusters(0, n=120))  # whole numbers: exact ties, and rows several times
    chosen = facility_location.greedy(x, 120, similarity)
    assert sorted(chosen) == list(range(120))


def test_a_list_is_worth_it(monkeypatch):
    """Products are made for a small part of the choices only."""
    monkeypatch.setattr(facility_location, "STORED", 0)
    x, seen = clusters(0), []
    similarity = facility_location._similarity

    def counted(*arguments):
        alike, *rest = similarity(*arguments)
        return (lambda r, c: seen.append(alike(r, c)) or seen[-1]), *rest

    monkeypatch.setattr(facility_location, "_similarity", counted)
    looked = []
    for share in (0, facility_location.SHARE):
        monkeypatch.setattr(facility_location, "SHARE", share)
        facility_location.greedy(x, 300, "cosine")
        looked.append(sum(part.size for part in seen))
        seen.clear()
    assert looked[1] < 0.8 * looked[0]


def test_lists_hold_exactly_the_pairs_that_can_matter(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 1024)
    s = similarities(clusters(0, n=200), "cosine")
    near = np.partition(s, -10, axis=1)[:, -10]
    start, columns, values = facility_location._pairs(lambda r, c: s[r, c], near, 200)
    owner = np.repeat(np.arange(200), np.diff(start))
    np.testing.assert_array_equal(np.column_stack([owner, columns]), np.argwhere(s > near[:, None]))
    np.testing.assert_array_equal(values, s[owner, columns])
