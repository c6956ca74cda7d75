"""Fine-tuning: networks that start from what others have learnt, and how many examples that start is worth."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.isotonic import isotonic_regression
from torch import nn
from torch.nn import functional

from labutils.checks import check_at_least, check_choice, check_positive
from labutils.networks import models, ridge, training

WAYS = ("scratch", "full", "low rank", "probe")


@dataclass(frozen=True, eq=False)
class Task:
    """Rows to learn from, x (N, ...) with classes y (N,), and rows to judge by, x_test and y_test."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def n_classes(self) -> int:
        """How many classes the labels name, those of the rows that judge included."""
        return int(max(self.y.max(), self.y_test.max())) + 1


@dataclass(frozen=True, eq=False)
class Tuned:
    """What tuning gave: `error` (share wrong) and `loss` (nats) of (S, T) networks, `trained` numbers in each, CPU `seconds`.

    A probe by least squares has no loss: NaN.
    """

    error: np.ndarray
    loss: np.ndarray
    trained: int
    seconds: float


class Adapted(nn.Module):
    """A linear layer that stays as it is, plus an update of low rank that is trained: W x + b + up (down x)."""

    def __init__(self, inputs: int, outputs: int, rank: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False)
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.empty(outputs, rank))
        self.reset_parameters()

    def reset_parameters(self):
        """Draw as a linear layer does, with `down` normal and `up` zero: at first it is the layer without update."""
        bound = self.weight.shape[1] ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        nn.init.normal_(self.down, std=bound)
        nn.init.zeros_(self.up)

    def forward(self, x):
        return functional.linear(x, self.weight, self.bias) + x @ self.down.T @ self.up.T


def low_rank(model: nn.Sequential, rank: int) -> nn.Sequential:
    """The architecture with an update of `rank` for every linear layer but the last, which is trained whole; the rest is frozen.

    LoRA, Hu et al. 2021 (2106.09685): d x m numbers of a layer are replaced by rank (d + m) to train. Parameters keep
    their names, so that those of the `model` can be the `start` of `training.fit_many`; `down` and `up` are new.
    Raises ValueError for a rank below 1 or a model whose last layer is not linear.
    """
    check_at_least(1, rank=rank)
    if not isinstance(model, nn.Sequential) or not isinstance(model[-1], nn.Linear):
        raise ValueError(
            f"model is {type(model).__name__}; allowed: a sequence that ends with a linear layer"
        )
    layers = []
    for layer in model[:-1]:
        linear = isinstance(layer, nn.Linear)
        new = Adapted(layer.in_features, layer.out_features, rank) if linear else copy.deepcopy(layer)
        layers.append(new if linear else new.requires_grad_(False))
    return nn.Sequential(*layers, copy.deepcopy(model[-1]))


