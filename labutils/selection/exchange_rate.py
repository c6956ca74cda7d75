"""How many random rows a chosen subset is worth: the exchange rate of a choice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.isotonic import isotonic_regression

from labutils import intervals
from labutils.checks import check_finite, check_positive


@dataclass(frozen=True)
class Rate:
    """A chosen row is worth `value` random ones. With `beyond`, "above" or "below" the curve, that is only a bound."""

    value: float
    interval: tuple[float, float] | None  # of the value; None with fewer than two runs
    beyond: str = ""

    def text(self, form: str = ".2g") -> str:
        """The rate and its interval for people, with > or < where it is a bound."""
        sign = {"above": "> ", "below": "< "}.get(self.beyond, "")
        # Where the ends of the interval stop at the bound as well, nothing is known but the bound.
        bound = sign and self.interval and self.interval[0] == self.interval[1]
        return sign + intervals.text(self.value, None if bound else self.interval, form)


def exchange_rate(
    n: Sequence[int],
    random_accuracy: np.ndarray,
    k: int,
    accuracy: np.ndarray,
    *,
    level: float = 0.9,
) -> Rate:
    """What a row of a chosen subset is worth in random rows: `Rate` with value m / k.

    m is the number of random rows at which the random learning curve reaches the mean accuracy of the subset of `k` rows.
    The curve is the mean of `random_accuracy` (seeds, T) at the rising sizes `n` (T,), made to rise by isotonic
    regression and read linearly in log n. Where `accuracy` (seeds,) lies beyond it, the end of the curve is the bound
    that is returned, and `beyond` says so; the ends of the interval stop there too.

    The interval is that of the gap between the subset and the curve at m, by Student's t, carried through the curve.
    With as many runs of either, run s of both is a pair (the same split and test rows); else the two are independent.
    Give every run test rows of its own, and the interval knows of the test rows too. Raises ValueError for sizes that
    do not rise, shapes that disagree, or values that are not finite.
    """
    (n, k) = check_positive(n=n, k=k)
    curves, accuracy = (
        np.atleast_2d(np.asarray(random_accuracy, float)),
        np.atleast_1d(accuracy).astype(float),
    )
    check_finite(random_accuracy=curves, accuracy=accuracy)
    if (
        n.ndim != 1
        or len(n) < 2
        or (np.diff(n) <= 0).any()
        or curves.shape[1:] != n.shape
        or accuracy.ndim != 1
    ):
        found = f"n {n}, random_accuracy of shape {curves.shape}, accuracy of shape {accuracy.shape}"
        raise ValueError(f"{found}; allowed: at least two rising sizes (T,), (seeds, T) and (seeds,)")
    curve = isotonic_regression(curves.mean(axis=0))
    goal, sizes = accuracy.mean(), np.log(n)
    beyond = "above" if goal > curve[-1] else "below" if goal < curve[0] else ""
    m = _reached(sizes, curve, goal)
    reach, interval = _reach(np.array([np.interp(m, sizes, one) for one in curves]), accuracy, level), None
    if reach is not None:
        interval = tuple(float(np.exp(_reached(sizes, curve, goal + side * reach)) / k) for side in (-1, 1))
    return Rate(float(np.exp(m) / k), interval, beyond)


def _reached(sizes, curve, goal):
    """The least size, a logarithm, at which the curve reaches the goal; its ends where it never does."""
    after = np.searchsorted(curve, goal, side="left")
    if after == 0 or after == len(curve):
        return sizes[min(after, len(curve) - 1)]
    rise = (goal - curve[after - 1]) / (curve[after] - curve[after - 1])
    return sizes[after - 1] + rise * (sizes[after] - sizes[after - 1])


def _reach(random, chosen, level):
    """Half the width of the interval of the mean gap between runs of the two; None with a single run of either."""
    if min(len(random), len(chosen)) < 2:
        return None
    if len(random) == len(chosen):
        variance, freedom = np.var(chosen - random, ddof=1) / len(chosen), len(chosen) - 1
    else:
        variance = np.var(chosen, ddof=1) / len(chosen) + np.var(random, ddof=1) / len(random)
        freedom = min(len(chosen), len(random)) - 1
    return stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(variance)
