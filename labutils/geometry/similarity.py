"""How alike two representations of the same inputs are: CKA, nearest neighbours, CCA, and chance.

Throughout, x (n, d) and y (n, e) hold two models' features of the same n inputs, row by row. No function holds
an n x n matrix: linear measures need one pass over the rows for d x e products, the others go block by block.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from labutils import rows
from labutils.checks import check_at_least, check_choice, check_finite, check_positive

KERNELS = ("linear", "rbf")


def cka(
    x: np.ndarray, y: np.ndarray, *, kernel: str = "linear", unbiased: bool = True, bandwidth: float = 1.0
) -> float:
    """Centred kernel alignment HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)): 1 for the same geometry, 0 for none.

    Kornblith et al. 2019 (1905.00414). Without `unbiased` HSIC is tr(K H L H), which exceeds zero by chance, the
    more so the fewer rows and the more features; the unbiased estimate (Song et al. 2012, equation 5) has mean
    zero for independent representations and may be negative. `kernel` "rbf" is a Gaussian of width `bandwidth`
    times the median distance between rows. Invariant under rotation, scaling and shift of either side; 0 where one
    side is the same in every row.
    Raises ValueError for fewer than 4 rows, or rows that do not correspond.
    """
    check_choice("kernel", kernel, KERNELS)
    check_positive(bandwidth=bandwidth)
    x, y = _pair(x, y)
    if (x == x[0]).all() or (y == y[0]).all():
        return (
            0.0  # the mean of equal rows is off in the last digit, and what is left would pass for a geometry
        )
    if kernel == "linear":
        xy, xx, yy = _linear_hsic(x, y, unbiased)
    else:
        xy, xx, yy = _rbf_hsic(x, y, unbiased, bandwidth)
    return float(xy / np.sqrt(xx * yy)) if xx > 0 and yy > 0 else 0.0


def mutual_knn(x: np.ndarray, y: np.ndarray, k: int = 10, *, metric: str = "cosine") -> float:
    """Mean share of the k nearest rows that x and y have in common: 1 for the same neighbours.

    The alignment of Huh et al. 2024 (2405.07987), who use cosines and k = 10; `metric` may be "euclidean".
    Chance is k / (n - 1), see `chance_knn`. Raises ValueError for k outside 1 .. n - 1.
    """
    check_choice("metric", metric, ("cosine", "euclidean"))
    x, y = _pair(x, y)
    _check_k(k, len(x))
    search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute")
    near = np.sort(
        np.hstack([search.fit(z).kneighbors(return_distance=False) for z in (x, y)]), axis=1
    )  # (n, 2 k)
    return float((near[:, 1:] == near[:, :-1]).sum() / (k * len(x)))


def chance_knn(n: int, k: int = 10, *, level: float = 0.9) -> tuple[float, tuple[float, float]]:
    """Mutual k-nearest-neighbour alignment of unrelated representations of n inputs: mean, (low, high).

    The mean k / (n - 1) is exact: of the k neighbours in one space each is among those in the other with this
    probability. The range holds `level` of draws if rows are independent (hypergeometric variance over n), which
    hubs, rows that are near to many, widen. Raises ValueError for k outside 1 .. n - 1.
    """
    _check_k(k, n)
    share = k / (n - 1)
    deviation = np.sqrt(share * (1 - share) * (n - 1 - k) / max(n - 2, 1) / (k * n))
    reach = stats.norm.ppf((1 + level) / 2) * deviation
    return share, (share - reach, share + reach)


def permuted(
    measure: Callable[[np.ndarray, np.ndarray], float],
    x: np.ndarray,
    y: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    n_seeds: int = 20,
    seed: int = 0,
) -> np.ndarray:
    """What `measure(x, y)` gives once rows no longer correspond: its values (n_seeds,) with those of y in random order.

    The null of Gröger et al. 2026 (2602.14486): a similarity is evidence as far as it exceeds these. With `groups` (n,),
    such as labels, rows change places within their group alone, and what remains is what the groups explain. Raises
    ValueError for rows or groups that do not correspond.
    """
    x, y = _pair(x, y)
    check_at_least(1, n_seeds=n_seeds)
    groups = np.zeros(len(x), int) if groups is None else np.asarray(groups)
    if groups.shape != (len(x),):
        raise ValueError(f"groups has shape {groups.shape}; allowed: ({len(x)},), one for every row")
    rng, home, found = np.random.default_rng(seed), np.argsort(groups, kind="stable"), []
    for _ in range(n_seeds):
        order = np.empty(len(x), int)
        order[home] = np.lexsort((rng.random(len(x)), groups))  # a random order of every group's own rows
        found.append(measure(x, y[order]))
    return np.array(found)


def cca(x: np.ndarray, y: np.ndarray, *, fraction: float | None = None, ridge: float = 0.0) -> np.ndarray:
    """Canonical correlations of x and y, descending, as many as the lesser rank of the two; their mean is the usual index.

    `fraction`, a share of variance such as 0.99, first reduces either side to the principal axes that hold it:
    SVCCA (Raghu et al. 2017). `ridge`, a share of the mean variance, is added to every variance. Invariant under
    every invertible linear map (without `fraction` and `ridge`), and so 1 for any two sets of features with n <= d:
    use many more rows than features. Raises ValueError for a `fraction` outside 0 .. 1, and for a side that is the same
    in every row.
    """
    x, y = _pair(x, y)
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; allowed: a share above 0 and up to 1, or None")
    for name, z in (("x", x), ("y", y)):
        if (z == z[0]).all():
            raise ValueError(f"{name} is the same in every row; allowed: rows that differ")
    whitened = [_whitened(z - z.mean(axis=0), fraction, ridge) for z in (x, y)]
    return np.clip(np.linalg.svd(whitened[0].T @ whitened[1], compute_uv=False), 0, 1)


def _linear_hsic(x, y, unbiased):
    """HSIC(x, y), (x, x), (y, y) of the linear kernel from d x e products: tr(K L) = |x^T y|^2 and so on."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)  # changes neither estimate, and keeps digits

    def hsic(a, b):
        products = (a.T @ b).astype(float)  # (d, e)
        trace = np.vdot(products, products)
        if not unbiased:
            return trace
        n, own_a, own_b = len(a), _squares(a), _squares(b)
        # Song et al.'s estimate of K, L without their diagonals; their row sums are -own, as rows of H K sum to 0
        trace -= own_a @ own_b
        return trace + own_a.sum() * own_b.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (own_a @ own_b)

    return hsic(x, y), hsic(x, x), hsic(y, y)


