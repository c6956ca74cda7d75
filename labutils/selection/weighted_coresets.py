"""Weighted coresets: a few rows whose weighted sums stand in for those of all, by importance or exactly.

Rows are read in blocks, at most a few times each, so `x` may be a memory-mapped file larger than memory; what
is held for each row is a number or two.
"""

import numpy as np

from labutils.checks import check_at_least
from labutils.rows import release
from labutils.selection.coresets import Coreset

BLOCK = 1 << 23  # bytes of a block in float64: large enough for BLAS, small enough for the cache's sake
ROUNDS = 5  # of k-means||; Bahmani et al. find that more change nothing


# --- By importance: draw rows in proportion to how much any one query may need them -----------------------------
def uniform(x, size, *, seed=0):
    """`size` different rows of x (N, d) at random, each of weight N / size: the baseline. Returns a `Coreset`."""
    x, _ = _checked(x, None, size)
    rows = np.random.default_rng(seed).choice(len(x), size, replace=False)
    return Coreset(np.sort(rows), np.full(size, len(x) / size))


def lightweight(x, size, *, seed=0, weights=None):
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


def kmeans_coreset(x, clusters, size, *, seed=0, weights=None):
    """Coreset for k-means of x (N, d) with `clusters` centres, by sensitivity sampling: `size` draws.

    A row is drawn in proportion to its share of the cost of a rough solution (k-means||) plus its share of its rough
    cluster, which bounds how much of the cost of any centres it can be, up to a constant: so no cluster, however
    small, is missed. Weights as in `lightweight`. Source: Feldman, Langberg 2011, in the form of Schwiegelshohn,
    Sheikh-Omar 2022; Bahmani et al. 2012 for the rough solution.
    """
    x, weights = _checked(x, weights, size)
    check_at_least(1, clusters=clusters)
    seeds = np.random.SeedSequence(seed).spawn(2)
    cost, nearest = _nearest(x, _rough_centres(x, weights, clusters, seeds[0]))
    cost *= weights
    population = np.bincount(nearest, weights)
    share = cost / cost.sum() if cost.sum() > 0 else 0
    return _draw(share + weights / np.where(population > 0, population, 1)[nearest], weights, size, seeds[1])


def leverage_scores(x, *, weights=None):
    """How much of the squared length of x q one row can be for any q (N,): between 0 and 1, summing to x's rank.

    With `weights`, rows of x (N, d) count as sqrt(w) x.
    """
    x, weights = _checked(x, weights, 1)
    white = _whitening(x, weights)
    return np.concatenate([((b @ white) ** 2).sum(axis=1) for _, b in _blocks(x, weights)]) * weights


def leverage(x, size, *, seed=0, weights=None):
    """Coreset for least squares: `size` draws by leverage, so that sum(w (x q)^2) is nearly right for every q.

    For a regression of y on x give the columns of both. Weights as in `lightweight`. Source: Drineas, Mahoney,
    Muthukrishnan 2006.
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
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    candidates = np.array(x[[rng.choice(len(x), p=weights / weights.sum())]], float)
    cost, nearest = _nearest(x, candidates)
    for _ in range(ROUNDS):
        chance = 2 * clusters * cost * weights / max((cost * weights).sum(), 1e-300)
        new = np.flatnonzero(rng.random(len(x)) < chance)
        if len(new):
            closer, which = _nearest(x, np.array(x[new], float))
            nearest = np.where(closer < cost, len(candidates) + which, nearest)
            cost = np.minimum(cost, closer)
            candidates = np.concatenate([candidates, x[new]])
    population = np.bincount(nearest, weights, minlength=len(candidates))
    candidates, population = candidates[population > 0], population[population > 0]
    k = min(clusters, len(np.unique(candidates, axis=0)))
    model = KMeans(k, n_init=3, random_state=int(rng.integers(2**31)))
    return model.fit(candidates, sample_weight=population).cluster_centers_


def _nearest(x, centres):
    """Squared distance (N,) of every row to the nearest of the centres (k, d), and which one that is."""
    middle = centres.mean(axis=0)  # distances do not change, and what cancels in them becomes small
    centres = centres - middle
    cost, nearest = np.empty(len(x)), np.empty(len(x), np.int32)
    start, half = 0, (centres**2).sum(axis=1) / 2
    for _, block in _blocks(x, width=max(x.shape[1], len(centres))):
        block -= middle
        score = block @ centres.T
        score -= half
        part = slice(start, start := start + len(block))
        nearest[part] = score.argmax(axis=1)
        best = np.take_along_axis(score, nearest[part, None].astype(int), axis=1)[:, 0]
        cost[part] = np.maximum(np.einsum("ij,ij->i", block, block) - 2 * best, 0)
    return cost, nearest


# --- Exactly: Caratheodory ---------------------------------------------------------------------------------------
def exact_mean(x, *, weights=None):
    """At most d + 2 rows of x (N, d) with the sums of w, w x and w |x|^2 of all: an exact coreset for one mean.

    The weighted squared distance to any centre is then that of all rows, to rounding. Source: Jubran, Maalouf,
    Feldman 2019.
    """
    x, weights = _checked(x, weights, 1)
    mean = sum(w @ b for w, b in _blocks(x, weights)) / weights.sum()
    spread = sum(w @ ((b - mean) ** 2).sum(axis=1) for w, b in _blocks(x, weights)) / weights.sum()
    scale = np.sqrt(spread) if spread > 0 else 1.0

    def lift(block):
        block = (block - mean) / scale
        return np.column_stack([block, (block**2).sum(axis=1)])

    return _caratheodory(x, weights, lift, x.shape[1] + 1)


def exact_squares(x, *, weights=None):
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
        limit = max(1, BLOCK // (8 * max(features, x.shape[1])))
        groups = np.array_split(
            np.arange(len(rows)), min(len(rows), max(2 * features + 2, -(-len(rows) // limit)))
        )
        totals = np.array([weight[g].sum() for g in groups])
        means = np.array([weight[g] @ lift(_read(x, rows[g])) for g in groups]) / totals[:, None]
        if target is None:
            target = totals @ means
        thinned = _thin(np.column_stack([means, np.ones(len(groups))]), totals)
        kept = np.flatnonzero(thinned)
        weight = np.concatenate([weight[groups[i]] * (thinned[i] / totals[i]) for i in kept])
        rows = rows[np.concatenate([groups[i] for i in kept])]
    if target is not None:  # wash out what rounding has left over many rounds
        system = np.column_stack([lift(_read(x, rows)), np.ones(len(rows))]).T
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
def merge_and_reduce(blocks, reduce, *, size=0, seed=0):
    """Coreset of a stream that is read once: reduce every block, merge two of a kind, reduce again.

    `blocks` yields arrays (n, d); `reduce(points, weights=, seed=)` returns a `Coreset` of them, for example
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

    for block in blocks:
        block = np.asarray(block)
        rows = np.arange(start, start := start + len(block))
        stack.append(reduced(0, block, np.ones(len(block)), rows))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            stack.append(merged(stack.pop(-2), stack.pop()))
    if not stack:
        raise ValueError("blocks is empty; allowed: an iterator of at least one array (n, d)")
    while len(stack) > 1:
        stack.append(merged(stack.pop(-2), stack.pop()))
    _, points, weights, rows = stack[0]
    return points, Coreset(rows, weights)


