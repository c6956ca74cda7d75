"""How alike two representations of the same inputs are: CKA, nearest neighbours, Procrustes, CCA, and chance.

Throughout, x (n, d) and y (n, e) hold two models' features of the same n inputs, row by row. No function holds
an n x n matrix: linear measures need one pass over the rows for d x e products, the others go block by block.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from labutils.checks import check_choice, check_positive

KERNELS = ("linear", "rbf")
BLOCK = 2**21  # numbers in a block of a kernel or of distances: about what the caches hold
GROUP = 64  # columns of which only the largest is looked at first


@dataclass(frozen=True)
class Fitted:
    """The best similarity y = scale x rotation + shift, and what it leaves of y's variance."""

    rotation: np.ndarray  # (d, e), orthonormal rows or columns
    scale: float
    shift: np.ndarray  # (e,)
    disparity: float  # share of the variance of y that is not explained, 0 .. 1

    def __call__(self, x):
        return self.scale * np.asarray(x) @ self.rotation + self.shift


def cka(x, y, *, kernel="linear", unbiased=True, bandwidth=1.0):
    """Centred kernel alignment HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)): 1 for the same geometry, 0 for none.

    Kornblith et al. 2019 (1905.00414). Without `unbiased` HSIC is tr(K H L H), which exceeds zero by chance, the
    more so the fewer rows and the more features; the unbiased estimate (Song et al. 2012, equation 5) has mean
    zero for independent representations and may be negative. `kernel` "rbf" is a Gaussian of width `bandwidth`
    times the median distance between rows. Invariant under rotation, scaling and shift of either side.
    Raises ValueError for fewer than 4 rows, or rows that do not correspond.
    """
    check_choice("kernel", kernel, KERNELS)
    check_positive(bandwidth=bandwidth)
    x, y = _pair(x, y)
    if kernel == "linear":
        xy, xx, yy = _linear_hsic(x, y, unbiased)
    else:
        xy, xx, yy = _rbf_hsic(x, y, unbiased, bandwidth)
    return float(xy / np.sqrt(xx * yy)) if xx > 0 and yy > 0 else 0.0


