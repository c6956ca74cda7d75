"""Does more data help: a learning curve from the reader's own rows, what a doubling buys, and rows for a target."""

import math
from dataclasses import dataclass

import numpy as np

from labutils.audit.learners import Learner, Naming
from labutils.laws import forecasts, learning_curves, regimes

HELD = 0.2  # share of the training rows that judges a curve, drawn anew for every repeat
MOST_HELD = 20_000  # rows that judge, at most
FINE = 20_000  # rows up to which sizes are a factor of sqrt(2) apart; beyond, of 2
FEW = 3  # repeats are enough where so many rows judge
FARTHEST = 64  # times the rows measured: how far a forecast goes
LARGEST = {False: 2**24, True: 2**20}  # numbers that a learner, light or heavy, is given at most


@dataclass(frozen=True)
class MoreData:
    """The second answer: `loss` (repeats, T) at `n` (T,) rows, error rate or share of variance not explained."""

    n: np.ndarray
    loss: np.ndarray
    diagnosis: regimes.Diagnosis
    target: float  # a loss
    rows: float  # that it takes, by the median forecast; infinite where 64 times the rows do not reach it
    rows_interval: tuple[float, float]  # 90%
    capped: bool  # whether the curve stops short of all rows
    least: float  # the loss that stands for none at all

    @property
    def spotless(self) -> bool:
        """Whether hardly an error is left to remove."""
        return bool(self.loss[:, -1].mean() < 3 * self.least)

    @property
    def verdict(self) -> str:
        """Worth it, stop, or cannot tell."""
        return "stop" if self.spotless else self.diagnosis.verdict

    def forecast(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Loss expected at `n` (K,) rows beyond those measured, and its 90% interval: three arrays (K,)."""
        ahead = forecasts.forecast(self.n, self.loss, n)
        return ahead.value, *ahead.interval()


def splits(n: int, repeats: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(rows to learn from in random order, rows that judge) for every repeat; a fifth judges, 20,000 at most."""
    held = min(max(1, round(HELD * n)), MOST_HELD)
    orders = [np.random.default_rng((seed, repeat)).permutation(n) for repeat in range(repeats)]
    return [(order[held:], order[:held]) for order in orders]


def sizes(n: int, n_classes: int) -> np.ndarray:
    """Sizes (T,) of the curve up to n rows: from two rows a class, 16 at least, in steps of sqrt(2), from 20,000 on of 2."""
    least = min(max(16, 2 * n_classes), n // 4)
    found = learning_curves.anchors(min(n, FINE), n_min=least)
    while found[-1] * 2 <= n:
        found = np.append(found, found[-1] * 2)
    if n > 1.2 * found[-1]:
        found = np.append(found, n)
    return found


def most_rows(x: np.ndarray, learner: Learner) -> int:
    """How many rows of x (N, m) a learner is given at most."""
    return max(LARGEST[learner.heavy] // x.shape[1], 1_000)


def measure(
    x: np.ndarray,
    y: np.ndarray,
    learner: Learner,
    *,
    n_classes: int = 0,
    repeats: int = 5,
    target: float | None = None,
    seed: int = 0,
    tick: object = None,
) -> MoreData:
    """The learning curve of rows x (N, m), y (N,), and what it says: `MoreData`.

    Every repeat holds other rows out and learns from nested subsets of the rest. `target` is the loss asked for (default:
    half of the last one). `tick()` is called after every repeat. Forecasts are those of `forecasts.forecast`, the verdict
    that of `regimes.diagnose`.
    """
    repeats = repeats if len(y) <= FINE else min(repeats, FEW)
    parts = splits(len(y), repeats, seed)
    most = min(len(parts[0][0]), most_rows(x, learner))
    n, loss = sizes(most, n_classes), []
    for repeat, (own, held) in enumerate(parts):
        loss.append(
            learning_curves.learning_curve(
                x[own[:most]],
                y[own[:most]],
                x[held],
                y[held],
                n,
                lambda size, s: Naming(learner, n_classes, s),
                n_seeds=1,
                seed=seed + repeat,
            )[0]
        )
        if tick:
            tick()
    least = 0.5 / (len(parts[0][1]) * repeats)  # no error at all among so few is no proof of none
    loss = np.clip(loss, least, None)
    found = regimes.diagnose(n, loss, rows=len(y))
    goal = float(loss[:, -1].mean() / 2) if target is None else target
    ahead = n[-1] * np.geomspace(1.05, FARTHEST, 120)
    reach = forecasts.forecast(n, loss, ahead)
    low, high = reach.interval()
    rows, upper, lower = (_first(ahead, values, goal) for values in (reach.value, high, low))
    if goal >= loss[:, -1].mean():
        rows = lower = float(n[-1])
    return MoreData(n, loss, found, goal, rows, (lower, upper), len(parts[0][0]) > most, least)


def _first(n, values, goal):
    """The first size at which the values (K,) reach the goal."""
    there = np.flatnonzero(values <= goal)
    return float(n[there[0]]) if len(there) else math.inf
