"""Numbers with intervals: from independent runs, by Student's t or the bootstrap, and as text."""

import math
from collections.abc import Callable

import numpy as np
from scipy import stats


def estimate(
    values: np.ndarray, *, level: float = 0.9, shared: float = 0.0
) -> tuple[float, tuple[float, float]]:
    """The mean of independent runs and its Student-t interval: value, (low, high).

    `values` has shape (runs,). Runs on splits of the same rows share most of them: `shared`, rows that judge over rows
    learnt from, widens the interval for it (Nadeau & Bengio 2003). Raises ValueError for fewer than two runs, which have
    no interval, or values that are not finite.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"values {values} of shape {values.shape}; an interval needs at least 2 finite runs in a row"
        )
    error = values.std(ddof=1) * np.sqrt(1 / len(values) + shared)
    reach = stats.t.ppf((1 + level) / 2, len(values) - 1) * error
    return values.mean(), (values.mean() - reach, values.mean() + reach)


def resample(
    runs: np.ndarray, statistic: Callable, *, level: float = 0.9, n_boot: int = 1000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """A statistic of independent runs and its bootstrap interval: value, (low, high).

    `runs` has shape (runs, ...), `statistic` turns such an array into a number; whole runs are drawn anew. Raises
    ValueError for fewer than two runs.
    """
    runs = np.asarray(runs, float)
    if len(runs) < 2:
        raise ValueError(f"runs has shape {runs.shape}; an interval needs at least 2 runs")
    picks = np.random.default_rng(seed).integers(len(runs), size=(n_boot, len(runs)))
    value, draws = float(statistic(runs)), [statistic(runs[pick]) for pick in picks]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return value, (min(low, value), max(high, value))


def number(value: float | str, digits: int = 3) -> str:
    """A number for people: `digits` significant digits, thousands as such, no trailing zeros, and nothing below 10^-9."""
    if isinstance(value, str):
        return value
    if abs(value) < 1e-9:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10^{int(exponent)}"


def text(
    value: float, interval: tuple[float, float] | None = None, form: str | None = None, *, digits: int = 3
) -> str:
    """`value [low, high]`, each in the `form` of a format specification such as ".2f" (default: as by `number`).

    Without an interval the value alone. What `estimate` returns can be passed as it is: text(*estimate(runs)).
    """
    value, *bounds = (
        number(v, digits) if form is None else format(v, form) for v in (value, *(interval or ()))
    )
    return f"{value} [{', '.join(bounds)}]" if bounds else value
