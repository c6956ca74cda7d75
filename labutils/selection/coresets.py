"""Coresets by selection: rows that stand for a whole data set, chosen greedily and without an N x N matrix.

Every function returns what its textbook loop returns, step by step; what is saved is the work the loop spends on
rows that cannot win. Values closer than the rounding of the arithmetic count as equal: the lowest row wins. All raise
ValueError for a bad shape or size, for NaN and infinity, and for options out of range.
"""

from dataclasses import dataclass

import numpy as np

from labutils.checks import check_at_least, check_choice
from labutils.rows import blocks, inverse_lengths, kmeans, nearest
from labutils.selection.facility_location import ROUNDING, greedy

SIMILARITIES = ("cosine", "distance")
POOL = 512  # candidates kept up to date between two looks at all rows
WIDE = 4 * POOL  # rows brought up to date together


@dataclass(frozen=True)
class Coreset:
    """Rows of a data set in order of choice, and how many examples each stands for."""

    indices: np.ndarray  # (size,) int64
    weights: np.ndarray  # (size,) float64


def k_center(x: np.ndarray, size: int, *, seed: int = 0) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d): one drawn by `seed`, then always the row farthest from those chosen.

    The largest distance of a row to its nearest choice is at most twice the smallest possible (Gonzalez 1985).
    Memory: a few numbers a row.
    """
    x = _rows(x, size)
    chosen = [int(np.random.default_rng(seed).integers(len(x)))]
    origin = x[chosen[0]].astype(float)  # distances from here: a far-off mean then costs no digits
    norms = np.concatenate([np.vecdot(y, y) for y in (x[b] - origin for b in blocks(*x.shape))])
    centres, squares = np.zeros((size, x.shape[1])), np.zeros(size)  # -2 times the rows chosen, their norms
    gap = norms.copy()  # squared distance to the nearest choice, or an upper bound: it only shrinks
    seen = np.ones(len(x), dtype=np.int64)  # the choices a row's gap accounts for
    gap[chosen] = -np.inf
    tie = ROUNDING * norms.max()
    while len(chosen) < size:
        pool, rest = _farthest(x, origin, norms, gap, seen, centres[: len(chosen)], squares, tie)
        rows, near, own = x[pool] - origin, gap[pool], norms[pool]
        while len(chosen) < size and near.max() >= rest + tie:
            at, m = int((near >= near.max() - tie).argmax()), len(chosen)
            centres[m], squares[m] = -2 * rows[at], norms[pool[at]]
            np.minimum(near, np.maximum(own + squares[m] + rows @ centres[m], 0), out=near)
            near[at] = -np.inf
            chosen.append(int(pool[at]))
        gap[pool], seen[pool] = near, len(chosen)
    return np.array(chosen)


def herding(x: np.ndarray, size: int, *, repeat: bool = False) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d), each the one that brings the mean so far nearest to the mean of all.

    With the mean inside the cloud and `repeat`, which lets a row be chosen again, the distance falls as 1/m (Chen,
    Welling and Smola 2010), for a random choice as 1/sqrt(m). What 32-bit products leave open 64 bits decide.
    """
    x = _rows(x, size)
    mean = x.mean(axis=0, dtype=float)
    y = np.empty(x.shape, np.float32)
    scale = max(np.abs(x[b] - mean).max() for b in blocks(*x.shape)) or 1.0
    norms = np.empty(len(x))
    for b in blocks(*x.shape):
        part = (x[b] - mean) / scale
        y[b], norms[b] = part, (part * part).sum(axis=1)
    left = norms.astype(np.float32)
    debt, chosen = np.zeros(x.shape[1]), []  # what the choice so far lacks: the sum of mean - row
    reach = np.sqrt(norms.max())
    unit = 2 * (x.shape[1] + 4) * np.finfo(np.float32).eps
    for _ in range(size):
        score = y @ (-2 * debt).astype(np.float32)
        score += left
        doubt = unit * reach * (reach + 2 * np.linalg.norm(debt))
        near = np.flatnonzero(score <= score.min() + doubt)
        exact = norms[near] - 2 * (((x[near] - mean) / scale) * debt).sum(axis=1)
        best = int(near[(exact <= exact.min() + ROUNDING * reach * reach).argmax()])
        chosen.append(best)
        debt -= (x[best] - mean) / scale
        if not repeat:
            left[best] = np.inf
    return np.array(chosen)


