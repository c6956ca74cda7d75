"""What subsets are worth: the accuracy of models trained on them, the smallest that is enough, and the pilot run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labutils.checks import check_at_least
from labutils.networks import training


@dataclass(frozen=True)
class KeepCurves:
    """Test accuracies: `accuracy` {method: (seeds, F)} at `fractions` (F,), `full` (seeds,) on all examples."""

    fractions: np.ndarray
    accuracy: dict[str, np.ndarray]
    full: np.ndarray


def keep_curve(
    model: torch.nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    choosers: Mapping[str, Callable],
    fractions: Sequence[float],
    *,
    x_test: np.ndarray,
    y_test: np.ndarray,
    seeds: Sequence[int],
    **options,
) -> KeepCurves:
    """Test accuracy of models trained on what each method keeps of x (N, ...): `KeepCurves`.

    `choosers` maps a method's name to a function (fraction, seed) -> row numbers; `options` go to
    `training.fit_many`, which trains all (method, fraction, seed) in one call with the same number of updates and
    the same batch size: a small subset is read more often, not trained for less. All methods share the models
    of fraction 1, one for each of `seeds`. Raises ValueError for a fraction outside (0, 1], or no seed.
    """
    fractions, seeds = np.asarray(fractions, float), [int(s) for s in seeds]
    if not len(seeds) or fractions.ndim != 1 or not ((fractions > 0) & (fractions <= 1)).all():
        found = f"fractions are {fractions}, seeds {seeds}"
        raise ValueError(f"{found}; allowed: shares in (0, 1], at least one seed")
    below = fractions[fractions < 1]
    subsets = [np.arange(len(y)) for _ in seeds]
    subsets += [choose(f, seed) for choose in choosers.values() for seed in seeds for f in below]
    owners = seeds + [seed for _ in choosers for seed in seeds for _ in below]
    options |= {"x_test": x_test, "y_test": y_test, "record": ("test_accuracy",)}
    fits = training.fit_many(model, x, y, included=subsets, seeds=owners, **options)
    full, found = np.split(fits.test_accuracy.astype(float), [len(seeds)])
    found = found.reshape(len(choosers), len(seeds), len(below))
    accuracy = {}
    for name, values in zip(choosers, found):
        accuracy[name] = np.repeat(full[:, None], len(fractions), axis=1)
        accuracy[name][:, fractions < 1] = values
    return KeepCurves(fractions, accuracy, full)


def smallest_fraction(
    fractions: Sequence[float], accuracy: Sequence[float], full: float, *, share: float = 0.95
) -> float:
    """The smallest fraction from which on `share` of the `full` accuracy is kept: a number in (0, 1].

    `accuracy` (F,) is interpolated linearly in the logarithm of the rising `fractions` (F,). Where even the first
    one is enough the answer is that one, an upper bound; where the last is not, 1. Raises ValueError for lengths
    that disagree or fractions that do not rise.
    """
    fractions, accuracy = np.asarray(fractions, float), np.asarray(accuracy, float)
    if fractions.shape != accuracy.shape or fractions.ndim != 1 or (np.diff(fractions) <= 0).any():
        found = f"fractions {fractions} and accuracy of shape {accuracy.shape}"
        raise ValueError(f"{found}; allowed: rising, of one length")
    short = np.flatnonzero(accuracy < share * full)
    if not len(short):
        return float(fractions[0])
    last = short[-1]
    if last == len(fractions) - 1:
        return 1.0
    rise = (share * full - accuracy[last]) / (accuracy[last + 1] - accuracy[last])
    return float(fractions[last] * (fractions[last + 1] / fractions[last]) ** rise)


def transfer(
    learners: Mapping[str, torch.nn.Module | Callable],
    subsets: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    x_test: np.ndarray,
    y_test: np.ndarray,
    seeds: Sequence[int],
    **options,
) -> dict[str, np.ndarray]:
    """Test accuracy of every learner on every subset: {learner: array (len(subsets),)}.

    A learner is a network (trained by `training.fit_many` with `options`) or a function seed -> object with
    scikit-learn's fit and predict; `seeds` holds one for each subset. Raises ValueError for no subset.
    """
    check_at_least(1, **{"the number of subsets": len(subsets)})
    accuracy = {}
    for name, learner in learners.items():
        if hasattr(learner, "parameters"):
            settings = options | {"x_test": x_test, "y_test": y_test, "record": ("test_accuracy",)}
            found = training.fit_many(learner, x, y, included=subsets, seeds=seeds, **settings).test_accuracy
        else:
            fits = [learner(seed).fit(x[rows], y[rows]) for rows, seed in zip(subsets, seeds)]
            found = [np.mean(fit.predict(x_test) == y_test) for fit in fits]
        accuracy[name] = np.asarray(found, float)
    return accuracy


def pilot_run(
    learn: Callable,
    n: int,
    choosers: Mapping[str, Callable],
    fraction: float,
    *,
    validation: float = 0.25,
    n_seeds: int = 3,
    seed: int = 0,
) -> tuple[str, dict[str, float]]:
    """The method to use for this fraction of n rows, by a pilot run of each: (name, {name: accuracy in the pilot run}).

    Each of `choosers` {name: function (fraction, seed) -> row numbers} makes a subset, of which only the rows outside a
    random `validation` share count; `learn(rows, held, seed)` trains on those and returns the accuracy on that share, the
    rows `held`. The best mean of `n_seeds` wins. A choice is asked for fraction / (1 - validation), so that about as many
    rows count as will be kept in the end. Never looks at a test set. Raises ValueError for a fraction above
    1 - validation: all methods would train on the same rows, and none could win.
    """
    check_at_least(1, n_seeds=n_seeds)
    if not 0 < fraction <= 1 - validation < 1:
        allowed = f"above 0 to {1 - validation:g}, what is left beside the rows held out"
        raise ValueError(f"fraction is {fraction}, validation {validation}; allowed: {allowed}")
    held = np.zeros(n, bool)
    held[np.random.default_rng(seed).permutation(n)[: round(validation * n)]] = True
    means = {}
    for name, choose in choosers.items():
        kept = [choose(min(1, fraction / (1 - validation)), s) for s in range(seed, seed + n_seeds)]
        found = [learn(rows[~held[rows]], np.flatnonzero(held), seed + i) for i, rows in enumerate(kept)]
        means[name] = float(np.mean(found))
    return max(means, key=means.get), means
