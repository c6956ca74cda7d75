"""Training on the output of models: what is exact about it, each formula beside a simulation of what it describes.

Rows are standard normal in d weights, a generation has T rows with noise of variance s^2, and errors are squared
distances between weights, which is the excess squared error on a new row.
"""

import numpy as np
from scipy import special

from labutils.checks import check_at_least, check_choice, check_finite, check_positive

REGIMES = ("replace", "accumulate")


def replaced_error(n: np.ndarray, *, rows: int, weights: int, noise: float = 1.0) -> np.ndarray:
    """Expected squared error of the n-th least-squares fit, each to the labels of the one before: n s^2 d / (T - d - 1).

    `n` (...) counts fits, the first is on real labels; `noise` is the standard deviation s. Dohmatob et al. 2024
    (2402.07712), Gerstgrasser et al. 2024 (2404.01413). Raises ValueError for fewer than d + 2 rows.
    """
    _check_regression(n, rows, weights, noise)
    return np.asarray(n) * noise**2 * weights / (rows - weights - 1)


def accumulated_error(n: np.ndarray, *, rows: int, weights: int, noise: float = 1.0) -> np.ndarray:
    """The same where the n-th fit sees all n generations, T new rows in each: the sum over i of s^2 d / (i (i T - d - 1)).

    With G the Gram matrix of all rows so far, w_i = w_{i-1} + G_i^-1 X_i' e_i; the i blocks in G_i are alike, so the
    variance added is a share 1/i of tr G_i^-1. It stays below pi^2/6 times the first term, the bound of Gerstgrasser et
    al. 2024 (2404.01413, theorem 2). Raises ValueError as `replaced_error`.
    """
    _check_regression(n, rows, weights, noise)
    n = np.asarray(n)
    i = np.arange(1, n.max() + 1)
    return np.cumsum(noise**2 * weights / (i * (i * rows - weights - 1.0)))[n - 1]


def regression_generations(
    n: int, regime: str, *, rows: int, weights: int, noise: float = 1.0, seeds: int, seed: int = 0
) -> np.ndarray:
    """Squared errors (seeds, n) of least squares over n generations, each labelled by the fit before, plus noise.

    `regime` is one of `REGIMES`. Raises ValueError for another, and as `replaced_error`.
    """
    check_choice("regime", regime, REGIMES)
    check_at_least(1, seeds=seeds)
    _check_regression(n, rows, weights, noise)
    rng = np.random.default_rng(seed)
    w = np.zeros((seeds, weights, 1))  # less the true weights
    gram, errors = np.zeros((seeds, weights, weights)), []
    for _ in range(n):
        x = rng.standard_normal((seeds, rows, weights))
        own = x.mT @ x
        gram = own + gram if regime == "accumulate" else own
        w = w + np.linalg.solve(gram, x.mT @ rng.normal(0, noise, (seeds, rows, 1)))
        errors.append((w**2).sum(axis=(1, 2)))
    return np.transpose(errors)


def mixed_error(
    rows: np.ndarray, share: float, distance: float, *, weights: int, noise: float = 1.0
) -> np.ndarray:
    """Expected squared error of least squares where a share of the `rows` (...) has labels of other weights.

    m = round(share N) of N rows are labelled by weights at `distance` c from the true ones. Exactly
    c^2 [a + b + b (N d - 2) / (N - d - 1)] + s^2 d / (N - d - 1), where B, the share of the Gram matrix that is
    synthetic, is matrix-beta and a = E B_11 B_22, b = E B_12^2. As N grows it falls to the plateau share^2 c^2, not to
    zero: strong model collapse, Dohmatob et al. 2024 (2410.04840). Derived here; raises ValueError for a share outside
    0 to 1 and as `replaced_error`.
    """
    rows = np.asarray(rows)
    _check_regression(1, rows.min(), weights, noise)
    _check_share(share)
    n, m = rows.astype(float), np.round(share * rows)
    square = m * (m + 2) / (n * (n + 2))  # E B_11^2 = a + 2 b
    minor = m * (m - 1) / (n * (n - 1))  # E of a 2 x 2 determinant = a - b
    b = (square - minor) / 3
    a = minor + b
    bias = a + b + b * (n * weights - 2) / (n - weights - 1)
    return distance**2 * bias + noise**2 * weights / (n - weights - 1)


