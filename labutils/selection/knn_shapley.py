"""The exact Shapley value of every training example to a k-nearest-neighbour classifier, in blocks."""

import math

import numpy as np

from labutils.checks import check_finite
from labutils.rows import blocks


def knn_shapley(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    k: int = 5,
    *,
    error: float = 0.0,
) -> np.ndarray:
    """Shapley value of each training example for the k-nearest-neighbour classifier: array (N,) float64.

    The game's worth of a subset S is the share of test examples' labels among the min(k, |S|) nearest of S,
    over k, averaged over the test set: the values sum to the whole set's. Large = useful, below zero =
    harmful, as wrong labels are. Exact by the recursion of Jia et al. 2019 (1908.08619), theorem 1, here
    summed by parts: with m_i = 1 where the label of the i-th nearest is right,
    s_i = m_i / max(i, k) - sum_(j > i, j > k) m_j / (j (j - 1)).

    With `error` above 0 only the max(k, 1/error) nearest count and the others get 0, which changes no value by
    more than `error` (theorem 2). x (N, d) and (T, d), labels (N,) and (T,) of any type; distances are Euclidean,
    compared in float32, equal ones in the order of the rows. Time N T (d + log N); memory: the features and a
    few MB. Raises ValueError for NaN, lengths that disagree, one class, k outside 1 .. N, error outside 0 .. 1.
    """
    x_train, y_train = _examples("train", x_train, y_train)
    x_test, y_test = _examples("test", x_test, y_test)
    n = len(x_train)
    if x_test.shape[1] != x_train.shape[1]:
        raise ValueError(f"x_test has {x_test.shape[1]} columns; allowed: {x_train.shape[1]}, as in x_train")
    if not (k == int(k) and 1 <= k <= n):
        raise ValueError(f"k is {k}; allowed: whole numbers from 1 to {n}, the training examples")
    if not 0 <= error < 1:
        raise ValueError(f"error is {error}; allowed: from 0 (exact) to below 1")
    if (y_train == y_train[0]).all():
        raise ValueError(f"y_train holds one class ({y_train[0]}); allowed: at least two")
    kept = min(n, max(int(k), math.ceil(1 / error))) if error else n

    shift = x_train.mean(axis=0)  # near the origin float32 products lose no digits
    x_train, x_test = (np.subtract(x, shift, dtype=np.float32) for x in (x_train, x_test))
    half = np.einsum("nd,nd->n", x_train, x_train) / 2
    rank = np.arange(1.0, kept + 1)
    own = 1 / np.maximum(rank, k)
    farther = np.where(rank > k, 1 / (rank * np.maximum(rank - 1, 1)), 0)
    row = np.arange(n, dtype=np.uint64) << np.uint64(1)
    values = np.zeros(n)
    for b in blocks(len(x_test), n):
        block, y = x_test[b], y_test[b]
        apart = half - block @ x_train.T  # (tests of the block, N), half the squared distances
        apart += np.einsum("td,td->t", block, block)[:, None] / 2
        # One sort of whole numbers: 32 bits of the distance (its bits rank as it does), 31 of the row, 1 of
        # whether the label is right.
        key = np.maximum(apart, 0, out=apart).view(np.uint32).astype(np.uint64)
        key <<= np.uint64(32)
        key |= row
        key |= y_train == y[:, None]
        if kept < n:
            key = np.partition(key, kept - 1, axis=1)[:, :kept]
        key.sort(axis=1)
        right = key & np.uint64(1)  # (tests of the block, kept), the nearest first
        value = right * farther
        after = value.sum(axis=1, keepdims=True) - np.cumsum(value, axis=1)
        value = right * own - after
        key &= np.uint64(0xFFFFFFFF)
        key >>= np.uint64(1)
        for index, s in zip(key.astype(np.int64), value):
            values[index] += s
    return values / len(x_test)


def _examples(part, x, y):
    """Features (N, d) and labels (N,) as arrays, or a ValueError."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or len(x) == 0 or y.shape != (len(x),):
        found = f"x_{part} has shape {x.shape}, y_{part} {y.shape}"
        raise ValueError(f"{found}; allowed: (N, d) and (N,), a label for each row, at least one")
    check_finite(**{f"x_{part}": x})
    return x, y
