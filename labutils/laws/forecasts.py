"""Forecasts of a learning curve whose intervals hold on real curves: a blend of simple forecasts, calibrated."""

import functools
import io
from dataclasses import dataclass

import numpy as np

from labutils import bundled
from labutils.checks import check_positive

LEVEL = 0.9  # of every interval
MEMORY = np.array([0.5, 1.0, 2.0, 4.0])  # octaves after which a point weighs half, one straight line for each
EXPONENTS = np.geomspace(0.03, 3, 40)  # of the power laws above a floor
FALLS = (
    0.03,
    0.1,
)  # falls of the log loss in an octave: the misses of slow, middling and fast curves are kept apart
NOISY = 0.04  # scatter of the log loss from size to size: and those of quiet and noisy curves
LOCATION = [  # what the forecast is blended from, all as log of the loss over the last one measured
    *(f"level {m:g}" for m in MEMORY[:3]),
    "level of the laws",
    *(f"line {m:g}" for m in MEMORY),
    "law, best",
    "law, averaged",
    "last step",
    "line 1, shrunk by noise",
    "rise 1",
    "rise 2",
    "lowest",
    "constant",
    "level 0.5, quiet",
    "law, quiet",
    "line 0.5, quiet",
    "line 2, quiet",
    "level of the laws, still",
    "law, still",
    "line 0.5, still",
    "line 2, still",
]
SCALE = [  # what its spread is the product of, each to a power
    "constant",
    "noise",
    "distance from the laws",
    "law",
    "bend",
    "slope",
    "points",
    "octaves",
    "disagreement",
    "rise",
]


@dataclass(frozen=True)
class Calibration:
    """What the library taught, for each of K horizons: weights of the blend, powers of the spread, shape of the misses."""

    octaves: np.ndarray  # (K,) ahead, rising
    location: np.ndarray  # (K, len(LOCATION))
    scale: np.ndarray  # (K, len(SCALE))
    levels: np.ndarray  # (Q,) probabilities
    misses: (
        np.ndarray
    )  # (K, G, Q) quantiles of (log loss - forecast) / spread on sources left out, by `group`