# --- How good is it? ---------------------------------------------------------------------------------------------
def kmeans_cost(x, centres, *, weights=None):
    """Sum of weighted squared distances of x (N, d) to the nearest of each query's centres (Q, k, d): (Q,)."""
    x, weights = _checked(x, weights, 1)
    centres = [_asked(c, "each set of centres", "k", x.shape[1]) for c in centres]
    return np.array([weights @ _nearest(x, c)[0] for c in centres])


def squares_cost(x, queries, *, weights=None):
    """Sum of w (x q)^2 over the rows of x (N, d) for each of the queries (Q, d): (Q,)."""
    x, weights = _checked(x, weights, 1)
    queries = _asked(queries, "queries", "Q", x.shape[1])
    return sum(w @ (b @ queries.T) ** 2 for w, b in _blocks(x, weights))


def cost_ratio(x, coreset, queries, *, cost=kmeans_cost):
    """Cost of each query on the coreset over that on all of x: (Q,); an eps-coreset keeps all within 1 +- eps."""
    return cost(_read(x, coreset.indices), queries, weights=coreset.weights) / cost(x, queries)


# --- Reading -----------------------------------------------------------------------------------------------------
def _checked(x, weights, size):
    """x as it is and weights (N,) as floats, or a ValueError or TypeError that says what is amiss."""
    if not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if x.ndim != 2 or not len(x) or x.dtype.kind not in "fiub":
        raise ValueError(
            f"x has shape {x.shape} and type {x.dtype}; allowed: numbers (N, d), at least one row"
        )
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= len(x):
        raise ValueError(f"size is {size!r}; allowed: whole numbers from 1 to the {len(x)} rows of x")
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    if weights.shape != (len(x),) or not (
        np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
    ):
        raise ValueError(
            f"weights have shape {weights.shape}; allowed: ({len(x)},), finite, none negative, not all 0"
        )
    return x, weights


def _asked(values, name, count, d):
    """`values` as an array of floats (count, d), or a ValueError that says what is amiss."""
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or values.shape[1] != d:
        raise ValueError(f"{name} has shape {values.shape}; allowed: ({count}, {d}), as wide as x")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity; allowed: finite numbers")
    return values


def _blocks(x, weights=None, *, width=None):
    """Yield (weights, rows) of x in float64, block by block; a ValueError for NaN or infinity."""
    step = max(1, BLOCK // (8 * (width or x.shape[1])))
    for start in range(0, len(x), step):
        block = _read(x, slice(start, start + step))
        yield None if weights is None else weights[start : start + step], block


def _read(x, rows):
    """Rows of x as a new float64 array; the pages of a mapped file are given back."""
    block = np.array(x[rows], dtype=float)
    if not np.isfinite(block.sum()) and not np.isfinite(block).all():
        raise ValueError("x holds NaN or infinity; allowed: finite numbers")
    release(x)
    return block


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
