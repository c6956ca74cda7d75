"""The one look at the test rows: what the rows kept are worth there, beside all rows and as many random ones."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from labutils.audit.learners import Learner, in_blocks, named
from labutils.audit.more_data import most_rows

LEVEL = 0.9
DRAWS = 5  # random subsets as large as what is kept


@dataclass(frozen=True)
class Confirmed:
    """What the test rows said, once: the score of a learner with the rows kept, with all, and with as many random ones."""

    kept: float
    kept_interval: tuple[float, float]  # over the test rows
    full: float
    random: float  # mean of draws
    gap: float  # kept less random
    gap_interval: tuple[float, float]
    n_test: int  # rows that are no copies of training rows


def look(
    x: np.ndarray,
    y: np.ndarray,
    kept: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    learner: Learner,
    *,
    n_classes: int = 0,
    seed: int = 0,
) -> Confirmed:
    """Train on the rows `kept` of x (N, m), y (N,), on all of them and on random ones, and score the test rows: `Confirmed`.

    x_test (M, m), y_test (M,) are no copies of training rows. This is the only place at which test labels are looked at,
    and nothing is chosen by it. Intervals: Wilson's for an accuracy; for the gap the spread over the test rows, row by row,
    and over the random draws.
    """
    rng = np.random.default_rng((seed, 7))

    def right(rows):
        scores = in_blocks(learner.fit(x[rows], y[rows], n_classes=n_classes, seed=seed), x_test)
        if n_classes:
            return (named(scores) == y_test).astype(float)
        return 1 - (scores[:, 0] - y_test) ** 2 / np.var(y_test)

    full = right(rng.permutation(len(y))[: most_rows(x, learner)])
    own, same = full, [full]
    if len(kept) < len(y):
        own = right(kept)
        same = [right(rng.permutation(len(y))[: len(kept)]) for _ in range(DRAWS)]
    gap, m = own - np.mean(same, axis=0), len(y_test)
    z = stats.norm.ppf((1 + LEVEL) / 2)
    between = np.var([one.mean() for one in same], ddof=1) if len(same) > 1 else 0.0
    reach = float(z * np.sqrt(gap.var() / m + between * (1 + 1 / len(same))))
    middle = float(gap.mean())
    return Confirmed(
        float(own.mean()),
        share_interval(own, z),
        float(full.mean()),
        float(np.mean(same)),
        middle,
        (middle - reach, middle + reach),
        m,
    )


def share_interval(right: np.ndarray, z: float) -> tuple[float, float]:
    """An interval for the mean of `right` (M,): Wilson's where it holds 0 and 1 alone, else by the normal distribution.

    `z` are the standard deviations that it reaches to either side.
    """
    n, mean = len(right), float(right.mean())
    if set(np.unique(right)) <= {0.0, 1.0}:
        found = stats.binomtest(int(right.sum()), n).proportion_ci(2 * stats.norm.cdf(z) - 1, method="wilson")
        return float(found.low), float(found.high)
    reach = z * float(right.std()) / math.sqrt(n)
    return mean - reach, mean + reach