@dataclass(frozen=True)
class Forecast:
    """The loss at `n` (K,), and beside it what it would be if the last step repeated itself in every doubling."""

    n: np.ndarray
    last: float  # the loss measured at the largest size
    levels: np.ndarray  # (Q,) probabilities
    quantiles: np.ndarray  # (K, Q) of a new measurement at n
    last_step: np.ndarray  # (K,)

    @property
    def value(self) -> np.ndarray:
        """The median (K,)."""
        return self.quantile(0.5)

    def quantile(self, level: float) -> np.ndarray:
        """The quantiles (K,) of probability `level`, by interpolation; as far as they are known."""
        return np.exp([np.interp(level, self.levels, np.log(q)) for q in self.quantiles])

    def interval(self, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Low and high (K,), between which a new measurement will lie with probability `level`."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def chance_below(self, loss: float) -> np.ndarray:
        """The probability (K,) that the loss measured at n is at most `loss`."""
        return np.array(
            [np.interp(np.log(loss), np.log(q), self.levels, left=0, right=1) for q in self.quantiles]
        )


def tidy(n: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes (T,) in rising order and losses (seeds, T); sizes measured twice become one."""
    order = np.argsort(n, kind="stable")
    n, loss = n[order], np.atleast_2d(loss)[:, order]
    sizes, first, count = np.unique(n, return_index=True, return_counts=True)
    return sizes, np.add.reduceat(loss, first, axis=1) / count


def _laws(u, z, ahead):
    """Power laws above a floor through losses `z` at log2 sizes `u`: the best one, and their average by how well they fit.

    Of both the log of the loss `ahead` over their own now, of the average its log loss now, and the best one's scatter.

    Relative least squares for each exponent, with amplitude and floor not below zero; recent octaves weigh more.
    """
    w = 2.0 ** (u / 3) / z**2
    power = 2.0 ** (-EXPONENTS[:, None] * u)  # (E, T)
    s0, s1, s2 = w.sum(), power @ w, power**2 @ w
    b0, b1 = w @ z, power @ (w * z)
    det = s0 * s2 - s1**2
    a, c = (s0 * b1 - s1 * b0) / det, (s2 * b0 - s1 * b1) / det
    a, c = np.where(c < 0, b1 / s2, a), np.maximum(c, 0)
    a, c = np.where(a < 0, 0, a), np.where(a < 0, b0 / s0, c)
    squares = (w * (z - a[:, None] * power - c[:, None]) ** 2).sum(axis=1) / s0
    weight = ((squares + 1e-4) / (squares.min() + 1e-4)) ** (-len(u) / 2)
    now = np.log(a + c)
    drop = np.log(a[:, None] * 2.0 ** (-EXPONENTS[:, None] * ahead) + c[:, None]) - now[:, None]  # (E, K)
    scatter = np.sqrt(squares.min() * len(u) / max(len(u) - 3, 1))
    return drop[squares.argmin()], weight @ drop / weight.sum(), weight @ now / weight.sum(), scatter


def features(n: np.ndarray, loss: np.ndarray, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """What a curve says of the loss `ahead` (K,) octaves on: the parts (K, LOCATION), (K, SCALE), and its last step.

    `n` (T,) rising sizes, at least 4; `loss` (seeds, T). All in units of the log of the last loss.
    """
    u, mean, ahead = np.log2(n / n[-1]), loss.mean(axis=0), np.asarray(ahead, float)
    z = mean / mean[-1]
    y = np.log(z)
    w = 2.0 ** (u / MEMORY[:, None])
    w /= w.sum(axis=1, keepdims=True)
    centre, height = w @ u, w @ y
    lever = w * (u - centre[:, None])
    lever /= np.maximum((lever * u).sum(axis=1, keepdims=True), 1e-9)
    slope = lever @ y
    level = height - slope * centre
    share = np.diff(u)[1:] / (u[2:] - u[:-2])
    jumps = (y[1:-1] - y[:-2] * share - y[2:] * (1 - share)) / np.sqrt(1 + share**2 + (1 - share) ** 2)
    best, averaged, now, scatter = _laws(u, z, ahead)
    noise = min(scatter, np.sqrt(np.average(jumps**2, weights=2.0 ** (u[1:-1] / 2))))
    step = -np.interp(-1, u, y)  # log of the last loss over that at half the size
    quiet, still = (1 / (1 + (noise / typical) ** 2) for typical in (0.03, 0.003))
    shrunk = slope[1] / (1 + (noise / 0.02) ** 2 * (lever[1] ** 2).sum())

    def within(values):  # no forecast below a quarter or above twice the loss for each doubling
        return np.clip(values, -2 * ahead, ahead)

    ones = np.ones_like(ahead)
    lines = [within(s * ahead) for s in slope]
    best, averaged, now = within(best), within(averaged), np.clip(now, -2 * noise, 2 * noise)
    location = [
        *(v * ones for v in (*level[:3], now)),
        *lines,
        best,
        averaged,
        within(step * ahead),
        within(shrunk * ahead),
        *(max(s, 0) * ahead for s in slope[1:3]),
        y.min() * ones,
        ones,
        quiet * level[0] * ones,
        quiet * averaged,
        quiet * lines[0],
        quiet * lines[2],
        still * now * ones,
        still * best,
        still * lines[0],
        still * lines[2],
    ]
    scale = [
        np.e * ones,
        (noise + 5e-4) * ones,
        (scatter + 1e-3) * ones,
        abs(averaged) + 0.003,
        (abs(slope[1] - slope[2]) + 0.003) * ones,
        (abs(slope[1]) + 0.01) * ones,
        len(u) * ones,
        -u[0] * ones,
        abs(level[1] + lines[1] - averaged) + 0.003,
        (max(slope[1], 0) + 0.01) * ones,
    ]
    return np.transpose(location), np.log(np.transpose(scale)), float(step)


@functools.cache
def read_calibration() -> Calibration:
    """The calibration that comes with the book, `data/curves/calibration.csv`; `data/curves/make.py` makes it."""
    text = (bundled.folder() / "curves" / "calibration.csv").read_text()
    table = np.genfromtxt(io.StringIO(text), delimiter=",", skip_header=1)
    groups = 2 * (len(FALLS) + 1)
    ends = np.cumsum([1, 1, len(LOCATION), len(SCALE)])
    levels = np.array(text.partition("\n")[0].split(",")[ends[-1] :], float)
    parts = np.split(table, ends, axis=1)
    misses = parts[4].reshape(-1, groups, len(levels))
    return Calibration(parts[0][::groups, 0], parts[2][::groups], parts[3][::groups], levels, misses)


def group(middle: np.ndarray, scale: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Which misses a forecast is likely to have: by how fast `middle` says the log loss falls an octave, and by noise."""
    fall = np.searchsorted(FALLS, -np.asarray(middle) / ahead)
    return fall + (len(FALLS) + 1) * (scale[..., SCALE.index("noise")] > np.log(NOISY))


def log_quantiles(
    location: np.ndarray, scale: np.ndarray, ahead: np.ndarray, calibration: Calibration
) -> np.ndarray:
    """Quantiles (K, Q) of log(loss / last loss) from what `features` gives, between the horizons by interpolation.

    Nearer than the first horizon its weights are taken as they are; beyond the last the spread grows in proportion.
    """
    grid = calibration.octaves
    place = np.interp(ahead, grid, np.arange(len(grid)))
    low = np.minimum(place.astype(int), max(len(grid) - 2, 0))
    mix = (place - low)[:, None]

    def between(table, *which):
        return (1 - mix) * table[(low, *which)] + mix * table[(np.minimum(low + 1, len(grid) - 1), *which)]

    middle = (location * between(calibration.location)).sum(axis=1, keepdims=True)
    spread = np.exp((scale * between(calibration.scale)).sum(axis=1, keepdims=True))
    spread *= np.maximum(np.asarray(ahead) / grid[-1], 1)[:, None]
    quantiles = middle + spread * between(calibration.misses, group(middle[:, 0], scale, ahead))
    far = np.asarray(ahead)[:, None]
    return np.clip(quantiles, -0.5 - 2 * far, 0.5 + far)


def forecast(
    n: np.ndarray, loss: np.ndarray, target: np.ndarray, *, calibration: Calibration | None = None
) -> Forecast:
    """Forecast the loss at sizes `target` (K,), beyond those measured, with an interval that holds on real curves.

    `n` (T,) sizes, at least 4; `loss` (T,), or (seeds, T): error rates or any positive loss. The forecast is a blend of
    straight lines in log loss that forget the past at four speeds, of power laws above a floor and of the last step
    repeated; its weights, the spread and the shape of the misses were fitted to the library of measured curves
    (`data/curves`), the shape on curves of sources left out. Raises ValueError for fewer than 4 sizes, values that are
    not positive, or a target that is not beyond the sizes measured.
    """
    n, loss, target = check_positive(n=n, loss=loss, target=np.atleast_1d(target))
    if loss.shape[-1] != n.size or np.unique(n).size < 4:
        raise ValueError(
            f"n holds {n.size} sizes, loss has shape {loss.shape}; allowed: as many, of at least 4 different sizes"
        )
    if target.min() <= n.max():
        raise ValueError(f"target is {target.min():g}; allowed: above {n.max():g}, the largest size measured")
    n, loss = tidy(n, loss)
    ahead = np.log2(target / n[-1])
    location, scale, step = features(n, loss, ahead)
    calibration = calibration or read_calibration()
    last = float(loss[:, -1].mean())
    quantiles = last * np.exp(log_quantiles(location, scale, ahead, calibration))
    return Forecast(target, last, calibration.levels, quantiles, last * np.exp(step * ahead))
