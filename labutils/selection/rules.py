"""Every rule that chapter 06 chooses rows by, prepared once for all sizes, with the seconds that it took."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from labutils.checks import check_choice
from labutils.networks import encoders, ridge
from labutils.selection import coresets, pruning
from labutils.selection.d2_pruning import d2_pruning
from labutils.selection.gradient_matching import gradient_matching

AXES = 64  # principal axes that distances are measured on


@dataclass(frozen=True)
class Rule:
    """`choose(fraction, seed)` gives row numbers; `drawn`: another seed, other rows; `seconds` of CPU to prepare."""

    choose: Callable[[float, int], np.ndarray]
    drawn: bool
    seconds: float


def prepare(
    x: np.ndarray,
    y: np.ndarray,
    *,
    largest: float = 0.5,
    dropped: float = 0.3,
    only: Sequence[str] = (),
    seed: int = 0,
) -> dict[str, Rule]:
    """The rules for rows x (N, d) with classes y (N,), up to the fraction `largest`: {name: `Rule`}, `only` some or all.

    Hardness is minus the margin of ridge probes that did not see the row (three folds); the influence of a row that on
    the squared error of the other half of the rows (`ridge.influences`). CCS drops the share `dropped` at a tenth kept,
    falling to none at all kept. Distances are those on the first 64 principal axes; so are GradMatch's gradients, of the
    own class's output of those probes, and its weights are left out. D2 pruning, whose scores are ranks of hardness,
    "hard" and "random" look at all classes together: the others keep every class's share. Raises ValueError as
    `ridge.fit` and for unknown names; so does choosing more than `largest` by a rule that orders rows beforehand (D2,
    GradMatch, the coresets).
    """
    for name in only:
        check_choice("only", name, NAMES)
    rules = {}
    top = pruning.n_kept(largest, len(y))

    def size(f):
        if pruning.n_kept(f, len(y)) > top:
            raise ValueError(
                f"fraction is {f:g}; allowed: up to {largest:g}, the `largest` that was prepared"
            )
        return pruning.n_kept(f, len(y))

    def add(name, make, choose, drawn=False, before=0.0):
        if only and name not in only:
            return
        began = time.process_time()
        made = make()
        rules[name] = Rule(partial(choose, made), drawn, before + time.process_time() - began)

    def prefix(order, f, s):
        return pruning.by_class(lambda rows, k: order[y[rows[0]]][:k], size(f), len(y), y)

    add("random", lambda: np.zeros(len(y)), picked("random", None), drawn=True)
    add("random, by class", lambda: np.zeros(len(y)), picked("random", y), drawn=True)
    began = time.process_time()
    unseen = not only or not set(only).isdisjoint(SCORED)
    scores = ridge.cross_fitted(x, y, seed=seed) if unseen else np.zeros((len(y), int(y.max()) + 1))
    hard = -ridge.margins(scores, y)
    paid = {"before": time.process_time() - began}
    add("hard", lambda: hard, picked("hard", None), **paid)
    add("hard, by class", lambda: hard, picked("hard", y), **paid)
    add("easy", lambda: hard, picked("easy", y), **paid)
    add("middle", lambda: hard, picked("middle", y), **paid)
    add("CCS, by class", lambda: hard, partial(_covered, y, dropped), drawn=True, **paid)
    began = time.process_time()
    (near,) = encoders.principal(np.asarray(x, float), n_axes=AXES, seed=seed)
    placed = time.process_time() - began  # paid by every rule that measures distances
    ranks = stats.rankdata(hard) / len(y)
    paid["before"] += placed
    add("D2", lambda: d2_pruning(near, ranks, top), lambda order, f, s: order[: size(f)], **paid)
    gradients = (scores[np.arange(len(y)), y] - 1)[:, None] * np.column_stack([near, np.ones(len(y))])
    add("GradMatch", partial(orders, _matched, gradients, y, largest, seed), prefix, **paid)
    add("influence", partial(influence, x, y, seed=seed), picked("hard", y))
    for name, choose in CORESETS.items():
        add(name, partial(orders, choose, near, y, largest, seed), prefix, before=placed)
    return rules


def hardness(x: np.ndarray, y: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Minus the margin of each row (N,) by a ridge probe fitted on the two thirds of x (N, d), y (N,) without it."""
    return -ridge.margins(ridge.cross_fitted(x, y, seed=seed), y)


def influence(x: np.ndarray, y: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """What each row (N,) does for the squared error on the other half of the rows: `ridge.influences`, both ways."""
    half = np.random.default_rng(seed).permutation(len(y)) < len(y) // 2
    found, classes = np.empty(len(y)), int(y.max()) + 1
    for own in (half, ~half):
        probe = ridge.fit(x[own], y[own], n_classes=classes)
        found[own] = ridge.influences(probe, x[own], y[own], x[~own], y[~own])
    return found


def accuracies(
    rule: Rule,
    x: np.ndarray,
    y: np.ndarray,
    parts: list,
    fraction: float,
    *,
    fit: Callable | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Accuracy on every one of the test `parts` [(x, y)] of a learner trained on what the rule keeps: (len(parts),).

    A rule that draws draws anew for every part, by seeds from `seed` on. `fit(x, y, n_classes=)` gives something with a method `predict`, whose
    largest column is the class (default: a ridge probe).
    """
    fit, classes = fit or ridge.fit, int(y.max()) + 1
    kept = [rule.choose(fraction, seed + s) for s in range(len(parts) if rule.drawn else 1)]
    probes = [fit(x[rows], y[rows], n_classes=classes) for rows in kept]
    return np.array([ridge.accuracy(probes[i % len(probes)], *part) for i, part in enumerate(parts)])


def _covered(y, dropped, scores, f, s):
    share = dropped * min(1, (1 - f) / 0.9)
    return pruning.coverage(scores, f, mislabelled=share, labels=y, seed=s)


def _matched(gradients, k, _):
    return gradient_matching(gradients, k).indices


def picked(prefer: str, labels: np.ndarray | None) -> Callable:
    """What keeps a fraction by scores, (scores, fraction, seed) to row numbers: `pruning.select` with these options."""
    return lambda v, f, s: pruning.select(v, f, prefer=prefer, labels=labels, seed=s)


def orders(
    choose: Callable, near: np.ndarray, y: np.ndarray, largest: float, seed: int
) -> dict[int, np.ndarray]:
    """The rows of every class of y (N,) in the order in which a coreset takes them, up to the fraction `largest`.

    `choose(rows, k, seed)`, say one of `CORESETS`, sees a class's rows of near (N, m).
    """
    found = {}
    for c in np.unique(y):
        own = np.flatnonzero(y == c)
        found[c] = own[choose(near[own], min(len(own), math.ceil(largest * len(own)) + 1), seed)]
    return found


CORESETS: Mapping[str, Callable] = {
    "facility location": lambda x, k, s: coresets.facility_location(x, k, similarity="distance"),
    "herding": lambda x, k, s: coresets.herding(x, k),
    "k-center": lambda x, k, s: coresets.k_center(x, k, seed=s),
}
SCORED = ("hard", "hard, by class", "easy", "middle", "CCS, by class", "D2", "GradMatch", "influence")
NAMES = ("random", "random, by class", *SCORED, *CORESETS)
