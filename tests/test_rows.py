"""Rows in blocks and from a file, k-means against scikit-learn's, and the nearest of some points by brute force."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from labutils import rows

X = (load_digits().data[:600] / 16).astype(np.float32)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_release_leaves_a_mapped_file_and_its_slices_as_they_read(tmp_path, mode):
    values = np.arange(20_000, dtype=np.float32).reshape(-1, 4)
    values.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, mode, shape=values.shape)
    if mode == "c":
        mapped[0] = values[0] = -1  # lives in memory only
    for part in (mapped, mapped[1000:], np.asarray(values)):
        before = np.array(part)
        rows.release(part)
        np.testing.assert_array_equal(part, before)
    np.testing.assert_array_equal(mapped, values)


def test_blocks_hold_every_row_once(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 100)
    for n, width in ((1, 1), (57, 9), (300, 1000), (0, 3)):
        parts = list(rows.blocks(n, width))
        np.testing.assert_array_equal([i for b in parts for i in range(n)[b]], np.arange(n))
        assert all(b.stop - b.start <= max(1, 100 // width) for b in parts)


def test_rows_read_are_new_floats_and_finite():
    x = np.arange(12).reshape(4, 3)
    assert rows.read(x, slice(1, 3)).dtype == np.float64
    block = rows.read(X, np.array([3, 1]))
    block += 1
    np.testing.assert_array_equal(block, X[[3, 1]] + 1)
    assert block.dtype == np.float32 and rows.read(X, slice(2), float).dtype == np.float64
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="x holds NaN or infinity; allowed: finite numbers"):
            rows.read(np.array([[1, bad]]), slice(None))
    assert np.isfinite(rows.read(np.full((9, 9), 3e38, np.float32), slice(None))).all()  # their sum is not


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 999, 2**18])
def test_nearest_is_that_of_brute_force_far_from_the_origin_too(block, kind, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", block)
    centres = X[:7].astype(kind)
    for shift in (0, 2**10):
        index, distance = rows.nearest(X + shift, centres + shift)
        apart = np.linalg.norm(X[:, None].astype(float) - centres, axis=2)
        np.testing.assert_array_equal(index, apart.argmin(axis=1))
        np.testing.assert_allclose(distance, apart.min(axis=1), rtol=1e-3 if shift else 1e-5)
        assert distance.dtype == kind and (distance[:7] == 0).all()


def squares(x, centres):
    return (rows.nearest(x, centres)[1].astype(float) ** 2).sum()


@pytest.mark.parametrize("clusters", [1, 10, 40])
def test_centres_are_as_good_as_those_of_scikit_learn(clusters):
    ours = [squares(X, rows.kmeans(X, clusters, seed=seed)) for seed in range(8)]
    theirs = [KMeans(clusters, n_init=1, random_state=seed).fit(X).inertia_ for seed in range(8)]
    assert np.mean(ours) <= 1.01 * np.mean(theirs)
    assert min(ours) >= 0.97 * min(theirs)  # and they are sums over the same thing


def test_lloyd_moves_as_scikit_learn_does():
    start = X[:10]
    theirs = KMeans(10, init=start, n_init=1, max_iter=3, tol=0, algorithm="lloyd").fit(X).cluster_centers_
    ours = start
    for _ in range(3):
        _, ours = rows._lloyd(X, ours)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_planted_clusters_are_found_from_the_sample_and_refined_by_the_passes():
    rng = np.random.default_rng(0)
    truth = 10 * rng.standard_normal((5, 3))
    x = np.repeat(truth, 6_000, axis=0) + rng.standard_normal((30_000, 3))
    exact = x.reshape(5, -1, 3).mean(axis=1)  # of all rows, which the sample alone cannot know
    error = []
    for passes in (0, 3):
        centres = rows.kmeans(x, 5, seed=1, passes=passes)
        near = centres[rows.nearest(exact, centres)[0]]
        error.append(np.abs(near - exact).max())
    assert error[0] < 0.1 and error[1] < 0.3 * error[0]


def test_inverse_lengths_leave_rows_of_zeros_without_a_direction():
    x = np.array([[3, 4], [0, 0], [0, -2]], np.float32)
    np.testing.assert_array_equal(rows.inverse_lengths(x), [0.2, 0, 0.5])
