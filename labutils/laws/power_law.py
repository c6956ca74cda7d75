"""Power laws: how loss falls with data, how to fit that, and what to expect from more."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import special

from labutils.checks import check_choice, check_positive
from labutils.laws import forecasts

HUBER = 1e-3  # threshold on log residuals used by Hoffmann et al. 2022: far below any noise, so nearly L1
EXPONENTS = (0.1, 0.25, 0.5, 1.0, 2.0)  # where the search for exponents starts
STEEPEST = (
    10.0  # exponent allowed: one odd point before a flat stretch would be fitted by any larger one as well
)
LEVEL = forecasts.LEVEL  # of every interval
LAWS = ("pow3", "pow2", "exp3", "last")


# --- One engine for every law: log loss = log sum_k exp(c_k - s_k x_k), the last term perhaps a constant ------
def _log_sum(theta, x):
    """Log of the sum of the terms (R, T), and the share of each term in it (R, K, T).

    `theta` (R, P): K log coefficients, then an exponent for each row of the features `x` (m, T); K = m or m + 1.
    """
    m, k = len(x), theta.shape[1] - len(x)
    terms = np.repeat(theta[:, :k, None], x.shape[1], axis=2)
    terms[:, :m] -= theta[:, k:, None] * x
    top = terms.max(axis=1, keepdims=True)
    terms = np.exp(terms - top)
    total = terms.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], terms / total


def _polish(theta, x, y, sigma, delta, steps=60):
    """Minimise the Huber loss of (y - model) / sigma from each row of `theta`, all rows at once.

    Levenberg-Marquardt on iteratively reweighted least squares: the weights min(1, delta / |r|) make every
    accepted step descend on the Huber loss itself. Exponents stay between 0 and STEEPEST.
    """

    def evaluate(theta):
        f, share = _log_sum(theta, x)
        r = (y - f) / sigma
        size = np.abs(r)
        return r, share, np.where(size < delta, r * r / 2, delta * (size - delta / 2)).sum(axis=1)

    theta, m = theta.copy(), len(x)
    k, diagonal = theta.shape[1] - m, np.arange(theta.shape[1])
    damping = np.full((len(theta), 1), 1e-2)
    r, share, cost = evaluate(theta)
    for _ in range(steps):
        slope = np.concatenate([share, -share[:, :m] * x], axis=1) / sigma  # (R, P, T)
        weighted = slope * (delta / np.maximum(np.abs(r), delta))[:, None]
        normal = weighted @ slope.transpose(0, 2, 1)  # (R, P, P)
        normal[:, diagonal, diagonal] *= 1 + damping
        normal[:, diagonal, diagonal] += 1e-12
        trial = theta + np.linalg.solve(normal, weighted @ r[..., None])[..., 0]
        trial[:, k:] = np.clip(trial[:, k:], 0, STEEPEST)
        new = evaluate(trial)
        better = new[2] < cost
        for old, value in zip((theta, r, share, cost), (trial, *new)):
            old[better] = value[better]
        damping = np.clip(np.where(better[:, None], damping / 5, damping * 6), 1e-9, 1e6)
    return theta, cost


def _minimise(x, y, sigma, delta, *, floor, n_starts, start=None, steps=60):
    """Best parameters (R, P) for each row of `y` (R, T): a grid of starts, the `n_starts` best of them polished.

    The grid is over exponents and shares of the terms; the scale common to all terms is then a median.
    """
    m, k = len(x), len(x) + floor
    uneven = 0.1 / max(k - 1, 1) + (0.9 - 0.1 / max(k - 1, 1)) * np.eye(k)
    shares = [np.full(k, 1 / k), *uneven] if k > 1 else [np.ones(1)]
    grid = np.array([np.r_[np.log(s), e] for s in shares for e in itertools.product(EXPONENTS, repeat=m)])
    misfit = (y[:, None] - _log_sum(grid, x)[0]) / sigma  # (R, grid, T)
    scale = np.median(misfit * sigma, axis=2)  # (R, grid)
    misfit = np.abs(misfit - scale[..., None] / sigma).sum(axis=2)
    best = np.argsort(misfit, axis=1)[:, :n_starts]
    theta = grid[best]  # (R, n_starts, P)
    theta[..., :k] += np.take_along_axis(scale, best, axis=1)[..., None]
    if start is not None:
        theta = np.concatenate([theta, np.broadcast_to(start, (len(y), 1, k + m))], axis=1)
    tries = theta.shape[1]
    theta, cost = _polish(theta.reshape(-1, k + m), x, np.repeat(y, tries, axis=0), sigma, delta, steps)
    winner = cost.reshape(-1, tries).argmin(axis=1)
    return theta.reshape(-1, tries, k + m)[np.arange(len(y)), winner]


def fit_with_draws(
    x: np.ndarray, y: np.ndarray, sigma: np.ndarray, delta: float, *, floor: bool, n_boot: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fit log losses `y` (T,): parameters and scatter (P + 1,), and their bootstrap draws (n_boot, P + 1).

    `x` (m, T) holds the logs of what the loss depends on; the parameters are the log coefficients, then the exponents.

    Parametric bootstrap of the log residuals with Student's correction: with about ten points, resampling
    residuals of a near-L1 fit, some of them exactly zero, was measured to cover 85% where 90% was asked.
    """
    centre = x.mean(axis=1, keepdims=True)
    x = x - centre
    theta = _minimise(x, y[None], sigma, delta, floor=floor, n_starts=100)
    fitted = _log_sum(theta, x)[0][0]
    freedom = len(y) - theta.shape[1]
    scatter = np.sqrt(np.pi / 2) * np.abs((y - fitted) / sigma).sum() / freedom
    rng = np.random.default_rng(seed)
    scatters = scatter * np.sqrt(freedom / rng.chisquare(freedom, n_boot))
    noisy = fitted + scatters[:, None] * sigma * rng.standard_normal((n_boot, len(y)))  # (n_boot, T)
    if n_boot:
        draws = _minimise(x, noisy, sigma, delta, floor=floor, n_starts=1, start=theta[0], steps=30)
        theta = np.concatenate([theta, draws])
    theta[:, : len(x)] += theta[:, -len(x) :] * centre[:, 0]
    both = np.column_stack([theta, np.r_[scatter, scatters]])
    return both[0], both[1:]


