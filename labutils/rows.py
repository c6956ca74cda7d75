"""Work on many rows: in blocks that fit a cache, from files larger than memory; k-means and the nearest of some points.

`x` (N, d) may be a memory-mapped file: a block is read at a time, and its pages are given back.
"""

import mmap
from collections.abc import Iterator

import numpy as np

from labutils.checks import check_at_least, check_finite

BLOCK = 2**18  # numbers in a block: they should stay in a core's cache, and be enough for a matrix product


def blocks(n: int, width: int) -> Iterator[slice]:
    """Slices that cover 0..n in order, of rows that take `width` numbers each and fill a cache together."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def read(x: np.ndarray, rows: slice | np.ndarray, kind: type | None = None) -> np.ndarray:
    """These rows of x (N, d) as a new array of floats, of `kind` or what holds them; ValueError for NaN, infinity."""
    block = np.array(x[rows], dtype=kind or number_type(x))
    release(x)
    check_finite(x=block)
    return block


def release(x: np.ndarray) -> None:
    """Give the pages read from a memory-mapped file back to the system, or they count as ours, up to the whole file.

    Does nothing to any other array, nor to a copy-on-write mapping, whose changes would be lost.
    """
    if isinstance(x, np.memmap) and x.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        while isinstance(x, np.ndarray):
            x = x.base
        if isinstance(x, mmap.mmap):
            x.madvise(mmap.MADV_DONTNEED)


def number_type(*arrays: np.ndarray) -> np.dtype:
    """float32 for numbers that fit it, else float64."""
    return np.result_type(np.float32, *(x.dtype for x in arrays))


def inverse_lengths(x: np.ndarray) -> np.ndarray:
    """1 / length of each row in 64 bits (N,), 0 for a row of zeros, which has no direction."""
    squares = np.concatenate([np.square(x[b], dtype=float).sum(axis=1) for b in blocks(*x.shape)])
    return np.divide(1, np.sqrt(squares), out=np.zeros(len(x)), where=squares > 0)


def nearest(x: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the centres (K, d) is nearest to each row of x (N, d), and the Euclidean distance to it: (N,), (N,).

    In 32 bits if both are that narrow, else in 64. Raises ValueError for NaN or infinity in x.
    """
    kind, middle = number_type(x, centres), centres.mean(axis=0)  # near the origin products lose no digits
    index, distance, moved = np.empty(len(x), np.int32), np.empty(len(x), kind), centres - middle
    for b in blocks(len(x), max(centres.shape)):
        block = read(x, b, kind)  # (n, d)
        index[b] = _closest(block - middle, moved)
        block -= centres[index[b]]  # not by the products: they lose the digits of small distances
        distance[b] = np.sqrt(np.einsum("nd,nd->n", block, block))
    return index, distance


def kmeans(x: np.ndarray, clusters: int, *, seed: int = 0, passes: int = 3, rounds: int = 100) -> np.ndarray:
    """Centres (clusters, d) of k-means on x (N, d), by k-means++ and Lloyd's rounds.

    Starts on a random sample of max(20,000, 100 clusters) rows, where Lloyd runs until nothing moves or for
    `rounds` rounds, then makes `passes` Lloyd rounds over all rows: up to that size it is plain k-means, beyond
    it time is linear in N (some 20 times faster than scikit-learn's at 200,000 rows), memory that of the sample.
    Raises ValueError for NaN or infinity, or `clusters` outside 1 .. N. Greedy k-means++: Arthur & Vassilvitskii 2007.
    """
    if np.ndim(x) != 2 or not 1 <= clusters <= len(x):
        found = f"clusters is {clusters}, x has shape {np.shape(x)}"
        raise ValueError(f"{found}; allowed: (N, d), 1 to N clusters")
    check_at_least(0, passes=passes)
    check_at_least(1, rounds=rounds)
    rng = np.random.default_rng(seed)
    size = max(20_000, 100 * clusters)
    rows = np.sort(rng.choice(len(x), size, replace=False)) if size < len(x) else np.arange(len(x))
    few = blocks(len(rows), max(256, x.shape[1]))  # of a mapped file each scattered row loads many pages
    sample = np.concatenate([read(x, rows[b]) for b in few])  # (size, d)
    shift = sample.mean(axis=0)
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


def _closest(block, centres):
    """Index of the nearest centre: |x - c|^2 = |x|^2 + 2 (|c|^2 / 2 - x c)."""
    return (np.einsum("kd,kd->k", centres, centres) / 2 - block @ centres.T).argmin(axis=1)


def _lloyd(x, centres, shift=0):
    """One round: the index of the centre nearest to each row of x - shift, and the centres moved to their means."""
    sums, counts, index = np.zeros(centres.shape), np.zeros(len(centres)), np.empty(len(x), np.int32)
    for b in blocks(len(x), max(centres.shape)):
        block = read(x, b)  # (n, d)
        block -= shift
        own = index[b] = _closest(block, centres)
        member = np.zeros((len(own), len(centres)), block.dtype)
        member[np.arange(len(own)), own] = 1
        sums += member.T @ block
        counts += np.bincount(own, minlength=len(centres))
    means = sums / np.maximum(counts, 1)[:, None]  # a centre that lost all its rows stays where it is
    return index, np.where(counts[:, None] == 0, centres, means).astype(centres.dtype)


def _plus_plus(x, clusters, rng):
    """Starting centres: rows drawn with probability proportional to the squared distance to those before.

    Of a few candidates each time the one that lowers the sum of squares most.
    """
    squares = np.einsum("nd,nd->n", x, x)
    chosen = [rng.integers(len(x))]
    apart = np.maximum(squares + squares[chosen[0]] - 2 * x @ x[chosen[0]], 0)  # squared, to the nearest
    for _ in range(1, clusters):
        total = np.cumsum(apart, dtype=float)
        draws = rng.random(2 + int(np.log(clusters))) * total[-1]
        some = np.minimum(np.searchsorted(total, draws, side="right"), len(x) - 1)
        near = np.minimum(
            apart, np.maximum(squares + squares[some, None] - 2 * x[some] @ x.T, 0)
        )  # (draws, N)
        best = near.sum(axis=1).argmin()
        chosen.append(some[best])
        apart = near[best]
    return x[chosen].copy()