def mutual_knn(x, y, k=10, *, metric="cosine"):
    """Mean share of the k nearest rows that x and y have in common: 1 for the same neighbours.

    The alignment of Huh et al. 2024 (2405.07987), who use cosines and k = 10; `metric` may be "euclidean".
    Chance is k / (n - 1), see `chance_knn`. Memory: n k, and one block. Raises ValueError for k outside 1 .. n - 1.
    """
    check_choice("metric", metric, ("cosine", "euclidean"))
    x, y = _pair(x, y)
    if not 1 <= k < len(x):
        raise ValueError(f"k is {k}; allowed: 1 to {len(x) - 1}, the other rows")
    a, b = _points(x, metric), _points(y, metric)
    shared, rows = 0, max(1, BLOCK // len(x))
    for i in range(0, len(x), rows):
        near = np.concatenate([_nearest(z, i, rows, k) for z in (a, b)], axis=1)
        near.sort(axis=1)
        shared += int((near[:, 1:] == near[:, :-1]).sum())
    return shared / (k * len(x))


def chance_knn(n, k=10, *, level=0.9):
    """Mutual k-nearest-neighbour alignment of unrelated representations of n inputs: mean, (low, high).

    The mean k / (n - 1) is exact: of the k neighbours in one space each is among those in the other with this
    probability. The range holds `level` of draws if rows are independent (hypergeometric variance over n), which
    hubs, rows that are near to many, widen.
    """
    share = k / (n - 1)
    deviation = np.sqrt(share * (1 - share) * (n - 1 - k) / max(n - 2, 1) / (k * n))
    reach = stats.norm.ppf((1 + level) / 2) * deviation
    return share, (share - reach, share + reach)


def permuted(measure, x, y, *, draws=20, seed=0):
    """Chance level of any measure(x, y): its values (draws,) with the rows of y in random order."""
    rng = np.random.default_rng(seed)
    return np.array([measure(x, y[rng.permutation(len(y))]) for _ in range(draws)])


def procrustes(x, y):
    """The `Fitted` rotation, scale and shift that bring x nearest to y in squares, and its disparity.

    Equal to scipy.spatial.procrustes where d = e; symmetric, for the disparity is 1 - (sum of singular values of
    x^T y)^2 of both centred and scaled to norm 1. Raises ValueError where either side is constant.
    """
    x, y = _pair(x, y)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    a, b = x - mean_x, y - mean_y
    size_a, size_b = np.linalg.norm(a), np.linalg.norm(b)
    if not (size_a > 0 and size_b > 0):
        raise ValueError(f"{'x' if size_a == 0 else 'y'} is the same in every row; allowed: rows that differ")
    u, s, v = np.linalg.svd(a.T @ b / (size_a * size_b), full_matrices=False)
    rotation, scale = u @ v, s.sum() * size_b / size_a
    return Fitted(
        rotation, float(scale), mean_y - scale * mean_x @ rotation, float(max(0.0, 1 - s.sum() ** 2))
    )


def cca(x, y, *, keep=None, ridge=0.0):
    """Canonical correlations (min(d, e),) of x and y, descending; their mean is the usual index.

    `keep`, a share of variance such as 0.99, first reduces either side to the principal axes that hold it:
    SVCCA (Raghu et al. 2017). `ridge`, a share of the mean variance, is added to every variance. Invariant under
    every invertible linear map (without `keep` and `ridge`), and so 1 for any two sets of features with n <= d:
    use many more rows than features. Raises ValueError for a `keep` outside 0 .. 1.
    """
    x, y = _pair(x, y)
    if keep is not None and not 0 < keep <= 1:
        raise ValueError(f"keep is {keep}; allowed: a share above 0 and up to 1, or None")
    whitened = [_whitened(z - z.mean(axis=0), keep, ridge) for z in (x, y)]
    return np.clip(np.linalg.svd(whitened[0].T @ whitened[1], compute_uv=False), 0, 1)


def chance_cca(n, d, e):
    """Mean squared canonical correlation of independent Gaussian features: max(d, e) / (n - 1), exact for n > d + e.

    The canonical correlations are cosines between a random d- and e-dimensional subspace of n - 1 dimensions, whose
    squares sum to d e / (n - 1) on average.
    """
    return max(d, e) / (n - 1)


def _linear_hsic(x, y, unbiased):
    """HSIC(x, y), (x, x), (y, y) of the linear kernel from d x e products: tr(K L) = |x^T y|^2 and so on."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)  # changes neither estimate, and keeps digits

    def hsic(a, b):
        products = (a.T @ b).astype(float)
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
    n, rows = len(x), max(1, BLOCK // len(x))
    points = [_points(z, "euclidean") for z in (x, y)]
    widths = [bandwidth * _median_distance(*each) for each in points]
    sums = np.zeros((2, n))
    traces = np.zeros((2, 2))
    for i in range(0, n, rows):
        kernels = []
        for (z, half), width in zip(points, widths):
            apart = np.maximum(half[i : i + rows, None] + half - z[i : i + rows] @ z.T, 0)
            kernel = np.exp(-apart / width**2)
            kernel[np.arange(len(kernel)), np.arange(i, i + len(kernel))] = 0.0 if unbiased else 1.0
            kernels.append(kernel)
        for a in range(2):
            sums[a, i : i + rows] = kernels[a].sum(axis=1)
            for b in range(a, 2):
                traces[a, b] += np.vdot(kernels[a], kernels[b])

    def hsic(a, b):
        cross, total = sums[a] @ sums[b], sums[a].sum() * sums[b].sum()
        if unbiased:
            return traces[a, b] + total / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross
        return traces[a, b] + total / n**2 - 2 / n * cross

    return hsic(0, 1), hsic(0, 0), hsic(1, 1)


def _median_distance(z, half, *, rows=1000):
    """Median distance between rows, of at most `rows` of them, evenly spread."""
    some = np.unique(np.linspace(0, len(z) - 1, min(rows, len(z))).astype(int))
    apart = half[some, None] + half[some] - z[some] @ z[some].T
    median = np.median(np.sqrt(2 * np.maximum(apart[np.triu_indices(len(some), 1)], 0)))
    return median if median > 0 else 1.0


def _points(z, metric):
    """Rows and half their squared norms, so that nearness is product - half; unit rows for cosines."""
    if metric == "cosine":
        length = np.linalg.norm(z, axis=1, keepdims=True)
        z = np.divide(z, length, out=np.zeros_like(z), where=length > 0)
        return z, np.zeros(len(z), z.dtype)
    z = z - z.mean(axis=0)
    return z, _squares(z).astype(z.dtype) / 2


def _nearest(points, start, rows, k):
    """Indices (rows, k) of the nearest other rows of a block of rows."""
    z, half = points
    near = z[start : start + rows] @ z.T
    near -= half
    near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
    groups = near.shape[1] // GROUP
    if groups < 4 * k:
        return np.argpartition(near, len(z) - k, axis=1)[:, len(z) - k :]
    # The k-th largest of the groups' maxima is a lower bound of the k-th largest: few entries reach it.
    tops = near[:, : groups * GROUP].reshape(len(near), GROUP, groups).max(axis=1)
    bound = np.partition(tops, groups - k, axis=1)[:, groups - k]
    flat = np.flatnonzero(near >= bound[:, None])
    row, column = np.divmod(flat, near.shape[1])
    order = np.lexsort((-near.ravel()[flat], row))
    first = np.searchsorted(row, np.arange(len(near)))
    return column[order][first[:, None] + np.arange(k)]


def _whitened(z, keep, ridge):
    u, s, _ = np.linalg.svd(z, full_matrices=False)
    kept = s > 1e-6 * max(s[0], 1e-300)
    if keep is not None:
        share = np.cumsum(s**2) / np.sum(s**2)
        kept &= np.arange(len(s)) <= np.searchsorted(share, keep - 1e-12)
    return u[:, kept] * (s[kept] / np.sqrt(s[kept] ** 2 + ridge * np.mean(s**2)))


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
        if not np.isfinite(z).all():
            raise ValueError(f"{name} holds NaN or infinity; allowed: finite numbers")
        pair.append(z)
    if len(pair[0]) != len(pair[1]):
        raise ValueError(f"x has {len(pair[0])} rows, y {len(pair[1])}; allowed: the same inputs in both")
    return pair
