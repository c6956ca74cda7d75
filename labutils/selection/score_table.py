"""Every score of chapter 06 in one table, and one function that computes them all and says what each costs.

A score is a row: its name, the values it is computed from, and the group of training runs these come out of. Scores of
one group share its runs, and each carries their whole price. Larger = harder throughout.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special

from labutils.networks import models, training
from labutils.selection import pruning, scores
from labutils.selection.knn_shapley import knn_shapley
from labutils.selection.prototypes import neighbour_distance, prototype_distance


@dataclass(frozen=True)
class Score:
    """A row of the table: `compute` takes the values named in `needs`, which `GROUPS[group]` makes, and gives (N,)."""

    name: str
    needs: tuple[str, ...]
    group: str
    compute: Callable[..., np.ndarray]

    @property
    def labelled(self) -> bool:
        """Whether an example's own label counts, or only what a model says of it."""
        return not {"y", "correct", "losses"}.isdisjoint(self.needs)


def compute_all(
    model: torch.nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    n_seeds: int = 9,
    early: float = 0.2,
    resolution: float = 1 / 300,
    seed: int = 0,
    **options,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """All scores of x (N, d) with labels y (N,), and what each cost: ({name: (N,)}, {name: CPU seconds}).

    Networks are `n_seeds` runs of `steps` updates with seeds from `seed` on, `options` for `training.fit_many`; "early"
    ones stop after that share of the steps, two at least. Left-out scores come from networks that each see two thirds, `resolution`
    as in `pruning.left_out_risk`. Raises ValueError as the functions that it calls.
    """
    seeds = np.arange(seed, seed + n_seeds)

    def fit(steps: int = steps, **more) -> training.Fits:
        return training.fit_many(model, x, y, seeds=seeds, steps=steps, **(options | more))

    given = {"model": model, "x": x, "y": y, "seed": seed, "seeds": seeds, "fit": fit, "steps": steps}
    given |= {"early": max(2, round(early * steps)), "resolution": resolution}
    found, cost = {}, {}
    for group, make in GROUPS.items():
        began = time.process_time()
        values = given | make(given)
        shared = time.process_time() - began
        for score in (row for row in SCORES if row.group == group):
            began = time.process_time()
            found[score.name] = np.asarray(score.compute(*(values[need] for need in score.needs)), float)
            cost[score.name] = shared + time.process_time() - began
    return found, cost


# --- What the groups make: networks before training, after a fifth of it, trained, with their history, on two thirds --
def _start(given):
    drawn = [models.initialise(copy.deepcopy(given["model"]), s).state_dict() for s in given["seeds"]]
    return {"parameters": {name: np.stack([state[name].numpy() for state in drawn]) for name in drawn[0]}}


def _early(given):
    every = max(1, given["early"] // 12)
    runs = given["fit"](given["early"], record=("probabilities", "parameters"), record_every=every)
    return {
        "probabilities": runs.probabilities[:, -1],
        "path": runs.probabilities,
        "parameters": runs.parameters,
    }


def _trained(given):
    return {"probabilities": given["fit"](record="probabilities").probabilities}


def _history(given):
    every = max(1, given["steps"] // 15)
    runs = given["fit"](record=("logits", "correct"), record_every=every)  # logits (M, T, N, C)
    probabilities = special.softmax(runs.logits, axis=-1)
    return {"logits": runs.logits, "correct": runs.correct, "probabilities": probabilities}


def _left_out(given):
    y, seeds = given["y"], given["seeds"]
    included = pruning.leave_out(len(y), len(seeds), share=1 / 3, seed=given["seed"])  # (M, N)
    logits = given["fit"](included=included, record=("logits",)).logits  # (M, N, C)
    losses = -special.log_softmax(logits, axis=-1)[:, np.arange(len(y)), y]
    return {"included": included, "logits": logits, "losses": losses}


GROUPS: dict[str, Callable[[dict], dict]] = {
    "features": lambda given: {},
    "start": _start,
    "early": _early,
    "trained": _trained,
    "history": _history,
    "left out": _left_out,
}


# --- The scores ------------------------------------------------------------------------------------------------------
def _shapley(x, y, seed):
    """Minus the value of each half's examples for the other half, so that no outside data are used."""
    half = np.isin(np.arange(len(y)), np.random.default_rng(seed).permutation(len(y))[: len(y) // 2])
    values = np.empty(len(y))
    for own in (half, ~half):
        values[own] = knn_shapley(x[own], y[own], x[~own], y[~own], min(10, len(x) - 1, own.sum()))
    return -values


def _mean_left_out(losses, included):
    return np.where(included, 0, losses).sum(axis=0) / (~included).sum(axis=0)


def _risk(logits, y, included, resolution):
    return pruning.left_out_risk(logits, y, included, resolution=resolution)


def _dual(path, y):
    return scores.dual(path, y, window=max(2, path.shape[1] // 2))


def _grand(model, x, y, parameters):
    return scores.grand(model, x, y, parameters=parameters)


SCORES = tuple(
    Score(name, tuple(needs.split()), group, compute)
    for name, needs, group, compute in (
        ("prototypes", "x seed", "features", lambda x, s: prototype_distance(x, min(20, len(x)), s)),
        ("class prototypes", "x y seed", "features", lambda x, y, s: prototype_distance(x, 1, s, labels=y)),
        ("density", "x", "features", lambda x: neighbour_distance(x, min(10, len(x) - 1))),
        ("kNN Shapley", "x y seed", "features", _shapley),
        ("GraNd at start", "model x y parameters", "start", _grand),
        ("EL2N early", "probabilities y", "early", scores.el2n),
        ("DUAL", "path y", "early", _dual),
        ("GraNd early", "model x y parameters", "early", _grand),
        ("EL2N", "probabilities y", "trained", scores.el2n),
        ("entropy", "probabilities", "trained", scores.entropy),
        ("margin", "probabilities", "trained", scores.margin),
        ("least confidence", "probabilities", "trained", scores.least_confidence),
        ("disagreement", "probabilities", "trained", scores.disagreement),
        ("forgetting", "correct", "history", scores.forgetting),
        ("AUM", "logits y", "history", scores.aum),
        ("difficulty", "probabilities y", "history", lambda p, y: scores.cartography(p, y).difficulty),
        ("variability", "probabilities y", "history", lambda p, y: scores.cartography(p, y).variability),
        ("left-out loss", "losses included", "left out", _mean_left_out),
        ("left-out risk", "logits y included resolution", "left out", _risk),
    )
)