def mixed_regression(
    rows: int, share: float, distance: float, *, weights: int, noise: float = 1.0, seeds: int, seed: int = 0
) -> np.ndarray:
    """Squared errors (seeds,) of least squares on real rows mixed with rows of a wrong generator, as in `mixed_error`."""
    check_at_least(1, seeds=seeds)
    _check_regression(1, rows, weights, noise)
    _check_share(share)
    rng, errors, wrong = np.random.default_rng(seed), [], round(share * rows)
    for _ in range(seeds):
        x = rng.standard_normal((rows, weights))
        y = rng.normal(0, noise, rows)
        y[:wrong] += distance * x[:wrong, 0]
        errors.append(np.sum(np.linalg.lstsq(x, y, rcond=None)[0] ** 2))
    return np.array(errors)


def gaussian_replaced(n: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Variance of the mean, and mean logarithm of the variance, after n generations of `rows` draws from a normal fit.

    In units of the first variance, with the unbiased estimate: n / M, and n [psi((M-1)/2) - log((M-1)/2)], which is
    about -n/M: the variance is right in the mean and lost in nearly every run. Shumailov et al. 2024 (2305.17493).
    Raises ValueError for fewer than two rows.
    """
    check_at_least(2, rows=rows)
    half = (rows - 1) / 2
    return np.asarray(n) / rows, np.asarray(n) * (special.digamma(half) - np.log(half))


def gaussian_accumulated(n: np.ndarray, rows: int) -> np.ndarray:
    """Expected variance (...) after n generations that are all kept, of `rows` draws each: the product of 1 - 1/(M j^2).

    In units of the first, estimated by maximum likelihood. It falls to sin(pi/sqrt M) / (pi/sqrt M) and no further:
    Kazdan et al. 2024 (2410.16713). Raises ValueError for fewer than two rows, or n below 1.
    """
    check_at_least(2, rows=rows)
    n = np.asarray(n)
    check_at_least(1, n=n.min())
    return np.cumprod(1 - 1 / (rows * np.arange(1.0, n.max() + 1) ** 2))[n - 1]


def gaussian_generations(
    n: int, rows: int, regime: str, *, seeds: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (seeds, n) of the normal fit, from generation to generation; `regime` as in `REGIMES`.

    The estimate of the variance is unbiased where generations are replaced, maximum likelihood where they accumulate,
    as in the two formulas. Only sums are kept, so that memory does not grow with n. Raises ValueError for another regime.
    """
    check_choice("regime", regime, REGIMES)
    check_at_least(2, rows=rows)
    rng = np.random.default_rng(seed)
    mean, variance = np.zeros(seeds), np.ones(seeds)
    sums, squares, means, variances = 0.0, 0.0, [], []
    for i in range(1, n + 1):
        x = mean[:, None] + np.sqrt(variance)[:, None] * rng.standard_normal((seeds, rows))
        if regime == "replace":
            mean, variance = x.mean(axis=1), x.var(axis=1, ddof=1)
        else:
            sums, squares = sums + x.sum(axis=1), squares + (x**2).sum(axis=1)
            mean = sums / (i * rows)
            variance = squares / (i * rows) - mean**2
        means.append(mean)
        variances.append(variance)
    return np.transpose(means), np.transpose(variances)


def missing_mass(
    n: np.ndarray, power: float, cut: int, *, real: float = 0.0, symbols: int = 100_000
) -> np.ndarray:
    """Probability (...) of what has not occurred in n draws, where the generator knows the `cut` most frequent alone.

    The world is p_k ~ k^-power over `symbols`; a share `real` of the draws comes from it, the others from its first
    `cut` symbols. The sum of p_k (1 - q_k)^n: with no real draws it never falls below the mass of the tail, about
    cut^-(power - 1); with some it falls again. Dohmatob et al. 2024 (2402.07043). Raises ValueError for a power or a
    cut without meaning.
    """
    p, q = _tails(power, cut, real, symbols)
    (n,) = check_positive(n=n)
    with np.errstate(divide="ignore"):  # a single symbol that is always drawn: nothing is missing
        return np.array([p @ np.exp(size * np.log1p(-q)) for size in n.ravel()]).reshape(n.shape)


def sampled_missing_mass(
    n: np.ndarray,
    power: float,
    cut: int,
    *,
    real: float = 0.0,
    symbols: int = 100_000,
    seeds: int,
    seed: int = 0,
) -> np.ndarray:
    """The same by drawing, (seeds, T): a run counts which symbols have occurred among its first n (T,) draws.

    Raises ValueError as `missing_mass`, and for numbers of draws or seeds below one.
    """
    check_at_least(1, n=int(np.min(n)), seeds=seeds)
    p, q = _tails(power, cut, real, symbols)
    rng, cumulated, found = np.random.default_rng(seed), np.cumsum(q), []
    n = np.atleast_1d(n)
    for _ in range(seeds):
        draws = np.minimum(np.searchsorted(cumulated, rng.random(n.max()), side="right"), symbols - 1)
        symbol, first = np.unique(draws, return_index=True)
        found.append([1 - p[symbol[first < size]].sum() for size in n])
    return np.array(found)


def worth(n: np.ndarray, curves: np.ndarray, real: int, added: int, accuracy: np.ndarray) -> np.ndarray:
    """How many real rows each of the `added` rows is worth, rho in real + rho added: a value for each run (runs,).

    `curves` (runs, T) are accuracies of `n` (T,) rising numbers of real rows, `real` among them; `accuracy` (runs,) that
    of `real` real rows with the added ones, run by run. By as much as the mean error is changed, one moves along the
    curve of real rows: a parabola through the logarithms of its mean errors and of n, made to fall. Below zero the rows
    do harm; beyond an end of the curve the end counts. The values are the pseudo-values of the jackknife, whose mean and
    spread are those of the estimate (Tukey 1958), so that they can be averaged over data sets and given an interval.
    Raises ValueError for fewer than three sizes, sizes that do not rise or lack `real`, and shapes that disagree.
    """
    (n, added) = check_positive(n=n, added=added)
    curves, accuracy = np.asarray(curves, float), np.asarray(accuracy, float)
    check_finite(curves=curves, accuracy=accuracy)
    if len(n) < 3 or real not in n or (np.diff(n) <= 0).any() or curves.shape != (len(accuracy), len(n)):
        found = f"n {n}, real {real}, curves {curves.shape}, accuracy {accuracy.shape}"
        raise ValueError(
            f"{found}; allowed: three rising sizes or more with real among them, (runs, T) and (runs,)"
        )
    sizes, place, runs = np.log(n), np.flatnonzero(n == real)[0], len(accuracy)
    fine = np.linspace(sizes[0], sizes[-1], 400)

    def rho(chosen):
        error = np.maximum(1 - curves[chosen].mean(axis=0), 1e-4)  # no error in a few test rows is not none
        shape = np.polyfit(sizes, np.log(error), 2)
        fitted = np.minimum.accumulate(np.polyval(shape, fine)) - 1e-9 * np.arange(len(fine))
        change = np.log(max(1 - accuracy[chosen].mean(), 1e-4) / error[place])
        goal = np.interp(sizes[place], fine, fitted) + change
        return (np.exp(np.interp(-goal, -fitted, fine)) - real) / added

    whole = rho(np.arange(runs))
    if runs == 1:
        return np.array([whole])
    return np.array([runs * whole - (runs - 1) * rho(np.delete(np.arange(runs), i)) for i in range(runs)])


def _tails(power, cut, real, symbols):
    """The world's probabilities and those of the mixed draws (symbols,)."""
    if not power > 1 or not 1 <= cut <= symbols:
        raise ValueError(f"power is {power}, cut {cut}; allowed: above 1, and 1 to {symbols} symbols")
    _check_share(real)
    p = np.arange(1.0, symbols + 1) ** -power
    p /= p.sum()
    known = np.where(np.arange(symbols) < cut, p, 0)
    return p, real * p + (1 - real) * known / known.sum()


def _check_regression(n, rows, weights, noise):
    check_at_least(1, n=np.min(n), weights=weights)
    check_at_least(weights + 2, rows=rows)
    check_at_least(0, noise=noise)


def _check_share(share):
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; allowed: 0 to 1")
