"""Facility location: rows chosen greedily so that every row is like one of them.

A choice raises the similarity of some rows to their nearest choice; what every other choice can still gain falls
by what those rows gain less from it, and is kept up to date: no gain is ever worked out twice. Similarities are
stored where they fit and worked out anew by products where they do not, until few pairs (row, possible choice) are
left that can matter: then those are listed.

CPU seconds on one thread of a nearly idle machine, `tests/bench/bench_coresets.py`, beside a lazy greedy of ten lines on
a stored matrix: 0.03 to 0.07 (1,000 rows, 100 choices), 1.15 to 1.80 (10,000 rows, 1,000 choices); 20,000 rows and 1,000
choices, too many pairs to store, take 5.5, without the list 10.9.
"""

from collections.abc import Callable

import numpy as np

from labutils.rows import blocks, inverse_lengths

STORED = 2**27  # similarities that are held at once: half a GiB in 32 bits
PAIRS = 2**24  # pairs (row, possible choice) that may be listed
SHARE = 0.03  # of all pairs that matter: fewer than this, and a list of them beats the products
SINGLE = 4096  # rows up to which numbers are in 64 bits
TILE = 512  # rows and columns of a product that stays in the cache
ROUNDING = 1e-12  # of the largest value: differences below it are noise of 64-bit sums


def greedy(x: np.ndarray, size: int, similarity: str, rows: np.ndarray | None = None) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d) that greedily raise the sum, over all rows or those numbered in `rows`,
    of the similarity to the nearest choice.

    `coresets.facility_location` says what that is, where it comes from, and checks its input.
    """
    alike, near, gain = _similarity(x, similarity, slice(None) if rows is None else rows)
    n, m = len(near), len(x)
    stored = n * m <= STORED
    if stored:
        matrix = alike(slice(None), slice(None))  # (n, m)
        alike = lambda r, c: matrix[r, c]  # noqa: E731

    def fall(r, old, rise):
        """What each choice (m,) no longer gains from the rows r once they have risen from `old` by `rise`, (R,)."""
        total = np.zeros(m)
        for b in blocks(len(r), m if stored else TILE):
            for c in [slice(None)] if stored else blocks(m, TILE):
                s = alike(r[b], c) - old[b, None]  # (rows of the block, columns of the block)
                s *= (1 / rise[b])[:, None]
                total[c] += rise[b] @ np.clip(s, 0, 1, out=s)
        return total

    if gain is None:  # the most that a row can rise is from -2 to 0
        gain = fall(np.arange(n), near, np.full_like(near, 2))
    tie = (ROUNDING if near.dtype == np.float64 else 1e-8) * gain.max()
    chosen, pairs = [], None
    while True:
        best = int((gain >= gain.max() - tie).argmax())
        chosen.append(best)
        if (step := len(chosen)) == size:
            return np.array(chosen)
        new = alike(slice(None), [best])[:, 0]  # (n,)
        moved = np.flatnonzero(new > near)
        old, rise = near[moved], (new - near)[moved]
        near[moved] = new[moved]
        if pairs is None:
            gain -= fall(moved, old, rise)
        elif len(moved):
            start, columns, values = pairs
            count = start[moved + 1] - start[moved]
            ends = count.cumsum()
            at = np.arange(ends[-1]) + np.repeat(start[moved] - ends + count, count)  # places in the list
            s = values[at] - np.repeat(old, count)
            gain -= np.bincount(columns[at], np.clip(s, 0, np.repeat(rise, count)), m)
        if not stored and pairs is None and step % 8 == 0:
            probe = np.linspace(0, n - 1, min(n, 64)).astype(int)
            share = (alike(probe, slice(None)) > near[probe, None]).mean()
            if share < min(SHARE, PAIRS / (n * m)) and (size - step) * len(moved) > n:
                pairs = _pairs(alike, near, m)
                start, columns, values = pairs  # all gains anew, free of the rounding so far
                gain = np.bincount(columns, values - np.repeat(near, np.diff(start)), m).astype(float)
        gain[chosen] = -np.inf


def _pairs(alike, near, m):
    """The pairs with a similarity above the row's nearest: each row's start (n + 1,), all columns and similarities."""
    starts, columns, values = [[0]], [], []
    for b in blocks(len(near), min(m, 16 * TILE)):
        s = alike(b, slice(None))
        at = np.flatnonzero(s > near[b, None])
        row, column = np.divmod(at, m)
        starts.append(starts[-1][-1] + np.bincount(row, minlength=len(s)).cumsum())
        columns.append(column.astype(np.int32))
        values.append(s.ravel()[at])
    return np.concatenate(starts), np.concatenate(columns), np.concatenate(values)


def _similarity(x, similarity, rows) -> tuple[Callable, np.ndarray, np.ndarray | None]:
    """Similarities (R, C) of rows and columns as a function of both, the rows' (n,) before any choice, which are the
    least there are, and the first gains (N,) where a sum without pairs gives them."""
    kind = np.float64 if len(x) <= SINGLE else np.float32
    if similarity == "cosine":
        right = (x * inverse_lengths(x)[:, None]).astype(kind)
        left = right[rows]
        gain = len(left) + right @ left.sum(axis=0, dtype=float)
        return (lambda r, c: left[r] @ right[c].T), np.full(len(left), -1, kind), gain
    y = x - x.mean(axis=0, dtype=float)
    y /= np.sqrt(np.vecdot(y, y).max()) or 1.0  # no two rows are farther apart than 2
    squares, ones = np.vecdot(y, y), np.ones(len(y))
    noise = 8 * np.finfo(kind).eps  # taken off, so that a row is no distance from itself
    left = np.column_stack([-2 * y[rows], squares[rows] - noise, ones[rows]]).astype(kind)
    right = np.column_stack([y, ones, squares]).astype(kind)

    def less_the_distance(r, c):
        s = left[r] @ right[c].T
        np.sqrt(np.clip(s, 0, np.inf, out=s), out=s)
        return np.negative(s, out=s)

    return less_the_distance, np.full(len(left), -2, kind), None
