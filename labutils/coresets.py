"""Coresets by selection: the rows of a data set that stand for all of it, chosen greedily."""

from dataclasses import dataclass

import numpy as np

from labutils.data import check_choice

SIMILARITIES = ("cosine", "distance")


@dataclass(frozen=True)
class Coreset:
    """Rows of a data set in order of choice, and how many examples each stands for."""

    indices: np.ndarray  # (size,) int64
    weights: np.ndarray  # (size,) float64


def k_center(x, size, *, seed=0):
    """Indices (size,) of rows of `x` (N, d), each the one farthest from those before it; the first is random.

    The largest distance of any row to its nearest choice is at most twice the smallest possible (Gonzalez 1985).
    """
    x = _rows(x, size)
    chosen = [int(np.random.default_rng(seed).integers(len(x)))]
    x = x - x[chosen[0]]
    norms = (x * x).sum(axis=1)
    gap = np.full(len(x), np.inf)
    for _ in range(size - 1):
        c = chosen[-1]
        np.minimum(gap, np.maximum(norms + norms[c] - 2 * (x @ x[c]), 0), out=gap)
        gap[c] = -1
        chosen.append(int(gap.argmax()))
    return np.array(chosen)


def herding(x, size):
    """Indices (size,) of rows of `x` (N, d), each the one that brings the mean of the choice nearest the mean of all."""
    x = _rows(x, size)
    x = x - x.mean(axis=0)
    norms, debt, chosen = (x * x).sum(axis=1), np.zeros(x.shape[1]), []
    for _ in range(size):
        chosen.append(int((norms - 2 * (x @ debt)).argmin()))
        debt -= x[chosen[-1]]
        norms[chosen[-1]] = np.inf
    return np.array(chosen)


def graph_cut(x, size, *, coverage=2.0):
    """Indices (size,) that greedily raise `coverage` * sum of similarities to all rows - sum among the chosen.

    The similarity of two rows of `x` (N, d) is (1 + their cosine) / 2; at a coverage of 2 or more the function
    grows with every row, and greedy reaches 1 - 1/e of the best (Nemhauser et al. 1978).
    """
    z = _directions(_rows(x, size))
    gain, chosen = coverage * (z @ z.sum(axis=0)) - (z * z).sum(axis=1), []
    for _ in range(size):
        chosen.append(int(gain.argmax()))
        gain -= 2 * (z @ z[chosen[-1]])
        gain[chosen[-1]] = -np.inf
    return np.array(chosen)


def facility_location(x, size, *, similarity="cosine"):
    """Indices (size,) that greedily raise the sum over all rows of the similarity to their nearest choice.

    `similarity` of two rows of `x` (N, d): "cosine" is (1 + cosine) / 2, "distance" a constant less their distance.
    """
    check_choice("similarity", similarity, SIMILARITIES)
    x = _rows(x, size)
    if similarity == "cosine":
        return _cover(_directions(x), size, lambda rows, all_rows: 1 - rows @ all_rows.T)
    return _cover(x - x.mean(axis=0), size, _distance)


def craig(gradients, size, *, labels=None):
    """CRAIG's `Coreset`: the gradients (N, p) nearest to all, weighted by how many each is nearest to.

    With `labels` (N,) each class is done on its own and gets its share of `size`. Weights sum to N.
    """
    g = _rows(gradients, size, "gradients")
    labels = np.zeros(len(g), int) if labels is None else _labels(labels, len(g), size)
    indices, weights = [], []
    for rows, share in _shares(labels, size):
        part = g[rows] - g[rows].mean(axis=0)
        chosen = _cover(part, share, _distance)
        nearest = _distance(part[chosen], part).argmin(axis=0)
        indices.append(rows[chosen])
        weights.append(np.bincount(nearest, minlength=share).astype(float))
    return Coreset(np.concatenate(indices), np.concatenate(weights))


def _cover(x, size, distance):
    """Lazy greedy facility location: gains only fall, so an old gain is an upper bound of the new one."""
    block = max(1, 2**22 // len(x))
    near = None
    chosen = []
    for _ in range(size):
        if near is None:
            bound = np.concatenate(
                [-distance(x[i : i + block], x).sum(axis=1) for i in range(0, len(x), block)]
            )
            best = int(bound.argmax())
            near = np.full(len(x), np.inf)
            bound[:] = np.inf
        else:
            fresh = np.zeros(len(x), bool)
            while True:
                stale = np.where(fresh, -np.inf, bound)
                top = np.argsort(-stale, kind="stable")[:block]
                best = int(np.where(fresh, bound, -np.inf).argmax()) if fresh.any() else -1
                if best >= 0 and bound[best] >= stale[top[0]]:
                    break
                top = top[np.isfinite(stale[top]) | (stale[top] > 0)]
                bound[top] = np.maximum(near - distance(x[top], x), 0).sum(axis=1)
                fresh[top] = True
        chosen.append(best)
        near = np.minimum(near, distance(x[best : best + 1], x)[0])
        bound[chosen] = -np.inf
    return np.array(chosen)


def _distance(rows, x):
    squares = (rows * rows).sum(axis=1)[:, None] + (x * x).sum(axis=1) - 2 * rows @ x.T
    return np.sqrt(np.maximum(squares, 0))


def _directions(x):
    """Features whose inner products are (1 + cosine) / 2."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    z = np.ones((len(x), x.shape[1] + 1))
    np.divide(x, lengths, out=z[:, :-1], where=lengths > 0)
    z[:, :-1][lengths[:, 0] == 0] = 0
    return z * np.sqrt(0.5)


def _rows(x, size, name="x"):
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"{name} has shape {x.shape}; allowed: (examples, features), neither zero")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity in row {int((~np.isfinite(x)).any(axis=1).argmax())}")
    if not isinstance(size, int | np.integer) or not 1 <= size <= len(x):
        raise ValueError(f"size is {size!r}; allowed: a whole number from 1 to {len(x)}, the rows of {name}")
    return x


def _labels(labels, n, size):
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"labels: found {labels.dtype} of shape {labels.shape}; allowed: {n} whole numbers >= 0"
        )
    classes = len(np.unique(labels))
    if classes == 1:
        raise ValueError("labels holds one class; allowed: two or more, or labels=None")
    if size < classes:
        raise ValueError(f"size is {size}; with {classes} classes at least {classes} are needed")
    return labels


def _shares(labels, size):
    """Each class's rows and its part of `size`: at least one, otherwise in proportion."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = np.ones(len(counts), int)
    for _ in range(size - len(counts)):  # the next one goes to the class with most rows per choice
        share[(np.where(share < counts, counts / share, -1)).argmax()] += 1
    return [(np.flatnonzero(inverse == c), int(s)) for c, s in enumerate(share)]
