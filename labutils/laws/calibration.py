"""What forecasts learn from a library of measured curves, and how they do on sources they have not seen."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from labutils import bundled
from labutils.laws.forecasts import FALLS, LOCATION, SCALE, Calibration, features, group, log_quantiles, tidy

AHEAD = (0.5, 1.0, 2.0, 3.0, 4.0)  # octaves
LEVELS = np.r_[0.01, np.linspace(0.025, 0.975, 39), 0.99]
FOLDS = 8


@dataclass(frozen=True)
class Curve:
    """One measured curve: test errors `loss` (repeats, T) at sizes `n` (T,), what was learnt and by which learner."""

    n: np.ndarray
    loss: np.ndarray
    source: str
    learner: str


@dataclass(frozen=True)
class Cases:
    """Histories cut from curves, and what came: N of them, at K horizons."""

    ahead: np.ndarray  # (K,)
    location: np.ndarray  # (N, K, p), of `forecasts.features`
    scale: np.ndarray  # (N, K, q)
    came: np.ndarray  # (N, K) log of the loss then over the last one, NaN where it was not measured
    step: np.ndarray  # (N,) log of the last loss over that at half the size
    source: np.ndarray  # (N,)
    curve: np.ndarray  # (N,) index of the curve
    end: np.ndarray  # (N,) index of the last size of the history
    repeats: np.ndarray  # (N,)
    final: np.ndarray  # (N, K) whether what came is the end of the curve

    @property
    def measured(self) -> np.ndarray:
        """Which cases (N,) are of measured curves, not of theory."""
        return ~np.char.startswith(self.source, "theory")


def library() -> list[Curve]:
    """The curves that come with the book, `data/curves/curves.npz`; an error of nothing counts as half a row."""
    held = np.load(bundled.folder() / "curves" / "curves.npz")
    shapes = held["shape"].astype(int)
    sizes = np.split(held["n"].astype(float), np.cumsum(shapes[:, 1])[:-1])
    wrong = np.split(held["wrong"].astype(float), np.cumsum(shapes.prod(axis=1))[:-1])
    return [
        Curve(n, np.maximum(w.reshape(shape), 0.5) / rows, str(source), str(learner))
        for n, w, shape, rows, source, learner in zip(
            sizes, wrong, shapes, held["test_rows"], held["source"], held["learner"]
        )
    ]


def theory(size: int = 120, *, seed: int = 0) -> list[Curve]:
    """Power laws to a floor, with noise of 0.01% to 10% on every point: a forecast must know these as well.

    Each is a source of its own, "theory"; exponents 0.05 to 1.5, half of them without a floor, else up to 95% of the loss.
    """
    rng, found = np.random.default_rng(seed), []
    for i in range(size):
        octaves, each = rng.integers(5, 11), rng.choice([1, 2, 4, 8])
        n = 2 ** rng.uniform(5, 10) * 2.0 ** (np.arange(octaves * each + 1) / each)
        floor, exponent = (
            rng.choice([0, rng.uniform(0, 0.95)]),
            np.exp(rng.uniform(np.log(0.05), np.log(1.5))),
        )
        loss = floor + (1 - floor) * (n / n[rng.integers(len(n))]) ** -exponent
        noise = np.exp(rng.uniform(np.log(1e-4), np.log(0.1)))
        found.append(
            Curve(n, loss * np.exp(noise * rng.standard_normal((1, len(n)))), f"theory {i}", "theory")
        )
    return found


def cases(curves: list[Curve], *, ahead: tuple = AHEAD, least: int = 32, every: float = 0.5) -> Cases:
    """Histories that end at sizes from `least` on, `every` so many octaves counted from the end of the curve.

    Each twice: as the mean of all repeats, and as the first repeat alone.
    """
    ahead, found = np.asarray(ahead, float), []
    for index, curve in enumerate(curves):
        octave = np.log2(curve.n)
        ends = np.searchsorted(
            octave, np.arange(octave[-1] - min(ahead), np.log2(least) - 0.05, -every) - 0.05
        )
        for repeats in {len(curve.loss), 1}:
            loss = curve.loss[:repeats]
            for end in np.unique(ends[ends >= 3]):
                then = np.searchsorted(octave, octave[end] + ahead - 0.05)
                there = (then < len(octave)) & (
                    abs(octave[np.minimum(then, len(octave) - 1)] - octave[end] - ahead) < 0.06
                )
                if not there.any():
                    continue
                then = np.where(there, then, 0)
                came = np.where(there, np.log(loss.mean(axis=0)[then] / loss[:, end].mean()), np.nan)
                parts = features(*tidy(curve.n[: end + 1], loss[:, : end + 1]), ahead)
                found.append((*parts, came, curve.source, index, end, repeats, then == len(octave) - 1))
    location, scale, step, came, source, index, end, repeats, final = map(np.array, zip(*found))
    return Cases(ahead, location, scale, came, step, source, index, end, repeats, final)


def _centre(x, y, weight, ridge=1e-3, soft=0.02):
    """Weights of a blend `x` (N, p) for `y` by least absolute deviations, softened, a little ridge: least squares, reweighted."""
    b, own = np.zeros(x.shape[1]), ridge * len(y) * np.eye(x.shape[1])
    for _ in range(20):
        heavy = x * (weight / np.sqrt((y - x @ b) ** 2 + soft * soft))[:, None]
        b = np.linalg.solve(heavy.T @ x + own, heavy.T @ y)
    return b


def _spread(s, miss, ridge=1e-3):
    """Powers of a product of the scales, `s` (N, q) their logs, that make it the typical size of `miss`.

    The likelihood of Laplace's distribution, by Newton's method on centred scales; the constant comes first.
    """
    mean = np.r_[0, s[:, 1:].mean(axis=0)]
    z = s - mean
    g = np.r_[np.log(miss.mean()) / s[0, 0], np.zeros(s.shape[1] - 1)]
    for _ in range(10):
        ratio = miss * np.exp(-(z @ g))
        slope = z.T @ (1 - ratio) / len(miss) + ridge * g
        bend = (z * ratio[:, None]).T @ z / len(miss) + ridge * np.eye(len(g))
        step = np.linalg.solve(bend, slope)
        g -= step * min(1, 1 / np.abs(z @ step).max())  # no spread by more than e at once
    g[0] -= mean @ g / s[0, 0]
    return g


def _fit(x, s, y):
    """Blend and spread of one horizon, in turns: cases that are easy to foretell count a little more."""
    weight = np.ones(len(y))
    for _ in range(2):
        b = _centre(x, y, weight)
        g = _spread(s, abs(y - x @ b) + 1e-3)
        weight = np.exp(-0.5 * (s @ g))
        weight /= weight.mean()
    return b, g


def folds(source: np.ndarray, n_folds: int = FOLDS) -> np.ndarray:
    """A fold (N,) for each case, all cases of a source in the same."""
    names, index = np.unique(source, return_inverse=True)
    return np.random.default_rng(0).permutation(len(names))[index] % n_folds


def calibrate(seen: Cases, *, n_folds: int = FOLDS) -> Calibration:
    """Fit blend and spread on all cases, and the shape of the misses on sources left out, fold by fold."""
    fold, parts = folds(seen.source, n_folds), []
    for k in range(len(seen.ahead)):
        there = np.isfinite(seen.came[:, k])
        x, s, y, f = seen.location[there, k], seen.scale[there, k], seen.came[there, k], fold[there]
        miss, kind = np.empty(len(y)), np.empty(len(y), int)
        for part in np.unique(f):
            b, g = _fit(x[f != part], s[f != part], y[f != part])
            miss[f == part] = ((y - x @ b) * np.exp(-(s @ g)))[f == part]
            kind[f == part] = group(x @ b, s, seen.ahead[k])[f == part]
        names, index = np.unique(seen.source[there], return_inverse=True)
        weight = ~np.char.startswith(names, "theory") / np.bincount(index)  # every measured source alike
        misses = []
        for each in range(2 * (len(FALLS) + 1)):
            own = (kind == each) & (weight[index] > 0)
            own = own if own.sum() >= 50 else weight[index] > 0  # too few of their kind: all
            misses.append(np.quantile(miss[own], LEVELS, weights=weight[index][own], method="inverted_cdf"))
        parts.append((*_fit(x, s, y), misses))
    location, scale, misses = map(np.array, zip(*parts))
    return Calibration(seen.ahead, location, scale, LEVELS, misses)


def pick(seen: Cases, chosen: np.ndarray) -> Cases:
    """Some of the cases, by a mask (N,)."""
    return Cases(seen.ahead, *(getattr(seen, name)[chosen] for name in list(seen.__dataclass_fields__)[1:]))


def left_out(seen: Cases, *, n_folds: int = FOLDS) -> np.ndarray:
    """Quantiles (N, K, Q) of what comes, each case by a calibration made without its source (nor any of its fold)."""
    fold, out = folds(seen.source, n_folds), np.empty((*seen.came.shape, len(LEVELS)))
    for part in range(n_folds):
        calibration = calibrate(pick(seen, fold != part), n_folds=4)
        for case in np.flatnonzero(fold == part):
            out[case] = log_quantiles(seen.location[case], seen.scale[case], seen.ahead, calibration)
    return out


def quantile(quantiles: np.ndarray, level: float) -> np.ndarray:
    """The quantiles (...,) of probability `level` from a table of them (..., Q), by interpolation between `LEVELS`."""
    place = np.interp(level, LEVELS, np.arange(len(LEVELS)))
    low = int(min(place, len(LEVELS) - 2))
    return quantiles[..., low] + (place - low) * (quantiles[..., low + 1] - quantiles[..., low])


def held(seen: Cases, quantiles: np.ndarray, level: float) -> np.ndarray:
    """Whether the central interval of probability `level` held what came: 1 or 0 (N, K), NaN where nothing was measured."""
    low, high = (quantile(quantiles, (1 + side * level) / 2) for side in (-1, 1))
    return np.where(np.isnan(seen.came), np.nan, (low <= seen.came) & (seen.came <= high))


def by_source(source: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum and count (S, 2) of `values` (N,) for each of S sources, NaN left out: what independent runs are to a mean."""
    index, there = np.unique(source, return_inverse=True)[1], np.isfinite(values)
    sums = (np.bincount(index, weights=w) for w in (np.where(there, values, 0), there))
    return np.stack(list(sums), axis=1)


def as_text(calibration: Calibration) -> str:
    """The table `forecasts.read_calibration` reads: a row for each horizon and group of misses."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    names = [
        "octaves",
        "group",
        *LOCATION,
        *(f"spread: {name}" for name in SCALE),
        *(f"{q:g}" for q in calibration.levels),
    ]
    writer.writerow([name.replace(",", ";") for name in names])
    for ahead, location, scale, misses in zip(
        calibration.octaves, calibration.location, calibration.scale, calibration.misses
    ):
        for kind, row in enumerate(misses):
            writer.writerow([f"{v:.5g}" for v in np.r_[ahead, kind, location, scale, row]])
    return table.getvalue()