def merged(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters {name: (..., *shape)} of a `low_rank` network as those of the plain one: W + up down. Predictions stay."""
    plain = {}
    for name, value in parameters.items():
        layer, _, kind = name.rpartition(".")
        if kind == "weight" and f"{layer}.up" in parameters:
            value = value + parameters[f"{layer}.up"] @ parameters[f"{layer}.down"]
        if kind not in ("up", "down"):
            plain[name] = value
    return plain


def body(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters {name: value} without those of the last layer, the head, that names the classes."""
    head = list(parameters)[-1].rpartition(".")[0]
    return {name: value for name, value in parameters.items() if name.rpartition(".")[0] != head}


def tune(
    model: nn.Sequential,
    task: Task,
    subsets: Sequence[Sequence[np.ndarray]],
    *,
    way: str,
    start: dict[str, np.ndarray] | None = None,
    head: bool = False,
    seeds: Sequence[int],
    steps: int = 200,
    learning_rate: float = 0.005,
    rank: int = 4,
    batch_size: int = 64,
    stop_by: str = "error",
    held: float = 1 / 3,
) -> Tuned:
    """Networks tuned on every one of T subsets of the task's rows, for each of S seeds: `Tuned`, judged on its test rows.

    `subsets` holds S lists of T arrays of row numbers, `start` parameters {name: (S, *shape)} of what was learnt before;
    of it the last layer is drawn anew, unless `head` keeps it. `way`: "scratch" starts from nothing, "full" trains all numbers, "low rank"
    as `low_rank`, "probe" fits least squares on the last hidden layer, exactly. Those trained by AdamW are looked at
    before the first, after 1/64, 1/16, 1/4 and all of the `steps`, and taken where a share `held` of the test rows has the least
    error (or `stop_by` "loss"); the others judge. A probe is judged on the same. Raises ValueError for names unknown,
    or no `start` where the way goes on from one.
    """
    check_choice("way", way, WAYS)
    check_choice("stop_by", stop_by, ("error", "loss"))
    if way != "scratch" and start is None:
        raise ValueError(f"way is {way!r} and start None; allowed: parameters of what was learnt before")
    began, cut = time.process_time(), max(1, round(held * len(task.y_test)))
    shape = len(subsets), len(subsets[0])
    if way == "probe":
        error = _probes(model, task, subsets, body(start), cut)
        trained = (model[-1].in_features + 1) * model[-1].out_features
        return Tuned(error, np.full(shape, np.nan), trained, time.process_time() - began)
    net = low_rank(model, rank) if way == "low rank" else model
    known = {} if way == "scratch" else start if head else body(start)
    fits = training.fit_many(
        net,
        task.x,
        task.y,
        included=[rows for own in subsets for rows in own],
        seeds=np.repeat(seeds, shape[1]),
        start={name: np.repeat(v, shape[1], axis=0) for name, v in known.items()},
        steps=steps,
        learning_rate=learning_rate,
        schedule="cosine",
        batch_size=batch_size,
        record=("test_losses", "test_correct"),
        record_at={0, *(max(1, steps // part) for part in (64, 16, 4, 1))},
        x_test=task.x_test,
        y_test=task.y_test,
    )
    found = {"error": 1.0 - fits.test_correct, "loss": fits.test_losses}  # (S T, stops, rows)
    best = found[stop_by][..., :cut].mean(axis=2).argmin(axis=1)
    error, loss = (v[np.arange(len(best)), best, cut:].mean(axis=1).reshape(shape) for v in found.values())
    return Tuned(error, loss, models.n_parameters(net), time.process_time() - began)


def _probes(model, task, subsets, start, cut):
    """Errors (S, T) of ridge probes on the last hidden layer of S networks."""
    seen = [
        training.predict(model[:-1], x, parameters=start, output="logits")
        for x in (task.x, task.x_test[cut:])
    ]
    error = np.empty((len(subsets), len(subsets[0])))
    for s, own in enumerate(subsets):
        for t, rows in enumerate(own):
            probe = ridge.fit(seen[0][s][rows], task.y[rows], n_classes=task.n_classes)
            error[s, t] = 1 - ridge.accuracy(probe, seen[1][s], task.y_test[cut:])
    return error


@dataclass(frozen=True, eq=False)
class Effective:
    """Examples (T,) that scratch needs for the same error, with ends of their interval, and where that lies `beyond` its curve.

    `beyond` is 1 where the error is lower than any from scratch (the value is then the largest size, a lower bound), -1
    where it is higher than all (the smallest, an upper bound), else 0. `draws` (B, T) are what the bootstrap gave.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    beyond: np.ndarray
    draws: np.ndarray


def effective_data(
    n: Sequence[int],
    scratch: np.ndarray,
    tuned: np.ndarray,
    *,
    level: float = 0.9,
    n_boot: int = 400,
    seed: int = 0,
) -> Effective:
    """Effective data D_E of tuning on `n` (T,) examples: how many scratch needs for the same error. (S, T) errors, above zero.

    The mean curve of scratch is made to fall (isotonic regression of its logarithm) and read off linearly in logarithms,
    so that power laws are met exactly; outside it nothing is extrapolated. Intervals: bootstrap over the S seeds, which
    both share. The data transferred, D_T, are D_E less n; the multiplier is D_E over n. Hernandez et al. 2021
    (2102.01293), section 2. Raises ValueError for errors that are not positive, shapes that disagree, or sizes that do not rise.
    """
    n, scratch, tuned = check_positive(n=n, scratch=scratch, tuned=tuned)
    if scratch.shape != tuned.shape or scratch.ndim != 2 or scratch.shape[1:] != n.shape or len(n) < 2:
        found = f"n {n.shape}, scratch {scratch.shape}, tuned {tuned.shape}"
        raise ValueError(f"shapes are {found}; allowed: (T,), (S, T) and (S, T), T at least 2")
    if (np.diff(n) <= 0).any():
        raise ValueError(f"n is {n}; allowed: rising sizes")
    value, beyond = _read_off(n, scratch.mean(axis=0), tuned.mean(axis=0))
    picks = np.random.default_rng(seed).integers(len(scratch), size=(n_boot, len(scratch)))
    draws = [_read_off(n, scratch[pick].mean(axis=0), tuned[pick].mean(axis=0))[0] for pick in picks]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Effective(value, np.minimum(low, value), np.maximum(high, value), beyond, np.array(draws))


def _read_off(n, scratch, tuned):
    """Sizes (T,) at which the falling curve reaches the errors, the least there are, and -1, 0 or 1 for beyond."""
    curve, goal = isotonic_regression(np.log(scratch), increasing=False), np.log(tuned)
    slack = 1e-9
    keep = np.r_[True, np.diff(curve) < -slack]  # of a plateau its start
    value = np.exp(np.interp(-goal, -curve[keep], np.log(n)[keep]))
    below, above = goal < curve[-1] - slack, goal > curve[0] + slack
    return np.where(below, n[-1], value), below.astype(int) - above


def transfer_law(
    tuned_on: np.ndarray, transferred: np.ndarray, n_parameters: np.ndarray | None = None
) -> tuple[float, ...]:
    """The law D_T = k D_F^alpha [N^beta] through data `transferred` (P,), by least squares of logarithms: (k, alpha[, beta]).

    `tuned_on` (P,) are D_F, `n_parameters` (P,) sizes of the networks. Equation 1.2 of Hernandez et al. 2021. Raises
    ValueError for numbers that are not positive, or fewer points than numbers to fit.
    """
    given = {"tuned_on": tuned_on, "transferred": transferred}
    given |= {} if n_parameters is None else {"n_parameters": n_parameters}
    logs = dict(zip(given, map(np.log, check_positive(**given))))
    goal = logs.pop("transferred")
    design = np.column_stack([np.ones(len(goal)), *logs.values()])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            f"{len(goal)} points do not fix {design.shape[1]} numbers; allowed: more, at different sizes"
        )
    first, *powers = np.linalg.lstsq(design, goal, rcond=None)[0]
    return float(np.exp(first)), *map(float, powers)
