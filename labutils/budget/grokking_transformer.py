"""The same sums by a transformer: one layer, the one that Nanda et al. (2301.05217) took apart; a run survives interruption.

The input is the three tokens `a b =`, and the answer is read at the last. With one layer only that place asks, so that
the query is one vector, keys and values are rows of a table, and an update costs a few products over its sums.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from labutils.budget.grokking import RECIPES, sums
from labutils.checks import check_at_least, check_choice, check_positive
from labutils.networks import checkpoints

BLOCK = ("query", "key", "value", "out", "up", "down")  # the matrices that Muon moves; AdamW moves all else
BESIDE_MUON = 0.03  # the learning rate of that AdamW
WARM_UP = 10  # updates in which the learning rate rises
HISTORIES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "weight_norm")
VERSION = 1  # of the arithmetic, so that no checkpoint of another is taken up: raise it when a run would come out otherwise


@dataclass(frozen=True)
class Run:
    """One transformer's history at the T numbers of updates in `steps`, up to where it stopped.

    Losses are cross-entropies in nats, train over its own sums, test over all others. `weights` are the last ones by
    name, `snapshots` those at the `snapshot_steps`, (S, ...) each; none unless asked for.
    """

    steps: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    weight_norm: np.ndarray
    weights: dict[str, np.ndarray]
    snapshot_steps: np.ndarray
    snapshots: dict[str, np.ndarray]

    def first(self, which: str, goal: float = 0.99) -> float:
        """Updates until the accuracy `which` ("train" or "test") was first seen at `goal`; inf for never."""
        check_choice("which", which, ("train", "test"))
        reached = getattr(self, f"{which}_accuracy") >= goal
        return float(self.steps[reached.argmax()]) if reached.any() else math.inf

    def thinned(self, points: int = 60) -> dict[str, list]:
        """Accuracies at about as many of the `steps`, evenly spread on a logarithmic axis, in short: for a record."""
        at = np.unique(np.geomspace(1, len(self.steps), points).round().astype(int)) - 1
        found = {"steps": self.steps, "train": self.train_accuracy, "test": self.test_accuracy}
        return {name: np.round(values[at], 3).tolist() for name, values in found.items()}


def draw(p: int, width: int, seed: int) -> dict[str, np.ndarray]:
    """Initial weights for numbers below p: normal of variance 1 / width, those of the scores 1 / p; biases zero."""
    rng = np.random.default_rng([seed, 2])
    shapes = {"embed": (p + 1, width), "place": (3, width)} | dict.fromkeys(BLOCK[:4], (width, width))
    shapes |= {"up": (width, 4 * width), "down": (4 * width, width), "unembed": (width, p)}
    weights = {name: rng.normal(0, width**-0.5, shape) for name, shape in shapes.items()}
    weights["unembed"] *= math.sqrt(width / p)
    weights |= {"up_bias": np.zeros((1, 4 * width)), "down_bias": np.zeros((1, width))}
    return {name: w.astype(np.float32) for name, w in weights.items()}


def run(
    p: int,
    included: np.ndarray,
    *,
    steps: int,
    width: int = 64,
    heads: int = 4,
    recipe: str = "adamw",
    learning_rate: float = 0.01,
    weight_decay: float = 1.0,
    seed: int = 0,
    every: int = 50,
    snapshot_every: int | None = None,
    goal: float | None = None,
    folder: Path | None = None,
    save_seconds: float = 60.0,
    report: Callable | None = None,
) -> Run:
    """Train one transformer to add modulo p by full batches of the sums in the mask `included` (p*p,).

    `recipe` is one of `grokking.RECIPES`; with "muon" `learning_rate` is that of the block's matrices, and AdamW moves
    all else. Histories are taken every `every` updates, ten times as often in the first five of these stretches, and
    after the last; all weights every `snapshot_every`. The run ends where a test accuracy taken is at least `goal`.
    In `folder` its state is saved every `save_seconds` and at the end, in a file of its own for each setting but
    `steps`: the same call goes on from there, and gives what one without interruption gives. `report(step, found)` is
    called with each entry of the history. Raises ValueError for an unknown recipe, a mask of another shape or empty,
    a width that the heads do not divide, and a checkpoint that is already beyond `steps`.
    """
    check_choice("recipe", recipe, RECIPES)
    check_at_least(1, steps=steps, width=width, heads=heads, every=every, snapshot_every=snapshot_every or 1)
    check_positive(learning_rate=learning_rate)
    included = np.asarray(included, bool)
    if included.shape != (p * p,) or not included.any():
        raise ValueError(f"included has shape {included.shape}; allowed: ({p * p},), with a sum in it")
    if width % heads:
        raise ValueError(f"width is {width} for {heads} heads; allowed: a multiple of them")
    settings = (VERSION, p, width, heads, recipe, float(learning_rate), float(weight_decay), int(seed))
    settings += (every, snapshot_every, goal, included)
    file = checkpoints.path_for(folder, *settings) if folder else None
    fresh = {name: torch.tensor(w)[None] for name, w in draw(p, width, seed).items()}
    state = (checkpoints.load(file) if file else None) or {"step": 0, "history": [], "kept": []}
    weights, memory = (
        state.setdefault("weights", fresh),
        state.setdefault("memory", {name: {} for name in fresh}),
    )
    if state["step"] > steps:
        raise ValueError(
            f"checkpoint {file.name} is at update {state['step']}; allowed: at most steps, {steps}"
        )

    def due(step):
        return step % (every if step >= 5 * every else max(1, every // 10)) == 0

    a, b, answers = (torch.from_numpy(v) for v in sums(p))
    table, seen, saved = (*_one_hot(p, a, b), answers), torch.from_numpy(included), time.monotonic()
    own, step, kept = [v[seen] for v in table], state["step"], state["kept"]
    state["history"] = history = [
        row for row in state["history"] if due(row[0])
    ]  # not the last of a shorter run
    while True:
        if (due(step) or step == steps) and not (history and history[-1][0] == step):
            history.append([step, *_summary(weights, heads, table, seen)])
            if report:
                report(step, dict(zip(HISTORIES, history[-1][1:])))
        if snapshot_every and step % snapshot_every == 0 and not (kept and kept[-1]["step"] == step):
            kept.append({"step": step} | {name: w[0].clone() for name, w in weights.items()})
        over = step >= steps or (goal is not None and history[-1][2] >= goal)
        if file and (over or time.monotonic() - saved >= save_seconds):
            checkpoints.save(file, state | {"step": step})
            saved = time.monotonic()
        if over:
            break
        step += 1
        for name, g in _gradients(weights, heads, own).items():
            by_muon = recipe == "muon" and name in BLOCK
            rule = RECIPES["adamw" if recipe == "muon" and not by_muon else recipe]
            rate = BESIDE_MUON if recipe == "muon" and not by_muon else learning_rate
            rule(weights[name], g, memory[name], step, rate, weight_decay, min(1.0, step / WARM_UP))
    rows = np.array(history)
    stacked = {name: np.stack([one[name].numpy() for one in kept]) for name in weights} if kept else {}
    last = {name: w[0].numpy() for name, w in weights.items()}
    at = np.array([one["step"] for one in kept], int)
    return Run(rows[:, 0].astype(int), *rows[:, 1:].T, last, at, stacked)


def scores(weights: dict[str, np.ndarray], heads: int = 4) -> np.ndarray:
    """The scores (p*p, p) that one transformer with these weights gives for every sum of the table."""
    w = {name: torch.as_tensor(v)[None] for name, v in weights.items()}
    p = w["unembed"].shape[-1]
    with torch.no_grad():
        return _scores(w, heads, *_one_hot(p, *(torch.from_numpy(v) for v in sums(p)[:2]))).numpy()


def _one_hot(p, a, b):
    """The numbers a and b, each (n,), as rows (n, p): a product with them is the fastest way to look up, and back."""
    return [functional.one_hot(v, p).float() for v in (a, b)]


def _scores(w, heads, a, b):
    """Scores (n, p) of the sums of a and b, (n, p) one-hot, by a network whose weights have a leading axis of one."""
    w = {name: v[0] for name, v in w.items()}
    width = w["place"].shape[1]
    ask = w["embed"][-1] + w["place"][2]  # (width,), the token "=" in its place
    first, second = (w["embed"][:-1] + w["place"][i] for i in (0, 1))  # (p, width)
    query = (ask @ w["query"]).view(heads, -1) / math.sqrt(width // heads)
    asked = (w["key"].view(width, heads, -1) * query).sum(
        2
    )  # (width, heads): from a token to how much it is heard
    heard = torch.stack(
        [a @ (first @ asked), b @ (second @ asked), (ask @ asked).expand(len(a), -1)]
    ).softmax(0)
    said = (
        a @ (first @ w["value"]),
        b @ (second @ w["value"]),
        ask @ w["value"],
    )  # (n, width), the last (width,)
    mixed = sum(h[..., None] * v.view(-1, heads, width // heads) for h, v in zip(heard, said))
    x = ask + mixed.flatten(1) @ w["out"]
    x = x + (x @ w["up"] + w["up_bias"]).relu() @ w["down"] + w["down_bias"]
    return x @ w["unembed"]


def _gradients(w, heads, own):
    """Gradients by name of the mean cross-entropy over the sums `own`, (a, b, answers)."""
    for v in w.values():
        v.requires_grad_()
    loss = functional.cross_entropy(
        _scores(w, heads, *own[:2]).double(), own[2]
    )  # float64, as Nanda et al. have it
    found = torch.autograd.grad(loss, list(w.values()))
    for v in w.values():
        v.requires_grad_(False)
    return dict(zip(w, found))


@torch.no_grad()
def _summary(w, heads, table, seen):
    """The `HISTORIES` of a network as it is."""
    found = _scores(w, heads, *table[:2]).double()
    right = (found.argmax(1) == table[2]).double()
    loss = functional.cross_entropy(found, table[2], reduction="none")
    norm = math.sqrt(sum(v.square().sum().item() for v in w.values()))
    return [*(v[k].mean().item() for v in (right, loss) for k in (seen, ~seen)), norm]
