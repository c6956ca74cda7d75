"""Weighted coresets: a few rows whose weighted sums stand in for those of all, by importance or exactly.

Rows are read in blocks, a few times each, so `x` may be a mapped file; what is held of each is a number or two.
Bad shapes, sizes, weights, NaN and infinity raise a ValueError that names them.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from sklearn.cluster import KMeans

from labutils.checks import check_at_least, check_finite
from labutils.rows import blocks, nearest, read
from labutils.selection.coresets import Coreset

GROUP = 2**20  # numbers in a group of rows that is replaced by its mean: what may be read at once
ROUNDS = 5  # of k-means||; Bahmani et al. find that more change nothing


# --- By importance: draw rows in proportion to how much any one query may need them -----------------------------
def uniform(x: np.ndarray, size: int, *, seed: int = 0) -> Coreset:
    """`size` different rows of x (N, d) at random, each of weight N / size: the baseline. Returns a `Coreset`."""
    x, _ = _checked(x, None, size)
    rows = np.random.default_rng(seed).choice(len(x), size, replace=False)
    return Coreset(np.sort(rows), np.full(size, len(x) / size))


def lightweight(x: np.ndarray, size: int, *, seed: int = 0, weights: np.ndarray | None = None) -> Coreset:
    """Coreset for k-means of x (N, d) by two passes: half of the draws uniform, half by distance from the mean.

    `size` draws with probability q = w / 2W + w |x - mean|^2 / 2 sum(w |x - mean|^2), each of weight w / (size q);
    rows drawn twice are listed once with both weights. The weights sum to W, the total of the `weights` given
    (default: N of 1), in expectation, and so does every weighted sum. Source: Bachem, Lucic, Krause 2018, eq. 3.
    """
    x, weights = _checked(x, weights, size)
    mean = sum(w @ b for w, b in _blocks(x, weights)) / weights.sum()
    far = np.concatenate([((b - mean) ** 2).sum(axis=1) for _, b in _blocks(x, weights)]) * weights
    share = far / far.sum() if far.sum() > 0 else 0
    return _draw(weights / weights.sum() + share, weights, size, seed)


def kmeans_coreset(
    x: np.ndarray, clusters: int, size: int, *, seed: int = 0, weights: np.ndarray | None = None
) -> Coreset:
    """Coreset for k-means of x (N, d) with `clusters` centres, by sensitivity sampling: `size` draws.

    A row is drawn in proportion to its share of the cost of a rough solution (k-means||) plus its share of its rough
    cluster, which bounds how much of the cost of any centres it can be, up to a constant: so no cluster, however
    small, is missed. Weights as in `lightweight`. Source: Feldman, Langberg 2011, in the form of Schwiegelshohn,
    Sheikh-Omar 2022; Bahmani et al. 2012 for the rough solution.
    """
    x, weights = _checked(x, weights, size)
    check_at_least(1, clusters=clusters)
    seeds = np.random.SeedSequence(seed).spawn(2)
    own, distance = nearest(x, _rough_centres(x, weights, clusters, seeds[0]))
    cost, population = distance**2 * weights, np.bincount(own, weights)
    share = cost / cost.sum() if cost.sum() > 0 else 0
    return _draw(share + weights / np.where(population > 0, population, 1)[own], weights, size, seeds[1])


def leverage_scores(x: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """How much of the squared length of x q one row can be for any q (N,): between 0 and 1, summing to x's rank.

    With `weights`, rows of x (N, d) count as sqrt(w) x.
    """
    x, weights = _checked(x, weights, 1)
    white = _whitening(x, weights)
    return np.concatenate([((b @ white) ** 2).sum(axis=1) for _, b in _blocks(x, weights)]) * weights


def leverage(x: np.ndarray, size: int, *, seed: int = 0, weights: np.ndarray | None = None) -> Coreset:
    """Coreset for least squares: `size` draws by leverage, so that sum(w (x q)^2) is nearly right for every q.

    For a regression of y on x give the columns of both. Source: Drineas, Mahoney, Muthukrishnan 2006.
    """
    x, weights = _checked(x, weights, size)
    return _draw(leverage_scores(x, weights=weights), weights, size, seed)


def _draw(share, weights, size, seed):
    """Coreset of `size` independent draws with probabilities proportional to `share` (N,)."""
    total = np.cumsum(share)
    picks = np.searchsorted(total, np.random.default_rng(seed).random(size) * total[-1], side="right")
    rows, times = np.unique(np.minimum(picks, len(share) - 1), return_counts=True)
    return Coreset(rows, times * weights[rows] * total[-1] / (size * share[rows]))


def _rough_centres(x, weights, clusters, seed):
    """Centres (clusters, d) of a rough k-means solution: k-means|| and k-means on its few weighted candidates."""
    rng = np.random.default_rng(seed)
    candidates = np.array(x[[rng.choice(len(x), p=weights / weights.sum())]], float)
    own, distance = nearest(x, candidates)
    for _ in range(ROUNDS):
        cost = distance**2 * weights
        new = np.flatnonzero(rng.random(len(x)) < 2 * clusters * cost / max(cost.sum(), 1e-300))
        if len(new):
            which, closer = nearest(x, np.array(x[new], float))
            own = np.where(closer < distance, len(candidates) + which, own)
            distance = np.minimum(distance, closer)
            candidates = np.concatenate([candidates, x[new]])
    population = np.bincount(own, weights, minlength=len(candidates))
    candidates, population = candidates[population > 0], population[population > 0]
    clusters = min(clusters, len(np.unique(candidates, axis=0)))
    model = KMeans(clusters, n_init=3, random_state=int(rng.integers(2**31)))
    return model.fit(candidates, sample_weight=population).cluster_centers_


# --- Exactly: Caratheodory ---------------------------------------------------------------------------------------
def exact_mean(x: np.ndarray, *, weights: np.ndarray | None = None) -> Coreset:
    """At most d + 2 rows of x (N, d) with the sums of w, w x and w |x|^2 of all: an exact coreset for one mean.

    The squared distance to any centre is then that of all rows, to rounding. Source: Jubran, Maalouf, Feldman 2019.
    """
    x, weights = _checked(x, weights, 1)
    mean = sum(w @ b for w, b in _blocks(x, weights)) / weights.sum()
    spread = sum(w @ ((b - mean) ** 2).sum(axis=1) for w, b in _blocks(x, weights)) / weights.sum()
    scale = np.sqrt(spread) if spread > 0 else 1.0

    def lift(block):
        block = (block - mean) / scale
        return np.column_stack([block, (block**2).sum(axis=1)])

    return _caratheodory(x, weights, lift, x.shape[1] + 1)


def exact_squares(x: np.ndarray, *, weights: np.ndarray | None = None) -> Coreset:
    """At most d (d + 1) / 2 + 1 rows of x (N, d) with the sums of w and w x x' of all: exact for least squares.

    For every q, sum(w (x q)^2) is then that of all rows, to rounding; for a regression of y on x give the columns
    of both. Time grows as N d^2 + d^6 log N, so keep d below about 30. Source: Maalouf, Jubran, Feldman 2019.
    """
    x, weights = _checked(x, weights, 1)
    white = _whitening(x, weights / weights.sum())
    upper = np.triu_indices(white.shape[1])

    def lift(block):
        block = block @ white
        return block[:, upper[0]] * block[:, upper[1]]

    return _caratheodory(x, weights, lift, len(upper[0]))


def _caratheodory(x, weights, lift, features):
    """At most `features` + 1 rows with the weighted sums of lift(x) and of 1 over all rows.

    Maalouf et al.: replace contiguous groups of rows by their means, thin out the means, drop the groups that lost
    all weight, and go on with half of the rows; so each row is read about twice.
    """
    rows = np.flatnonzero(weights > 0)
    weight, target = weights[rows], None
    while len(rows) > features + 1:
        limit = max(1, GROUP // max(features, x.shape[1]))
        n_groups = min(len(rows), max(2 * features + 2, -(-len(rows) // limit)))
        groups = np.array_split(np.arange(len(rows)), n_groups)
        totals = np.array([weight[g].sum() for g in groups])
        means = np.array([weight[g] @ lift(read(x, rows[g], float)) for g in groups]) / totals[:, None]
        if target is None:
            target = totals @ means
        thinned = _thin(np.column_stack([means, np.ones(len(groups))]), totals)
        kept = np.flatnonzero(thinned)
        weight = np.concatenate([weight[groups[i]] * (thinned[i] / totals[i]) for i in kept])
        rows = rows[np.concatenate([groups[i] for i in kept])]
    if target is not None:  # wash out what rounding has left over many rounds
        system = np.column_stack([lift(read(x, rows, float)), np.ones(len(rows))]).T
        missing = np.append(target, weights.sum()) - system @ weight
        better = weight + np.linalg.lstsq(system, missing, rcond=None)[0]
        weight = better if (better > 0).all() else weight
    return Coreset(rows, weight)


def _thin(points, weights):
    """Weights (n,) of the same sum of points (n, D), at most D of them not zero.

    Walk along directions that change no sum until a weight vanishes. Householder reflections keep the directions
    that remain orthonormal, so that nothing blows up.
    """
    weights, features = weights.copy(), points.shape[1]
    free = np.linalg.qr(points, mode="complete")[0][:, features:].copy()
    while free.shape[1]:
        step = free[:, 0] if free[:, 0].max() > -free[:, 0].min() else -free[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(step > 1e-14, weights / step, np.inf)
        gone = reach.argmin()
        weights = np.maximum(weights - reach[gone] * step, 0)
        weights[gone] = 0
        mirror = free[gone].copy()
        mirror[0] += np.copysign(np.linalg.norm(mirror), mirror[0])
        free -= np.outer(free @ mirror, mirror * (2 / (mirror @ mirror)))
        free = free[:, 1:]
        free[gone] = 0
    return weights


# --- A stream ----------------------------------------------------------------------------------------------------
def merge_and_reduce(
    stream: Iterable[np.ndarray], reduce: Callable, *, size: int = 0, seed: int = 0
) -> tuple[np.ndarray, Coreset]:
    """Coreset of a stream that is read once: reduce every block, merge two of a kind, reduce again.

    `stream` yields arrays (n, d); `reduce(points, weights=, seed=)` returns a `Coreset` of them, for example
    `functools.partial(lightweight, size=500)`. Blocks and unions of at most `size` rows stay as they are: give the
    size that `reduce` keeps, for it cannot draw more rows than there are (0: always reduce, for exact coresets).

    Returns the rows kept (m, d) and their `Coreset`, whose indices count rows of the stream. Coresets wait on a
    stack like the digits of a binary counter: after B blocks no row was reduced more than 2 + log2 B times, and
    fewer than 2 + log2 B coresets and one block are held. Raises ValueError for a stream without blocks. Source:
    Har-Peled, Mazumdar 2004; Bentley, Saxe 1980 for the stack.
    """
    rng = np.random.default_rng(seed)
    stack, start = [], 0

    def reduced(level, points, weights, rows):
        if len(points) <= size:
            return level, points, weights, rows
        part = reduce(points, weights=weights, seed=int(rng.integers(2**63)))
        return level, points[part.indices], part.weights, rows[part.indices]

    def merged(a, b):
        return reduced(max(a[0], b[0]) + 1, *(np.concatenate(pair) for pair in zip(a[1:], b[1:])))

    for block in map(np.asarray, stream):
        rows = np.arange(start, start := start + len(block))
        stack.append(reduced(0, block, np.ones(len(block)), rows))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            stack.append(merged(stack.pop(-2), stack.pop()))
    if not stack:
        raise ValueError("stream is empty; allowed: an iterator of at least one array (n, d)")
    while len(stack) > 1:
        stack.append(merged(stack.pop(-2), stack.pop()))
    _, points, weights, rows = stack[0]
    return points, Coreset(rows, weights)


# --- How good is it? ---------------------------------------------------------------------------------------------
def kmeans_cost(x: np.ndarray, centres: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Sum of weighted squared distances of x (N, d) to the nearest of each query's centres (Q, k, d): (Q,)."""
    x, weights = _checked(x, weights, 1)
    centres = [_asked(c, "each set of centres", "k", x.shape[1]) for c in centres]
    return np.array([weights @ nearest(x, c)[1] ** 2 for c in centres])