def central(draws: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """The central interval (2, ...), low and high, of draws (n, ...); NaN without draws."""
    if not len(draws):
        return np.full((2, *draws.shape[1:]), np.nan)
    return np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)


# --- One curve -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class PowerLaw:
    """loss(n) = amplitude * n^-exponent + floor; in `draws` log a, log floor (if any), exponent and scatter."""

    amplitude: float
    exponent: float
    floor: float
    exponent_interval: tuple[float, float]  # 90%, where the curve is such a law
    scatter: float  # standard deviation of log loss about the law
    draws: np.ndarray  # (n_boot, P)
    n: np.ndarray  # (T,) what was fitted
    loss: np.ndarray  # (seeds, T)

    def predict(self, n: np.ndarray) -> np.ndarray:
        """Loss expected at `n` examples, an array of the same shape."""
        return self.amplitude * np.asarray(n, dtype=float) ** -self.exponent + self.floor

    def interval(self, n: np.ndarray, *, level: float = LEVEL, own: bool = False) -> np.ndarray:
        """Interval (low, high), each of the shape of `n`, for a new measurement at `n` like those fitted.

        Within the sizes fitted it is the law's, with its scatter. Beyond them a law's own interval held 63% of the time
        where 90% was asked, for real curves bend otherwise: there it is that of `forecasts.forecast`, unless the law's `own` is asked for.
        """
        n = np.asarray(n, dtype=float)
        x, z = n.reshape(-1), special.ndtri((np.arange(20) + 0.5) / 20)
        beyond = (x > self.n.max()) & (np.unique(self.n).size > 3) & (not own)
        out = np.empty((2, x.size))
        if not beyond.all():
            loss = _log_sum(self.draws[:, :-1], np.log(x[~beyond]).reshape(1, -1))[0]  # (n_boot, T)
            draws = (
                loss[:, None] + (self.draws[:, -1:] * z)[..., None]
            )  # (n_boot, 20, T): with its own scatter
            out[:, ~beyond] = np.exp(central(draws.reshape(len(z) * len(loss), -1), level))
        if beyond.any():
            out[:, beyond] = forecasts.forecast(self.n, self.loss, x[beyond]).interval(level)
        return out.reshape(2, *n.shape)

    def examples_for(self, loss: np.ndarray) -> np.ndarray:
        """Examples needed for `loss`, an array of the same shape; infinity at and below the floor."""
        excess = np.asarray(loss, dtype=float) - self.floor
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.where(excess > 0, (self.amplitude / excess) ** (1 / np.float64(self.exponent)), np.inf)


