"""The rules an audit compares: those of chapter 06 that need no network, for classes and for numbers to predict."""

import time
from functools import partial

import numpy as np

from labutils.networks import encoders, ridge
from labutils.selection import pruning, rules

BANDS = 4  # parts of a number's range that coresets choose in, as if they were classes
BLOCK = 4_000  # rows of a class that a coreset is chosen from at a time
NAMES = (
    "random",
    "hard",
    "hard, by class",
    "easy",
    "middle",
    "CCS, by class",
    "D2",
    "GradMatch",
    "influence",
    "facility location",
    "herding",
    "k-center",
)


def prepare(
    x: np.ndarray, y: np.ndarray, *, n_classes: int, largest: float, seed: int = 0, only: str | None = None
) -> dict[str, rules.Rule]:
    """The rules for rows x (N, m), y (N,), up to the fraction `largest`: {name: `rules.Rule`}, `only` one of them if asked.

    For classes they are those of `selection.rules`; "random" keeps the share of every class. For numbers hardness is the
    miss of a ridge probe that has not seen the row, and a class a quarter of the range of y.
    """
    if n_classes:
        found = rules.prepare(x.astype(float), y, largest=largest, seed=seed)
        found["random"] = found.pop("random, by class")
    else:
        found = _of_numbers(x.astype(float), y, largest, seed)
    return {name: found[name] for name in NAMES if name in found and only in (None, name)}


def bands(y: np.ndarray) -> np.ndarray:
    """Which quarter of the rows, by its number y (N,), each row is in: (N,) from 0."""
    return np.searchsorted(np.quantile(y, np.arange(1, BANDS) / BANDS), y).astype(np.int64)


def _of_numbers(x, y, largest, seed):
    """The same rules where the target is a number."""
    found, part = {}, bands(y)

    def add(name, make, choose, drawn=False):
        began = time.process_time()
        made = make()
        found[name] = rules.Rule(partial(choose, made), drawn, time.process_time() - began)

    def miss():
        return np.abs(ridge.cross_fitted(x, y, seed=seed)[:, 0] - y)

    def prefix(order, f, s):
        return pruning.by_class(
            lambda rows, k: order[part[rows[0]]][:k], pruning.n_kept(f, len(y)), len(y), part
        )

    add("random", lambda: np.zeros(len(y)), rules.picked("random", part), drawn=True)
    add("hard", miss, rules.picked("hard", None))
    add("hard, by class", miss, rules.picked("hard", part))
    add("easy", miss, rules.picked("easy", part))
    add("middle", miss, rules.picked("middle", part))
    add("influence", lambda: rules.influence(x, y, seed=seed), rules.picked("hard", part))
    (near,) = encoders.principal(x, n_axes=rules.AXES, seed=seed)
    for name, choose in rules.CORESETS.items():
        add(name, partial(rules.orders, choose, near, part, largest, seed), prefix)
    return found