def squares_cost(x: np.ndarray, queries: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """Sum of w (x q)^2 over the rows of x (N, d) for each of the queries (Q, d): (Q,)."""
    x, weights = _checked(x, weights, 1)
    queries = _asked(queries, "queries", "Q", x.shape[1])
    return sum(w @ (b @ queries.T) ** 2 for w, b in _blocks(x, weights))


def cost_ratio(
    x: np.ndarray, coreset: Coreset, queries: np.ndarray, *, cost: Callable = kmeans_cost
) -> np.ndarray:
    """Cost of each query on the coreset over that on all of x: (Q,); an eps-coreset keeps all within 1 +- eps."""
    return cost(read(x, coreset.indices, float), queries, weights=coreset.weights) / cost(x, queries)


# --- Reading -----------------------------------------------------------------------------------------------------
def _checked(x, weights, size):
    """x as it is and weights (N,) as floats, or a ValueError or TypeError that says what is amiss."""
    if not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if x.ndim != 2 or not len(x) or x.dtype.kind not in "fiub":
        found = f"x has shape {x.shape} and type {x.dtype}"
        raise ValueError(f"{found}; allowed: numbers (N, d), at least one row")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= len(x):
        raise ValueError(f"size is {size!r}; allowed: whole numbers from 1 to the {len(x)} rows of x")
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    if weights.shape != (len(x),) or not (weights.min() >= 0 and 0 < weights.max() < np.inf):
        found = f"weights have shape {weights.shape}"
        raise ValueError(f"{found}; allowed: ({len(x)},), finite, none negative, not all 0")
    return x, weights


def _asked(values, name, count, d):
    """`values` as an array of floats (count, d), or a ValueError that says what is amiss."""
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or values.shape[1] != d:
        raise ValueError(f"{name} has shape {values.shape}; allowed: ({count}, {d}), as wide as x")
    check_finite(**{name: values})
    return values


def _blocks(x: np.ndarray, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield weights and rows of x in float64, block by block."""
    for b in blocks(*x.shape):
        yield weights[b], read(x, b, float)


def _whitening(x, weights):
    """Matrix (d, rank) that turns the rows into ones whose weighted products x x' sum to the identity.

    By QR of one block after another, which does not square the condition number as x'x would.
    """
    r = np.zeros((x.shape[1], x.shape[1]))
    for w, block in _blocks(x, weights):
        r = np.linalg.qr(np.concatenate([r, block * np.sqrt(w)[:, None]]), mode="r")
    lengths = np.linalg.norm(r, axis=0)
    lengths[lengths == 0] = 1  # a column of zeros adds nothing to the rank
    _, scale, axes = np.linalg.svd(r / lengths)
    kept = scale > scale[0] * len(r) * np.finfo(float).eps
    return (axes[kept] / lengths).T / scale[kept]
