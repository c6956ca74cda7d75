"""Translation between two models' spaces without pairs: match clusters, keep the best start, refine point by point.

The steps are those of mini-vec2vec (Dar 2025, 2510.02348): cluster both spaces, match the clusters by their mutual
similarities, fit an orthogonal map, refine it. Different here: many starts, each matched by FAQ
(Vogelstein et al. 2015), compete on a criterion that needs no pairs, the refinement assigns points both ways at
once (Sinkhorn, as in Grave et al. 2019), and the map is orthogonal between spaces whose long axes were shortened.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.optimize import quadratic_assignment

from labutils.checks import check_at_least, check_finite
from labutils.rows import blocks

SKETCHES = (200, 400)  # points of either space on which starts compete: all of them, then the finalists
FINALISTS = 6
ROWS = 1000  # points of either space in one round of refinement, at most: bounds memory at ROWS^2 numbers
MOST = 60  # principal axes that any step uses: the others are not worked out
PLAIN = (60, 0)  # for clustering: principal axes kept, and the power of their lengths divided out
COARSE = (30, 0.25)  # the same, while starts compete
FINE = ((60, 0.5), (60, 0.75))  # and for the two stages of refinement


@dataclass(frozen=True)
class Translation:
    """A map x -> (x - mean_x) @ matrix + mean_y from one space (d_x,) into another (d_y,)."""

    matrix: np.ndarray  # (d_x, d_y)
    mean_x: np.ndarray
    mean_y: np.ndarray
    score: float  # what chose it: mean cosine of points to their nearest in the other space, both ways
    margin: float  # of the score over the median of the starts that settled elsewhere, if any did
    found: int  # starts that settled on it independently

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (np.asarray(x) - self.mean_x) @ self.matrix + self.mean_y


@dataclass(frozen=True)
class Quality:
    """How well translated points (n, d) find their true counterparts among n; chance: 0, 1/n and (n + 1)/2."""

    cosine: float  # mean over points of that with their counterpart, the mean of the space taken off both
    top1: float  # share of points whose nearest by cosine is the counterpart
    rank: float  # mean place of the counterpart in the order of nearness, 1 the best


def translate(
    x: np.ndarray,
    y: np.ndarray,
    *,
    clusters: tuple[int, ...] = (30, 40, 50),
    n_starts: int = 32,
    n_restarts: int = 4,
    seed: int = 0,
) -> Translation:
    """A `Translation` of the space of x (n, d) into that of y (m, e), from rows that need not correspond at all.

    `n_starts` k-means clusterings of either space, with the numbers of `clusters` in turn (or a fourth of the rows),
    are matched and sharpened; so again up to `n_restarts` times, but it is enough when two starts have settled on the
    same, best map. At last pairs of clusters change places in it; the best maps are refined, and of the better two the
    one that brings the clouds nearest to each other is kept.
    Raises ValueError for fewer than 16 rows, for NaN, and where all rows are the same.
    """
    x, y = _rows(x, "x", 16), _rows(y, "y", 16)
    check_at_least(1, n_starts=n_starts, n_restarts=n_restarts)
    clusters = [min(k, len(x) // 4, len(y) // 4) for k in clusters]
    rng = np.random.default_rng(seed)
    spaces = _Space(x), _Space(y)
    plain, coarse, *fine = ([space.on(*each) for space in spaces] for each in (PLAIN, COARSE, *FINE))
    small, large = ([_some(rng, view.points, size) for view in coarse] for size in SKETCHES)
    maps, scores = [], []
    for _ in range(n_restarts):
        some = _starts(plain, coarse, clusters, n_starts, rng)
        some, score = _settle(*small, some, np.geomspace(0.15, 0.06, 6))
        some, score = _settle(*large, some[np.argsort(-score)[:FINALISTS]], np.geomspace(0.06, 0.03, 12))
        maps, scores = [*maps, *some], [*scores, *score]
        best = np.argsort(scores)[::-1]
        same = np.einsum("bij,ij->b", np.array(maps), maps[best[0]]) > 0.8 * min(maps[0].shape)
        if same.sum() > 1:
            break
    rivals = [maps[b] for b in [best[0], *[b for b in best if not same[b]][:2]]]
    margin = scores[best[0]] - np.median([scores[b] for b in best if not same[b]] or [-np.inf])
    some, score = _settle(*small, _swaps(small[0], maps[best[0]], rng), np.geomspace(0.1, 0.06, 4))
    some, score = _settle(*large, some[np.argsort(-score)[:2]], np.geomspace(0.06, 0.03, 12))
    begun = sorted(
        (_refine(coarse, fine[0], start, rng) for start in [*rivals, *some]), key=lambda pair: -pair[0]
    )
    found = (_refine(fine[0], fine[1], start, rng) for _, start in begun[:2])
    score, rotation = max(found, key=lambda pair: pair[0])
    return _translation(spaces, fine[-1], rotation, float(score), float(margin), int(same.sum()))


def translate_pairs(x: np.ndarray, y: np.ndarray) -> Translation:
    """The `Translation` of the same form fitted with pairs: row i of x (n, d) and of y (n, e) are one input.

    The oracle that `translate` is measured against. Raises ValueError for fewer than 2 rows, for NaN, where all rows
    are the same, and where there are more of one than of the other.
    """
    x, y = _rows(x, "x", 2), _rows(y, "y", 2)
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows, y {len(y)}; allowed: pairs, as many of one as of the other")
    spaces = _Space(x), _Space(y)
    views = [space.on(*FINE[-1]) for space in spaces]
    rotation = _rotation(views[0].points.T @ views[1].points)
    return _translation(spaces, views, rotation, float("nan"), float("nan"), 0)


def quality(translated: np.ndarray, y: np.ndarray, *, mean: np.ndarray | float = 0.0) -> Quality:
    """The `Quality` of translated points (n, d) against their counterparts y (n, d); `mean` (d,) is taken off both.

    Ties count against the translation. Rows are compared in blocks, so memory is linear in n. Raises ValueError for
    shapes that differ and for NaN.
    """
    translated, y = np.asarray(translated, float), np.asarray(y, float)
    if translated.shape != y.shape or y.ndim != 2:
        raise ValueError(
            f"translated has shape {translated.shape}, y {y.shape}; allowed: twice the same (n, d)"
        )
    check_finite(translated=translated, y=y)
    a, b = _unit(translated - mean), _unit(y - mean)
    own = np.einsum("nd,nd->n", a, b)
    ranks = np.empty(len(b))
    for rows in blocks(len(b), len(b)):
        near = a[rows] @ b.T  # (rows, n)
        near[np.arange(len(near)), np.arange(rows.start, rows.stop)] = (
            np.inf
        )  # itself, whatever the last digit
        ranks[rows] = (near >= own[rows, None]).sum(axis=1)
    return Quality(float(own.mean()), float((ranks == 1).mean()), float(ranks.mean()))


def match(
    a: np.ndarray, b: np.ndarray, *, n_starts: int = 10, seed: int | np.random.Generator = 0
) -> np.ndarray:
    """The permutation p (k,) that maximises sum_ij a_ij b_p(i)p(j), as far as FAQ finds it, from random starts.

    a, b: (k, k) similarities. SciPy's solver, the best of `n_starts`: Vogelstein et al. 2015, algorithm 1. Raises
    ValueError for NaN and for other shapes.
    """
    check_finite(a=a, b=b)
    options = {"maximize": True, "P0": "randomized", "rng": np.random.default_rng(seed)}
    found = [quadratic_assignment(a, b, options=options) for _ in range(n_starts)]
    return max(found, key=lambda each: each.fun).col_ind


class _Space:
    """A cloud x (n, d) and its longest principal axes, at most `MOST`; `on` gives it on some of them."""

    def __init__(self, x):
        self.mean = x.mean(axis=0)
        self.centred = x - self.mean
        tall = len(x) >= x.shape[1]
        gram = self.centred.T @ self.centred if tall else self.centred @ self.centred.T
        most = len(gram) - 1
        square, axes = linalg.eigh(gram, subset_by_index=[max(0, most - MOST + 1), most])
        length, axes = np.sqrt(np.maximum(square[::-1], 0)), axes[:, ::-1]  # the longest first
        long = length > 1e-5 * length[0]
        axes = axes[:, long] if tall else self.centred.T @ (axes[:, long] / length[long])
        self.axes, self.length = axes.T, length[long] / np.sqrt(len(x))  # (r, d), (r,)

    def on(self, dims, power):
        """The view on the first `dims` axes, each divided by its length to a power, all points scaled to length 1."""
        scale, axes = self.length[:dims, None] ** power, self.axes[: min(dims, len(self.length))]
        points = _unit(self.centred @ (axes / scale).T).astype(np.float32)
        return _View(points, (axes / scale).T, axes * scale)


@dataclass(frozen=True)
class _View:
    points: np.ndarray  # (n, r), of length 1
    into: np.ndarray  # (d, r)
    back: np.ndarray  # (r, d)


def _starts(plain, coarse, clusters, n_starts, rng):
    """Candidate maps (n_starts, r, s) between the coarse views, from matched k-means clusters of the plain ones."""
    maps = []
    for first, k in enumerate(clusters[:n_starts]):
        n_seeds = len(range(first, n_starts, len(clusters)))
        kernels, own = [], []
        for view, other in zip(plain, coarse):
            rows = _some(rng, np.arange(len(view.points)), ROWS)
            centres, member = _clusterings(view.points[rows], k, n_seeds, rng)
            kernels.append((centres @ centres.transpose(0, 2, 1)).astype(float))  # (n_seeds, k, k)
            own.append(_unit(member @ other.points[rows]))  # (n_seeds, k, r)
        draws = np.random.default_rng(rng.integers(2**31))
        matched = np.array([z[match(a, b, seed=draws)] for a, b, z in zip(*kernels, own[1])])
        maps.append(_rotation(own[0].transpose(0, 2, 1) @ matched))
    return np.concatenate(maps).astype(np.float32)


def _clusterings(points, k, n_seeds, rng, *, rounds=15):
    """Spherical k-means of points (n, d), `n_seeds` times: centres (n_seeds, k, d), members (n_seeds, k, n).

    Side by side, for `rows.kmeans` run after run takes twice the time and scikit-learn's four times
    (`bench_representations`).
    """
    centres = points[rng.integers(len(points), size=(n_seeds, k))]
    gap = np.full((n_seeds, len(points)), np.inf)
    for c in range(1, k):  # k-means++: rows far from the centres so far are likelier
        gap = np.minimum(gap, np.maximum(1 - centres[:, c - 1] @ points.T, 0))
        total = gap.cumsum(axis=1)
        draw = rng.random((n_seeds, 1)) * total[:, -1:]
        centres[:, c] = points[np.minimum((total < draw).sum(axis=1), len(points) - 1)]
    member = np.empty((n_seeds, k, len(points)), points.dtype)
    for _ in range(rounds):
        nearest = (centres @ points.T).argmax(axis=1)  # (n_seeds, n)
        np.equal(nearest[:, None], np.arange(k)[:, None], out=member, casting="unsafe")
        sums = member @ points
        centres = np.where(sums.any(axis=2, keepdims=True), _unit(sums), centres)  # an empty one stays
    return centres, member


def _swaps(points, rotation, rng, *, k=12):
    """Maps that differ from one in that two of k clusters of the points have changed places: the likeliest errors."""
    centres = _clusterings(points, k, 1, rng)[0][0]
    first, second = np.triu_indices(k, 1)
    order = np.tile(np.arange(k), (len(first), 1))  # (swaps, k)
    order[np.arange(len(first)), first], order[np.arange(len(first)), second] = second, first
    return _rotation(centres.T @ (centres @ rotation)[order])


def _settle(x, y, maps, temperatures):
    """Sharpen maps (B, r, s) on points x (n, r), y (m, s) while cooling; returns them and their scores (B,)."""
    for temperature in temperatures:
        maps = _rotation(x.T @ (_assignment((x @ maps) @ y.T, temperature) @ y))
    return maps, _score((x @ maps) @ y.T)


def _refine(before, fine, rotation, rng, *, rounds=6):
    """Score and rotation in finer spaces, begun in those `before`: each round assigns points, then fits."""
    total, (x, y) = 0.0, before
    for temperature in np.geomspace(0.05, 0.02, rounds):
        i, j = (_some(rng, np.arange(len(z.points)), ROWS) for z in before)
        assigned = _assignment((x.points[i] @ rotation) @ y.points[j].T, temperature)
        x, y = fine
        total = total / 2 + x.points[i].T @ (assigned @ y.points[j])  # halved: old rounds fade out
        rotation = _rotation(total)
    return _score((x.points[i] @ rotation) @ y.points[j].T), rotation


def _score(cosines):
    """Mean cosine (...) of points to their nearest in the other space, both ways, from cosines (..., n, m)."""
    return (cosines.max(axis=-1).mean(axis=-1) + cosines.max(axis=-2).mean(axis=-1)) / 2


def _assignment(cosines, temperature, *, rounds=3):
    """Soft assignments (..., n, m) with rows summing to 1 and columns to nearly n/m: every point has its share."""
    p = np.exp((cosines - 1) * np.float32(1 / temperature))
    column = np.ones((*p.shape[:-2], p.shape[-1], 1), p.dtype)
    for _ in range(rounds):
        row = 1 / (p @ column + 1e-30)
        column = p.shape[-2] / p.shape[-1] / (row.swapaxes(-1, -2) @ p + 1e-30).swapaxes(-1, -2)
    p *= column.swapaxes(-1, -2)
    p /= p.sum(axis=-1, keepdims=True) + 1e-30
    return p


def _rotation(cross):
    """The (semi-)orthogonal map nearest to cross-products x^T y (..., r, s): the Procrustes solution."""
    u, _, v = np.linalg.svd(cross, full_matrices=False)
    return u @ v


def _translation(spaces, views, rotation, score, margin, found):
    matrix = views[0].into @ rotation.astype(float) @ views[1].back
    return Translation(matrix, spaces[0].mean, spaces[1].mean, score, margin, found)


def _some(rng, values, count):
    """At most `count` of the values, drawn without repeats."""
    return values if len(values) <= count else values[rng.choice(len(values), count, replace=False)]


def _unit(v):
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.divide(v, length, out=np.zeros_like(v), where=length > 0)


def _rows(x, name, least):
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or len(x) < least:
        raise ValueError(f"{name} has shape {x.shape}; allowed: (rows, features) with at least {least} rows")
    check_finite(**{name: x})
    if (x == x[0]).all():
        raise ValueError(f"{name} is the same in every row; allowed: rows that differ")
    return x
