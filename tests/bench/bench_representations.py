"""What chapter 10 costs on one thread: CKA beside the usual n x n matrices, and clusterings side by side.

Promised: linear CKA of 50,000 inputs with 512 features in 2 s.
"""

import numpy as np
from measure import measured
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from labutils import rows
from labutils.geometry import similarity, translation


def features(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def gram_cka(x, y):
    """The common implementation: two n x n matrices, centred on both sides."""
    h = np.eye(len(x), dtype=x.dtype) - x.dtype.type(1 / len(x))
    k, m = h @ (x @ x.T) @ h, h @ (y @ y.T) @ h
    return np.vdot(k, m) / np.sqrt(np.vdot(k, k) * np.vdot(m, m))


def linear_cka():
    x, y = features(2000, 128), features(2000, 128, 1)
    ours, _, value = measured(lambda: similarity.cka(x, y, unbiased=False), rounds=3)
    theirs, _, same = measured(lambda: gram_cka(x, y), rounds=3)
    assert abs(value / same - 1) < 1e-3
    print(f"linear CKA, n = 2,000, d = 128: {ours:.3f} s, n x n {theirs:.3f} s, {theirs / ours:.0f} times")
    x, y = features(50_000, 512), features(50_000, 512, 1)
    ours, _, _ = measured(lambda: similarity.cka(x, y), rounds=3)
    rate = 6 * 50_000 * 512**2 / ours / 1e9
    print(f"linear CKA, n = 50,000, d = 512: {ours:.2f} s, {rate:.0f} Gflop/s; promised: 2 s")


def clusterings(sizes=(30, 40, 50), n_seeds=11):
    """As many clusterings as a round of `translate` begins with, of as many points as chapter 10 gives it."""
    x = load_digits().data[:674].astype(np.float32)
    x -= x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    rng, each = np.random.default_rng(0), [(k, seed) for k in sizes for seed in range(n_seeds)]
    ours, _, _ = measured(lambda: [translation._clusterings(x, k, n_seeds, rng) for k in sizes], rounds=3)
    print(f"{len(each)} clusterings of {len(x)} points, side by side: {ours:.2f} s")
    peers = {
        "rows.kmeans": lambda: [rows.kmeans(x, k, seed=seed) for k, seed in each],
        "scikit-learn": lambda: [KMeans(k, n_init=1, random_state=seed).fit(x) for k, seed in each],
    }
    for name, call in peers.items():
        theirs, _, _ = measured(call, rounds=3)
        print(f"  one after another, {name}: {theirs:.2f} s, {theirs / ours:.1f} times")


if __name__ == "__main__":
    linear_cka()
    clusterings()
