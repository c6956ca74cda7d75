"""What alignment costs on one thread, beside the usual n x n implementations, and what is promised of it.

Times are CPU seconds, the best of a few rounds in which every contender has its turn. Promised: linear CKA of
50,000 inputs with 512 features in 2 s, mutual neighbours of 20,000 inputs in 5 s.
"""

import time

import numpy as np
import pytest
from scipy import optimize
from sklearn.neighbors import NearestNeighbors

from labutils.geometry import similarity, translation


def features(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def stopwatch(*calls, rounds=3):
    """Best CPU seconds of each call, called in turn."""
    seconds = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(seconds, calls):
            begin = time.process_time()
            call()
            times.append(time.process_time() - begin)
    return [min(times) for times in seconds]


def gram_cka(x, y):
    """The common implementation: two n x n matrices, centred on both sides."""
    h = np.eye(len(x), dtype=x.dtype) - x.dtype.type(1 / len(x))
    k, m = h @ (x @ x.T) @ h, h @ (y @ y.T) @ h
    return np.vdot(k, m) / np.sqrt(np.vdot(k, k) * np.vdot(m, m))


def sets_of_neighbours(x, y, k=10):
    """The common implementation: scikit-learn's neighbours and Python sets."""
    near = [NearestNeighbors(n_neighbors=k, metric="cosine", algorithm="brute").fit(z) for z in (x, y)]
    near = [z.kneighbors(return_distance=False) for z in near]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(*near)])


def test_linear_cka_against_gram_matrices():
    x, y = features(2000, 128), features(2000, 128, 1)
    assert similarity.cka(x, y, unbiased=False) == pytest.approx(gram_cka(x, y), rel=1e-3)
    ours, theirs = stopwatch(lambda: similarity.cka(x, y), lambda: gram_cka(x, y))
    print(f"\nlinear CKA, n = 2,000, d = 128: {ours:.3f} s, n x n {theirs:.3f} s, {theirs / ours:.0f} times")
    assert theirs > 10 * ours


def test_linear_cka_of_fifty_thousand():
    x, y = features(50_000, 512), features(50_000, 512, 1)
    (ours,) = stopwatch(lambda: similarity.cka(x, y))
    flops = 6 * 50_000 * 512**2
    print(f"\nlinear CKA, n = 50,000, d = 512: {ours:.2f} s, {flops / ours / 1e9:.0f} Gflop/s")
    assert ours < 2


def test_mutual_neighbours_against_scikit_learn():
    x, y = features(4000, 128), features(4000, 128, 1)
    assert similarity.mutual_knn(x, y) == pytest.approx(sets_of_neighbours(x, y), abs=1e-3)
    ours, theirs = stopwatch(lambda: similarity.mutual_knn(x, y), lambda: sets_of_neighbours(x, y), rounds=2)
    print(
        f"\nmutual k-NN, n = 4,000: {ours:.2f} s, scikit-learn and sets {theirs:.2f} s, {theirs / ours:.1f} times"
    )
    assert theirs > ours


def test_mutual_neighbours_of_twenty_thousand():
    x, y = features(20_000, 64), features(20_000, 64, 1)
    (ours,) = stopwatch(lambda: similarity.mutual_knn(x, y), rounds=2)
    print(f"\nmutual k-NN, n = 20,000, d = 64: {ours:.2f} s")
    assert ours < 5


def test_matching_against_scipy():
    points = np.random.default_rng(0).standard_normal((2, 20, 20, 12))
    a, b = points @ points.transpose(0, 1, 3, 2)
    options = {"maximize": True, "P0": "randomized"}

    def theirs():
        return [
            max(
                optimize.quadratic_assignment(*pair, options=options | {"rng": np.random.default_rng(s)}).fun
                for s in range(5)
            )
            for pair in zip(a, b)
        ]

    ratio = translation.match(a, b, fits=5)[1][:, 0] / theirs()
    ours, scipys = stopwatch(lambda: translation.match(a, b, fits=5), theirs, rounds=2)
    print(
        f"\n20 matchings of 20, 5 fits: {ours:.2f} s, SciPy {scipys:.2f} s, {scipys / ours:.1f} times; value {ratio.mean():.3f} of SciPy's"
    )
    assert ratio.mean() > 0.98
    assert scipys > 2 * ours