def graph_cut(x: np.ndarray, size: int, *, representation: float = 2.0) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d) that greedily raise representation * (similarity of the chosen to all rows)
    - (similarity of the chosen to each other), where two rows have similarity (1 + their cosine) / 2.

    With `representation` 2 or more no row lowers the sum, and greedy reaches 1 - 1/e of the best (Nemhauser, Wolsey and
    Fisher 1978). A sum of inner products needs no pairs: time and memory grow as N.
    """
    check_at_least(0, representation=representation)
    x = _rows(x, size)
    unit = inverse_lengths(x)
    every = sum(unit[b] @ x[b] for b in blocks(*x.shape))
    alone = representation / 2 * (len(x) + _inner(x, unit, every)) - (1 + (unit > 0)) / 2
    tie, total, chosen = ROUNDING * np.abs(alone).max(), np.zeros(x.shape[1]), []
    wide = 2 * POOL
    while len(chosen) < size:
        gain = alone - len(chosen) - _inner(x, unit, total)
        gain[chosen] = -np.inf
        cut = np.partition(gain, -wide)[-wide] - tie if len(x) > wide else -np.inf
        inside = gain >= max(cut, np.finfo(float).min)
        rest = gain[~inside].max(initial=-np.inf)  # gains only fall, so these stay below
        pool, near = np.flatnonzero(inside), gain[inside]
        rows = x[pool] * unit[pool, None]
        while len(chosen) < size and (top := near.max()) >= max(rest + tie, np.finfo(float).min):
            at = int((near >= top - tie).argmax())
            near -= rows @ rows[at]
            near[at] = -np.inf
            rest += 1  # rather than take 1 from all the others
            total += rows[at]
            chosen.append(int(pool[at]))
    return np.array(chosen)


def facility_location(
    x: np.ndarray, size: int, *, similarity: str = "cosine", sample: int | None = None, seed: int = 0
) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d) that greedily raise the sum, over all rows, of the similarity to the
    nearest choice: (1 + cosine) / 2, or for `similarity="distance"` a constant less the distance.

    Greedy reaches 1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978). The sum may be measured on a `sample`
    of the rows drawn by `seed` (None: all of them), which is what makes N = 200,000 quick. From 4,096 rows on
    products are 32-bit, so choices whose gains agree to seven digits may trade places.
    """
    check_choice("similarity", similarity, SIMILARITIES)
    x = _rows(x, size)
    if sample is None:
        return greedy(x, size, similarity)
    _check_size(sample, len(x), "sample")
    return greedy(x, size, similarity, np.random.default_rng(seed).permutation(len(x))[:sample])


def kmeans_medoids(x: np.ndarray, size: int, *, seed: int = 0, rounds: int = 20) -> np.ndarray:
    """Indices (size,) of rows of `x` (N, d): of each of `size` clusters by k-means the row nearest to its centre.

    Cheap beside facility location where few are chosen, and new for every size. Clusters without rows of their own
    (`x` holds fewer different rows than `size`) are made up for by the rows farthest from their centres.
    """
    x = _rows(x, size)
    own, distance = nearest(x, kmeans(x, size, seed=seed, rounds=rounds))
    order = np.lexsort([distance, own])
    chosen = order[np.unique(own[order], return_index=True)[1]]
    others = np.setdiff1d(np.argsort(-distance, kind="stable"), chosen, assume_unique=True)
    return np.concatenate([chosen, others[: size - len(chosen)]])


