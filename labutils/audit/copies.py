"""Copies: rows that are the same byte for byte, and rows that lie far closer together than their neighbours do."""

import hashlib

import numpy as np
from scipy.sparse import coo_array, csgraph
from sklearn.neighbors import NearestNeighbors

from labutils.rows import blocks, release

EXACT = 20_000  # rows up to which nearest neighbours are exact
LEAF = 256  # rows of a leaf, within which all pairs are compared
TREES = 3
K = 10  # neighbours: the nearest is held against the tenth


def exact(x: np.ndarray) -> np.ndarray:
    """The first row that equals each row of x (N, ...) byte for byte: (N,) row numbers, its own where there is none.

    Rows are compared by a hash of 64 bits, so that x may be a mapped file; -0 counts as 0.
    """
    flat, codes = x.reshape(len(x), -1), np.empty(len(x), np.uint64)
    for b in blocks(len(flat), flat.shape[1]):
        block = np.ascontiguousarray(flat[b])
        if block.dtype.kind == "f":
            block = block + 0
        marks = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in block)
        codes[b] = np.frombuffer(marks, np.uint64)
        release(x)
    return first_alike(codes)


def first_alike(codes: np.ndarray) -> np.ndarray:
    """The first place at which each of the codes (N,) stands: (N,)."""
    _, first, own = np.unique(codes, return_index=True, return_inverse=True)
    return first[own]


def neighbours(x: np.ndarray, *, k: int = K, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Distances (N, k) and row numbers (N, k) of the k nearest other rows of x (N, m), in rising order.

    Exact up to 20,000 rows; beyond them the nearest in the same leaf of any of three random projection trees (Dasgupta &
    Freund 2008): N log N work, and pairs that lie close together for certain to be seen in one of them. Raises ValueError
    for fewer than k + 1 rows.
    """
    if len(x) <= k:
        raise ValueError(f"x has {len(x)} rows; allowed: more than k = {k}")
    if len(x) <= EXACT:
        return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors()
    far = np.full((len(x), k), np.inf, np.float32)
    near = np.full((len(x), k), -1, np.int64)
    rng = np.random.default_rng(seed)
    for _ in range(TREES):
        for rows in _leaves(x, rng):
            _compare(x, rows, far, near, k)
    return far, near


def _leaves(x, rng):
    """Rows in leaves of at most LEAF: split at the median along a random direction, again and again."""
    waiting = [np.arange(len(x))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= LEAF:
            yield rows
            continue
        direction = rng.standard_normal(x.shape[1]).astype(x.dtype)
        along = np.concatenate([x[rows[b]] @ direction for b in blocks(len(rows), x.shape[1])])
        order = np.argpartition(along, len(rows) // 2)
        waiting += [rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]]


def _compare(x, rows, far, near, k):
    """Bring the nearest of `rows` up to date by all pairs among them."""
    part = x[rows] - x[rows].mean(axis=0)
    squares = np.einsum("nm,nm->n", part, part)
    apart = np.maximum(squares + squares[:, None] - 2 * part @ part.T, 0)  # (R, R)
    np.fill_diagonal(apart, np.inf)
    pick = np.argpartition(apart, k - 1, axis=1)[:, :k]
    found, who = np.sqrt(np.take_along_axis(apart, pick, axis=1)), rows[pick]
    seen = (who[:, :, None] == near[rows][:, None, :]).any(axis=2)  # by an earlier tree
    both = np.concatenate([far[rows], np.where(seen, np.inf, found)], axis=1)
    order = np.argsort(both, axis=1)[:, :k]
    far[rows] = np.take_along_axis(both, order, axis=1)
    near[rows] = np.take_along_axis(np.concatenate([near[rows], who], axis=1), order, axis=1)


def dimension(distances: np.ndarray) -> float:
    """The local dimension of rows by the distances (N, k) to their neighbours, the nearest left out.

    Where rows are spread evenly in d dimensions, log(distance of the k-th / of the j-th) is (1/j + ... + 1/(k - 1)) / d in
    the mean; solved for d, all rows and j > 1 together (Levina & Bickel 2004). The nearest may be a copy.
    """
    last, inner = distances[:, -1:], distances[:, 1:-1]
    good = (inner[:, 0] > 0) & np.isfinite(last[:, 0])
    if not good.any():
        return 1.0
    spread = np.log(last[good] / inner[good]).mean()
    k = distances.shape[1]
    expected = np.mean([sum(1 / i for i in range(j, k)) for j in range(2, k)])
    return float(np.clip(expected / max(spread, 1e-9), 1, 100))


def near(distances: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Which rows lie so close to their nearest that chance would make about one such pair in all: bool (N,).

    Where rows are spread evenly in `dimension` d, the nearest of k lies below t times the distance of the k-th with
    probability 1 - (1 - t^d)^(k - 1); below 1 / N it is called a near copy. Distances and rows (N, k) are those of
    `neighbours`, without exact copies.
    """
    n, k = distances.shape
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(distances[:, 0] / distances[:, -1], nan=0.0)  # all at distance 0: copies
    chance = -np.expm1((k - 1) * np.log1p(-np.minimum(ratio ** dimension(distances), 1 - 1e-12)))
    return chance <= 1 / n


def groups(pairs: np.ndarray, n: int) -> np.ndarray:
    """The first row of the group that each of n rows is in, by `pairs` (P, 2) that belong together: (n,)."""
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return first_alike(csgraph.connected_components(links, directed=False)[1])
