"""A pool of rows of which a part follows another rule, a few examples of what is wanted, and rules that choose from it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labutils.checks import check_at_least
from labutils.networks import training
from labutils.selection import coresets, importance
from labutils.selection.finetuning import Task

PASSES = {  # forward and backward passes over the whole pool
    "random": "none",
    "hard": "1 forward",
    "easy": "1 forward",
    "facility location": "1 forward",
    "features": "1 forward",
    "importance": "none",
    "gradients": "1 forward, 1 backward a checkpoint",
    "gradients, loosely": "1 forward, 1 backward a checkpoint",
    "any target": "1 forward, 1 backward a checkpoint",
}
RULES = tuple(PASSES)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Row numbers of the `pool` (P,), whether each is `relevant` (P,), and of the few `target` examples (T,), outside it."""

    pool: np.ndarray
    relevant: np.ndarray
    target: np.ndarray


def combined(relevant: Task, other: Task) -> Task:
    """One task with the rows of both to learn from, the relevant ones first, judged by those of the relevant alone."""
    x, y = (np.concatenate(both) for both in ((relevant.x, other.x), (relevant.y, other.y)))
    return Task(x, y, relevant.x_test, relevant.y_test)


def mix(y: np.ndarray, n_relevant: int, share: float, size: int, *, few: int = 20, seed: int = 0) -> Mixture:
    """A pool of `size` of the rows y (N,), a `share` of it from those after the first `n_relevant`, and `few` target examples.

    The target examples are relevant rows outside the pool, as many of each class as can be. Raises ValueError where
    there are not so many rows of either.
    """
    check_at_least(1, size=size, few=few)
    rng, n_other = np.random.default_rng(seed), round(share * size)
    good, bad = rng.permutation(n_relevant), n_relevant + rng.permutation(len(y) - n_relevant)
    target = evenly(good, y[:n_relevant])[:few]
    good = good[~np.isin(good, target)]
    if len(target) < few or len(good) < size - n_other or len(bad) < n_other:
        found = f"size {size}, share {share:g}, few {few}"
        raise ValueError(f"{found}; allowed: what {n_relevant} relevant and {len(bad)} other rows hold")
    pool = np.concatenate([good[: size - n_other], bad[:n_other]])
    return Mixture(pool, pool < n_relevant, target)


def orders(
    model: torch.nn.Sequential,
    checkpoints: Sequence[dict[str, np.ndarray]],
    task: Task,
    mixture: Mixture,
    counts: np.ndarray,
    hidden: np.ndarray,
    *,
    largest: int,
    projected: int = 128,
    seed: int = 0,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The pool's places (P,) in the order in which each of `RULES` takes them, class by class, and the CPU seconds that took.

    `checkpoints` {name: shape} are parameters of the `model` along a short run on a part of the pool, `counts` (N, V) the
    words of all rows of the task and `hidden` (N, m) what the base sees of them. "hard" and "easy" go by the loss at the
    last checkpoint, "facility location" (its first `largest`) and "features" by `hidden`: near to any other, near to
    the target's class means. "importance" is `importance.log_importance` with noise, "gradients" adds the cosine of
    `importance.gradients` with those of the target over checkpoints; "loosely" the first `largest` of these in random
    order, which keeps them apart from each other as well as near to the target; "any target" is the same with rows of the pool,
    drawn at random, in place of the target examples: a rule that knows nothing of what is wanted.
    """
    rng, pool, target = np.random.default_rng(seed), mixture.pool, mixture.target
    y, spent, found = task.y, {}, {"random": rng.permutation(len(pool))}

    def add(name, make):
        began = time.process_time()
        found[name] = make()
        spent[name] = time.process_time() - began

    def losses():
        logits = training.predict(model, task.x[pool], parameters=checkpoints[-1])
        return np.argsort(-np.log(logits[np.arange(len(pool)), y[pool]] + 1e-12), kind="stable")

    def covering():
        first = coresets.facility_location(hidden[pool], largest, similarity="distance")
        return np.concatenate([first, np.setdiff1d(found["random"], first)])

    def near():
        return np.argsort(-importance.similarity(hidden[pool], hidden[target], y[target]), kind="stable")

    def weighed():
        return importance.resample(
            importance.log_importance(counts[pool], counts[target]), len(pool), seed=seed
        )

    def along(wanted):
        total = np.zeros(len(pool))
        for point, seen in zip(checkpoints, rows):
            own = importance.gradients(
                model, point, task.x[wanted], y[wanted], projected=projected, seed=seed
            )
            total += importance.similarity(seen, own, y[wanted])
        return np.argsort(-total, kind="stable")

    add("easy", losses)
    found["hard"], spent["hard"] = found["easy"][::-1], spent["easy"]
    add("facility location", covering)
    add("features", near)
    add("importance", weighed)
    began = time.process_time()
    given = {"projected": projected, "seed": seed}
    rows = [importance.gradients(model, point, task.x[pool], y[pool], **given) for point in checkpoints]
    before = time.process_time() - began
    add("gradients", lambda: along(target))
    top, rest = np.split(evenly(found["gradients"], y[pool]), [largest])
    found["gradients, loosely"] = np.concatenate([rng.permutation(top), rest])
    add("any target", lambda: along(rng.choice(pool, len(target), replace=False)))
    spent |= {"random": 0.0} | {name: spent[name] + before for name in ("gradients", "any target")}
    spent["gradients, loosely"] = spent["gradients"]
    return {rule: evenly(found[rule], y[pool]) for rule in RULES}, spent


def evenly(order: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same places (P,), the first of every class y (P,) before the second of any."""
    rank = np.empty(len(order), int)
    for c in np.unique(y):
        own = order[y[order] == c]
        rank[own] = np.arange(len(own))
    return order[np.argsort(rank[order], kind="stable")]
