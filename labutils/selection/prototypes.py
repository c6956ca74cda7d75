"""Scores from features alone: distance to a prototype (k-means) and to the k-th neighbour, in bounded memory.

`x` may be a memory-mapped file far larger than memory: rows are read a block at a time.
"""

import numpy as np

from labutils.checks import check_at_least
from labutils.rows import release

BLOCK = 2**20  # numbers in a block of distances: about what the caches of one core hold


def prototype_distance(x, clusters, seed=0, *, labels=None, passes=3):
    """Euclidean distance of each row of x (N, d) to the nearest of `clusters` k-means centres: array (N,).

    The self-supervised score of Sorscher et al. 2022 (2206.14486), section 5, who take x from a network
    trained without labels; scale the rows to length 1 for their cosine distance. With `labels` (N,) every
    class has `clusters` centres of its own, and the distance is that to the nearest of the own class.
    Memory: N + a block. Raises ValueError for NaN, and for more clusters than rows (of the smallest class).
    """
    if labels is None:
        return nearest(x, kmeans(x, clusters, seed=seed, passes=passes))[1]
    labels = np.asarray(labels)
    if labels.shape != (len(x),):
        raise ValueError(f"labels have shape {labels.shape}; allowed: ({len(x)},), one for each row of x")
    distance = np.empty(len(x), _number_type(x))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) < clusters:
            raise ValueError(f"clusters is {clusters}; allowed: 1 to {len(own)}, the rows of class {label}")
        distance[own] = prototype_distance(x[own], clusters, seed, passes=passes)
    return distance


def kmeans(x, clusters, *, seed=0, passes=3, rounds=100):
    """Centres (clusters, d) of k-means on x (N, d), by k-means++ and Lloyd's rounds.

    Starts on a random sample of max(20,000, 100 clusters) rows, where Lloyd runs until nothing moves or for
    `rounds` rounds, then makes `passes` Lloyd rounds over all rows: up to that size it is plain k-means, beyond
    it time is linear in N and memory that of the sample. Greedy k-means++: Arthur & Vassilvitskii 2007.
    Raises ValueError for NaN or infinity, or `clusters` outside 1 .. N.
    """
    if np.ndim(x) != 2 or not 1 <= clusters <= len(x):
        raise ValueError(
            f"clusters is {clusters}, x has shape {np.shape(x)}; allowed: (N, d), 1 to N clusters"
        )
    check_at_least(0, passes=passes)
    check_at_least(1, rounds=rounds)
    for _, block in _blocks(x, x.shape[1]):
        if not np.isfinite(block).all():
            raise ValueError("x holds NaN or infinity; allowed: finite numbers")
    rng = np.random.default_rng(seed)
    size = max(20_000, 100 * clusters)
    rows = np.sort(rng.choice(len(x), size, replace=False)) if size < len(x) else np.arange(len(x))
    sample = np.empty((min(size, len(x)), x.shape[1]), _number_type(x))
    for first in range(0, len(sample), 1000):
        sample[first : first + 1000] = x[rows[first : first + 1000]]
        release(x)
    shift = sample.mean(axis=0)  # near the origin the products below lose no digits
    sample -= shift
    centres, before = _plus_plus(sample, clusters, rng), None
    for _ in range(rounds):
        index, centres = _lloyd(sample, centres)
        if before is not None and np.array_equal(index, before):
            break
        before = index
    del sample
    for _ in range(passes if size < len(x) else 0):
        _, centres = _lloyd(x, centres, shift)
    return centres + shift


def nearest(x, centres):
    """The nearest centre of each row of x (N, d), and the Euclidean distance to it: arrays (N,), (N,)."""
    index = np.empty(len(x), np.int32)
    distance = np.empty(len(x), _number_type(x))
    for rows, block in _blocks(x, max(centres.shape)):
        index[rows] = _closest(block, centres)
        block -= centres[index[rows]]  # not by the products: they lose the digits of small distances
        distance[rows] = np.sqrt(np.einsum("nd,nd->n", block, block))
    return index, distance


def neighbour_distance(x, k=10):
    """Euclidean distance of each row of x (N, d) to its k-th nearest other row: array (N,).

    Large where data are sparse: minus the logarithm of the k-neighbour density estimate of Loftsgaarden &
    Quesenberry 1965, up to scale. Exact, N^2 d multiplications, memory of one block beyond x. Raises ValueError
    for NaN or infinity, or k outside 1 .. N - 1.
    """
    x = np.asarray(x)
    if x.ndim != 2 or not 1 <= k < len(x):
        raise ValueError(f"k is {k}, x has shape {x.shape}; allowed: (N, d), k from 1 to N - 1")
    x = np.subtract(x, x.mean(axis=0), dtype=_number_type(x))
    if not np.isfinite(x).all():
        raise ValueError("x holds NaN or infinity; allowed: finite numbers")
    half, distance = np.einsum("nd,nd->n", x, x) / 2, np.empty(len(x), x.dtype)
    for rows, block in _blocks(x, len(x)):
        apart = half - block @ x.T
        apart[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf  # itself
        kth = np.argpartition(apart, k - 1, axis=1)[:, k - 1]
        distance[rows] = np.sqrt(((block - x[kth]) ** 2).sum(axis=1))
    return distance


def _number_type(x):
    """float32 for features that fit it, else float64."""
    return np.result_type(x.dtype, np.float32)


def _blocks(x, width, shift=0):
    """Yield (rows, copy of x[rows] - shift) so that rows * width numbers stay in cache."""
    size = max(64, BLOCK // width)
    for first in range(0, len(x), size):
        rows = slice(first, min(first + size, len(x)))
        yield rows, np.subtract(x[rows], shift, dtype=_number_type(x))
        release(x)


def _closest(block, centres):
    """Index of the nearest centre: |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x c)."""
    return (np.einsum("kd,kd->k", centres, centres) / 2 - block @ centres.T).argmin(axis=1)


def _lloyd(x, centres, shift=0):
    """One round: the index of the centre nearest to each row, and the centres moved to the means of theirs."""
    clusters = len(centres)
    sums, counts, index = np.zeros(centres.shape), np.zeros(clusters), np.empty(len(x), np.int32)
    for rows, block in _blocks(x, max(centres.shape), shift):
        own = index[rows] = _closest(block, centres)
        member = np.zeros((len(own), clusters), block.dtype)
        member[np.arange(len(own)), own] = 1
        sums += member.T @ block
        counts += np.bincount(own, minlength=clusters)
    kept = counts == 0  # a centre that lost all its rows stays where it is
    means = sums / np.maximum(counts, 1)[:, None]
    return index, np.where(kept[:, None], centres, means).astype(centres.dtype)


def _plus_plus(x, clusters, rng):
    """Starting centres: rows drawn with probability proportional to the squared distance to those before.

    Of a few candidates each time the one that lowers the sum of squares most.
    """
    squares = np.einsum("nd,nd->n", x, x)
    chosen = [rng.integers(len(x))]
    apart = np.maximum(squares + squares[chosen[0]] - 2 * x @ x[chosen[0]], 0)
    for _ in range(1, clusters):
        total = np.cumsum(apart, dtype=float)
        draws = rng.random(2 + int(np.log(clusters))) * total[-1]
        some = np.minimum(np.searchsorted(total, draws, side="right"), len(x) - 1)
        near = np.minimum(apart, np.maximum(squares + squares[some, None] - 2 * x[some] @ x.T, 0))
        best = near.sum(axis=1).argmin()
        chosen.append(some[best])
        apart = near[best]
    return x[chosen].copy()
