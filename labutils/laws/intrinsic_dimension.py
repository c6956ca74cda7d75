"""Dimension: how the errors of nearest neighbours and of local straight lines depend on it, and how to measure it."""

import numpy as np
from scipy import special, stats
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from labutils.checks import check_at_least, check_choice, check_finite, check_positive

FITS = ("nearest", "line")


def _ball(dimension):
    """Volume of the unit ball."""
    return np.pi ** (dimension / 2) / special.gamma(dimension / 2 + 1)


def _target(x):
    """The smooth target of this module on the torus [0, 1)^d: one wave along each axis, of unit variance."""
    return np.sqrt(2 / x.shape[-1]) * np.sin(2 * np.pi * x).sum(axis=-1)


def nearest_neighbour_error(n: np.ndarray, dimension: int) -> np.ndarray:
    """Mean squared error of the nearest of `n` uniform examples on the torus [0, 1)^d, exact; an array like `n`.

    The target is a sum of waves, one along each axis, of unit variance. The volume of the ball that just holds
    the nearest example is the smallest of n uniform numbers, and a step of length r in a random direction changes
    the target by 2 (1 - Omega(2 pi r)) in mean square, where Omega is the characteristic function of the sphere.
    Raises ValueError where the neighbour may be farther than half way round, where balls overlap themselves.
    """
    (n,) = check_positive(n=n)
    check_at_least(1, dimension=dimension)
    reach = _ball(dimension) / 2.0**dimension
    fewest = 1 if reach >= 1 else np.log(1e-6) / np.log1p(-reach)
    if n.min() < fewest:
        raise ValueError(f"n is {n.min():g}; allowed in {dimension} dimensions: at least {np.ceil(fewest):g}")
    # y is the log of an exponential number: trapezoids converge fast
    y = np.linspace(-40 * dimension / 2, 5, 4001 * dimension)  # (K,)
    weight = np.exp(y - np.exp(y)) * (y[1] - y[0])
    radius = (-np.expm1(-np.exp(y) / n[..., None]) / _ball(dimension)) ** (1 / dimension)  # (..., K)
    return (weight * 2 * _one_minus_sphere(2 * np.pi * radius, dimension)).sum(axis=-1)


def _one_minus_sphere(t, dimension):
    """1 - Omega(t), Omega the mean of cos(t u_1) over directions u; by its series where that would cancel."""
    order = dimension / 2 - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = 1 - special.gamma(dimension / 2) * (2 / t) ** order * special.jv(order, t)
    return np.where(t < 0.01, t * t / (2 * dimension) * (1 - t * t / (4 * (dimension + 2))), direct)


def sampled_local_error(
    n: np.ndarray,
    dimension: int,
    *,
    fit: str = "nearest",
    n_queries: int = 500,
    n_seeds: int = 4,
    seed: int = 0,
) -> np.ndarray:
    """The same error, sampled, of the nearest example or of a straight line through the nearest: (n_seeds, T).

    `n` (T,) numbers of examples, nested within a draw; `fit` is "nearest", or "line" for least squares through
    the 3 (d + 1) nearest examples. Raises ValueError for another fit, or too few examples for a line.
    """
    check_choice("fit", fit, FITS)
    n, k = np.asarray(n), 1 if fit == "nearest" else 3 * (dimension + 1)
    check_at_least(k, n=n.min())
    rng, errors = np.random.default_rng(seed), []
    for _ in range(n_seeds):
        x, at = rng.random((n.max(), dimension)), rng.random((n_queries, dimension))
        errors.append([np.mean((_local(x[:size], at, k) - _target(at)) ** 2) for size in n])
    return np.array(errors)


def _local(x, at, k):
    """Predictions (Q,) at the points `at` (Q, d) from the `k` examples nearest to each, distances on the torus."""
    near = cKDTree(x, boxsize=1).query(at, [*range(1, k + 1)])[1]  # (Q, k)
    value = _target(x[near])
    if k == 1:
        return value[:, 0]
    step = x[near] - at[:, None]  # (Q, k, d)
    step -= np.round(step)
    design = np.concatenate([np.ones((*near.shape, 1)), step / step.std()], axis=2)  # (Q, k, 1 + d)
    return np.linalg.solve(design.mT @ design, design.mT @ value[..., None])[:, 0, 0]


# --- Measuring the dimension ---------------------------------------------------------------------------------
def _distances(x, k):
    """Distances (N, k) from each distinct row of `x` to its k nearest others, in rising order."""
    x = np.asarray(x, float)
    if x.ndim != 2:
        raise ValueError(f"x has shape {x.shape}; allowed: (N, d)")
    check_finite(x=x)
    x = np.unique(x, axis=0)  # copies lie at distance zero and would make any dimension infinite
    if len(x) <= k:
        raise ValueError(f"x holds {len(x)} distinct rows; allowed: more than {k}")
    return NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0]


def two_nn(x: np.ndarray, *, discard: float = 0.1, level: float = 0.9) -> tuple[float, tuple[float, float]]:
    """Intrinsic dimension of the rows of `x` (N, d) from their two nearest neighbours: value, (low, high).

    The ratio of the two distances, to the power -d, is uniform wherever the density hardly changes between them,
    so its logarithm is exponential with rate d. The largest `discard` of the ratios, which edges and gaps disturb
    most, count as censored; the interval at `level` takes the points as independent. Source: Facco et al. 2017,
    whose straight line is here the exact maximum of the likelihood. Raises ValueError for values that are not
    finite, fewer than 3 distinct rows, or `discard` outside 0 .. 1.
    """
    if not 0 <= discard < 1:
        raise ValueError(f"discard is {discard}; allowed: from 0, below 1")
    first, second = _distances(x, 2).T
    ratio = np.sort(np.log(second / first))
    kept = max(2, int(np.ceil((1 - discard) * len(ratio))))
    total = ratio[:kept].sum() + (len(ratio) - kept) * ratio[kept - 1]
    low, high = stats.gamma.ppf([(1 - level) / 2, (1 + level) / 2], kept) / total
    return (kept - 1) / total, (low, high)


def levina_bickel(x: np.ndarray, *, n_neighbours: int = 20) -> float:
    """Intrinsic dimension of the rows of `x` (N, d) by maximum likelihood over the nearest neighbours of each.

    The mean over points of (k - 2) / sum_j log(T_k / T_j), T_j the distance to the j-th of k neighbours: Levina &
    Bickel 2004, with their correction for bias. Raises ValueError for values that are not finite, or no more
    distinct rows than `n_neighbours`.
    """
    check_at_least(3, n_neighbours=n_neighbours)
    distance = _distances(x, n_neighbours)
    return float(np.mean((n_neighbours - 2) / np.log(distance[:, -1:] / distance[:, :-1]).sum(axis=1)))