def fit_power_law(
    n: np.ndarray,
    loss: np.ndarray,
    *,
    floor: bool = True,
    sigma: np.ndarray | None = None,
    n_boot: int = 100,
    seed: int = 0,
    delta: float = HUBER,
) -> PowerLaw:
    """Fit loss = amplitude * n^-exponent + floor by robust least squares on log loss, many starts.

    `n` (T,) examples; `loss` (T,), or (seeds, T) whose mean over seeds is fitted; `floor=False` fixes the floor
    at zero; `sigma` (T,) relative noise of the points, of which only ratios matter; `delta` the Huber threshold
    on log residuals. Returns a `PowerLaw` with a 90% interval for the exponent from `n_boot` replicates, which holds
    where the curve is such a law, and one for the loss at larger sizes that holds on real curves.
    Raises ValueError for values that are not positive and for too few points. Objective: Hoffmann et al. 2022
    (2203.15556), approach 3, in one variable.
    """
    seeds = np.atleast_2d(np.asarray(loss, float))
    loss = seeds.mean(axis=0)
    n, loss, sigma = check_positive(n=n, loss=loss, sigma=np.ones(len(loss)) if sigma is None else sigma)
    if not loss.shape == n.shape == sigma.shape:
        raise ValueError(
            f"shapes of n, loss, sigma are {n.shape}, {loss.shape}, {sigma.shape}; they must agree"
        )
    if np.unique(n).size < 3 + floor:
        raise ValueError(f"n holds {np.unique(n).size} sizes; allowed: at least {3 + floor}")
    sigma = sigma / np.exp(np.log(sigma).mean())
    best, draws = fit_with_draws(
        np.log(n)[None], np.log(loss), sigma, delta, floor=floor, n_boot=n_boot, seed=seed
    )
    asymptote = np.exp(best[1]) if floor else 0.0
    interval = tuple(central(draws[:, -2]).tolist())
    constants = float(np.exp(best[0])), float(best[-2]), float(asymptote)
    return PowerLaw(*constants, interval, float(best[-1]), draws, n, seeds)


def extrapolate(
    n: np.ndarray, loss: np.ndarray, n_target: np.ndarray, *, law: str = "pow3", delta: float = HUBER
) -> np.ndarray:
    """Predict the loss at `n_target` (K,) or a number from curves `loss` (..., T) measured at `n` (T,): (..., K).

    `law`: pow3 a n^-b + c, pow2 a n^-b, exp3 a exp(-b n) + c (each fitted as in `fit_power_law`, all curves at
    once), or last, the loss at the largest n. Raises ValueError for another law or values not above zero.
    """
    check_choice("law", law, LAWS)
    n, loss, target = check_positive(n=n, loss=loss, n_target=n_target)
    curves, shape = loss.reshape(-1, n.size), loss.shape[:-1] + target.shape
    if law == "last":
        return np.repeat(loss[..., [n.argmax()]], target.size, axis=-1).reshape(shape)
    x, far = (v.reshape(1, -1) / n.mean() if law == "exp3" else np.log(v).reshape(1, -1) for v in (n, target))
    theta = _minimise(x - x.mean(), np.log(curves), 1.0, delta, floor=law != "pow2", n_starts=5)
    return np.exp(_log_sum(theta, far - x.mean())[0]).reshape(shape)