def craig(gradients: np.ndarray, size: int, *, labels: np.ndarray | None = None) -> Coreset:
    """The `Coreset` of `gradients` (N, p) whose weighted sum stays near the sum of all (CRAIG, Mirzasoleiman,
    Bilmes and Leskovec 2020, algorithm 1): facility location on distances, weights the number of rows nearest.

    With `labels` (N,), whole numbers from 0, each class is done on its own with its share of `size`. Weights add
    up to N. Raises ValueError for NaN, a wrong size, labels out of range or of one class only.
    """
    gradients = _rows(gradients, size, "gradients")
    parts = [(np.arange(len(gradients)), size)] if labels is None else _shares(labels, len(gradients), size)
    indices, weights = [], []
    for rows, share in parts:
        part = gradients[rows]
        chosen = greedy(part, share, "distance")
        indices.append(rows[chosen])
        stands_for = nearest(part, part[chosen].astype(float))[0]
        weights.append(np.bincount(stands_for, minlength=share).astype(float))
    return Coreset(np.concatenate(indices), np.concatenate(weights))


# --- one look at all rows -----------------------------------------------------------------------------------
def _farthest(x, origin, norms, gap, seen, centres, squares, tie):
    """Bring large gaps up to date until the largest POOL are: their rows, and the largest gap among the rest."""
    m, wide, few = len(centres), max(len(x) - WIDE, 0), max(len(x) - POOL, 0)
    while True:
        ordered = np.partition(gap, (wide, few))
        late = np.flatnonzero((gap >= ordered[wide] - tie) & (seen < m) & (gap >= 0))
        cut = max(ordered[few] - tie, 0)
        if not (gap[late] >= cut).any():
            return np.flatnonzero(gap >= cut), gap[gap < cut].max(initial=-np.inf)
        for b in blocks(len(late), 256):
            rows, y, first = late[b], x[late[b]] - origin, seen[late[b]].min()
            while first < m and len(rows):  # a few centres suffice to rule most rows out
                last = min(first + 128, m)
                near = squares[first:last] + y @ centres[first:last].T
                gap[rows] = np.minimum(gap[rows], np.maximum(near.min(axis=1) + norms[rows], 0))
                seen[rows] = np.maximum(seen[rows], last)
                large, first = gap[rows] >= ordered[wide], last
                rows, y = rows[large], y[large]


# --- rows and their checks ----------------------------------------------------------------------------------
def _inner(x, unit, vector):
    """Inner products of each row's direction with `vector`, in 64 bits."""
    return np.concatenate([x[b] @ vector for b in blocks(*x.shape)]) * unit


def _rows(x, size, name="x"):
    """`x` as an (N, d) array of 32- or 64-bit numbers, checked together with `size`."""
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        x = x.astype(float)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}; allowed: (examples, features), neither of them zero")
    if not max(-float(x.min()), float(x.max())) < 1e100:  # one pass, no copy; NaN fails every comparison
        row = int((~(np.abs(x.astype(float)) < 1e100)).any(axis=1).argmax())
        raise ValueError(f"{name} holds NaN or infinity in row {row}; allowed: finite numbers below 1e100")
    _check_size(size, len(x), "size")
    return x


def _check_size(value, n, name):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= n:
        raise ValueError(f"{name} is {value!r}; allowed: a whole number from 1 to {n}, the number of rows")


def _shares(labels, n, size):
    """The rows of each class and its part of `size`: at least one, otherwise in proportion to its rows."""
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels is {labels.dtype} of shape {labels.shape}; allowed: ({n},) whole numbers")
    if labels.min() < 0:
        raise ValueError(f"labels holds {labels.min()}; allowed: whole numbers from 0")
    counts = np.bincount(labels)
    classes = np.flatnonzero(counts)
    if len(classes) == 1:
        raise ValueError(f"labels holds the class {classes[0]} only; allowed: two or more, or labels=None")
    if size < len(classes):
        raise ValueError(f"size is {size}; allowed: at least one for each of the {len(classes)} classes")
    share, counts = np.ones(len(classes), dtype=int), counts[classes]
    for _ in range(size - len(classes)):  # the next one to the class that has most rows per choice
        share[np.where(share < counts, counts / share, 0).argmax()] += 1
    return [(np.flatnonzero(labels == c), int(s)) for c, s in zip(classes, share, strict=True)]