def _rbf_hsic(x, y, unbiased, bandwidth):
    """The same three for Gaussian kernels, from their sums, row sums and traces, a block of rows at a time."""
    n = len(x)
    points = [_points(z) for z in (x, y)]
    widths = [bandwidth * _median_distance(*each) for each in points]
    sums = np.zeros((2, n))
    traces = np.zeros((2, 2))
    for b in rows.blocks(n, n):
        kernels = []
        for (z, half), width in zip(points, widths):
            apart = np.maximum(half[b, None] + half - z[b] @ z.T, 0)  # (rows, n)
            kernel = np.exp(-apart / width**2)
            kernel[np.arange(len(kernel)), np.arange(b.start, b.stop)] = 0.0 if unbiased else 1.0
            kernels.append(kernel)
        for i in range(2):
            sums[i, b] = kernels[i].sum(axis=1)
            for j in range(i, 2):
                traces[i, j] += np.vdot(kernels[i], kernels[j])

    def hsic(a, b):
        cross, total = sums[a] @ sums[b], sums[a].sum() * sums[b].sum()
        if unbiased:
            return traces[a, b] + total / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross
        return traces[a, b] + total / n**2 - 2 / n * cross

    return hsic(0, 1), hsic(0, 0), hsic(1, 1)


def _median_distance(z, half, *, most=1000):
    """Median distance between rows, of at most `most` of them, evenly spread."""
    some = np.unique(np.linspace(0, len(z) - 1, min(most, len(z))).astype(int))
    apart = half[some, None] + half[some] - z[some] @ z[some].T
    median = np.median(np.sqrt(2 * np.maximum(apart[np.triu_indices(len(some), 1)], 0)))
    return median if median > 0 else 1.0


def _points(z):
    """Centred rows and half their squared norms, so that half a squared distance is half + half - product."""
    z = z - z.mean(axis=0)
    return z, _squares(z).astype(z.dtype) / 2


def _whitened(z, fraction, ridge):
    """The centred rows z (n, d) on their principal axes (n, r), all of length 1 but for the ridge."""
    u, s, _ = np.linalg.svd(z, full_matrices=False)
    kept = s > 1e-6 * max(s[0], 1e-300)
    if fraction is not None:
        share = np.cumsum(s**2) / np.sum(s**2)
        kept &= np.arange(len(s)) <= np.searchsorted(share, fraction - 1e-12)
    return u[:, kept] * (s[kept] / np.sqrt(s[kept] ** 2 + ridge * np.mean(s**2)))


def _check_k(k, n):
    if not 1 <= k < n:
        raise ValueError(f"k is {k}; allowed: 1 to {n - 1}, the other rows")


def _squares(z):
    """Squared lengths (n,) of rows, in float64."""
    return np.einsum("nd,nd->n", z, z, dtype=float)


def _pair(x, y):
    """Both as float arrays of one type, checked to be finite and of one length of at least 4."""
    pair = []
    for name, z in (("x", x), ("y", y)):
        z = np.asarray(z)
        z = z.astype(np.result_type(z.dtype, np.float32), copy=False)
        if z.ndim != 2 or len(z) < 4:
            raise ValueError(f"{name} has shape {z.shape}; allowed: (rows, features) with at least 4 rows")
        check_finite(**{name: z})
        pair.append(z)
    if len(pair[0]) != len(pair[1]):
        raise ValueError(f"x has {len(pair[0])} rows, y {len(pair[1])}; allowed: the same inputs in both")
    return pair
