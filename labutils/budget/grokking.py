"""Modular addition: from how many of its sums a network learns the rule, when, and by which mechanism.

The network adds two numbers modulo p. Each has a table of p rows of h numbers; the two rows that belong to
a and b are added and squared, and a third table turns the h squares into p scores:

    scores(a, b) = W (A[a] + B[b])^2        (Gromov, 2301.02679)

Weights are one array (3, p, h): A, B, W. Rows are looked up, not multiplied with one-hot inputs, and of many
networks the products are done at once; `networks.batched` could do neither, nor let networks stop one by one.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from labutils.budget.losses import LOSSES
from labutils.checks import check_at_least, check_choice
from labutils.networks import optimizers
from labutils.networks.models import device

AT_ONCE = 2**17  # numbers of one hidden layer (models x sums x h): more fall out of a core's cache
PRECISIONS = ("float32", "float64")
INITIAL = 0.5  # standard deviation of A and B as drawn
SUMMARIES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "weight_norm")


@dataclass(frozen=True)
class Runs:
    """Histories of M networks at the T numbers of updates in `steps`; NaN once a network was stopped.

    Losses are those trained with, cross-entropies in nats unless told otherwise, train over a network's own sums,
    test over all others; `weight_norm` is Euclidean. `weights` (M, 3, p, h) are the last ones, `snapshots` (M, T, 3, p, h) all of them, if asked for.
    """

    steps: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    weight_norm: np.ndarray
    weights: np.ndarray
    snapshots: np.ndarray | None = None

    def first(self, which: str, goal: float = 0.99) -> np.ndarray:
        """Updates until the accuracy `which` ("train" or "test") was first seen at `goal`, (M,); inf for never."""
        check_choice("which", which, ("train", "test"))
        reached = getattr(self, f"{which}_accuracy") >= goal
        return np.where(reached.any(1), self.steps[reached.argmax(1)], np.inf)

    def last(self, name: str) -> np.ndarray:
        """The last value of a history such as "test_accuracy", (M,)."""
        check_choice("name", name, SUMMARIES)
        values = getattr(self, name)
        ran = (~np.isnan(self.weight_norm)).sum(1)
        return values[np.arange(len(values)), ran - 1]


def sums(p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the table of addition modulo p: a, b and (a + b) mod p, each (p*p,). ValueError for p below 2."""
    if p != int(p) or p < 2:
        raise ValueError(f"p is {p}; allowed: whole numbers from 2")
    a, b = np.divmod(np.arange(int(p) ** 2), int(p))
    return a, b, (a + b) % p


def subsets(p: int, fractions: np.ndarray, *, seeds: np.ndarray) -> np.ndarray:
    """Draw random parts of the table of sums: masks (M, p*p) with the M `fractions`, one seed each.

    With one seed the smaller part lies within the larger. Raises ValueError for a fraction outside (0, 1].
    """
    fractions, seeds = np.atleast_1d(fractions), np.atleast_1d(seeds)
    if len(fractions) != len(seeds) or not ((fractions > 0) & (fractions <= 1)).all():
        raise ValueError(f"fractions are {fractions} for {len(seeds)} seeds; allowed: one a seed, in (0, 1]")
    masks = np.zeros((len(fractions), p * p), bool)
    for mask, fraction, seed in zip(masks, fractions, seeds):
        mask[np.random.default_rng(seed).permutation(p * p)[: max(1, round(fraction * p * p))]] = True
    return masks


def draw(p: int, hidden: int, seed: int) -> np.ndarray:
    """Draw initial weights (3, p, hidden): A and B normal(0, 0.5), W normal(0, 0.5 / sqrt(hidden))."""
    w = np.random.default_rng([seed, 1]).normal(0, INITIAL, (3, p, hidden)).astype(np.float32)
    w[2] /= math.sqrt(hidden)
    return w


POWER = optimizers.adamw(betas=(0.9, 0.98))  # as Power et al. (2201.02177) have it
RECIPES = {
    "adamw": POWER,
    "grokfast": optimizers.grokfast(POWER),
    "orthogonal": optimizers.orthogonal(optimizers.adamw(betas=(0.9, 0.99), eps=1e-25)),
    "muon": optimizers.muon(),
    "adamw, tiny eps": optimizers.adamw(betas=(0.9, 0.98), eps=1e-30),
}


def run(
    p: int,
    included: np.ndarray,
    *,
    steps: int,
    hidden: int = 128,
    recipe: str = "adamw",
    learning_rate: float | np.ndarray = 0.02,
    weight_decay: float | np.ndarray = 1.0,
    seeds: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    start: np.ndarray | None = None,
    every: int = 20,
    goal: float | None = None,
    snapshots: bool = False,
    loss: str = "cross-entropy",
    precision: str = "float32",
) -> Runs:
    """Train M networks to add modulo p, each by full batches of its own sums, and return their `Runs`.

    `included` (M, p*p) masks the sums a network sees. Per network may be given, M or one for all:
    `learning_rate`, `weight_decay` (it multiplies the learning rate, as in AdamW), `seeds` of the initial
    weights (default 0 .. M-1), `labels` (M, p*p), other answers to learn than the true sums, and `start`
    (M, 3, p, h), initial weights. `recipe` is one of `RECIPES`, `loss` one of `LOSSES`, and all arithmetic is
    in `precision`, "float32" or "float64".
    Records are taken every `every` updates and after the last; a network whose test accuracy is then at
    least `goal` stops. Raises ValueError for unknown recipes, lengths that disagree and empty subsets.
    """
    for name, value, allowed in (("recipe", recipe, RECIPES), ("loss", loss, LOSSES)):
        check_choice(name, value, allowed)
    check_choice("precision", precision, PRECISIONS)
    included = np.atleast_2d(np.asarray(included, bool))
    if included.shape[1] != p * p or not included.any(1).all():
        raise ValueError(f"included has shape {included.shape}; allowed: (M, {p * p}), each row with a sum")
    check_at_least(1, steps=steps, every=every, hidden=hidden)
    m = len(included)
    seeds = np.arange(m) if seeds is None else seeds
    if start is None:
        start = np.stack([draw(p, hidden, seed) for seed in np.atleast_1d(seeds)])
    labels = np.atleast_2d(sums(p)[2] if labels is None else labels)
    given = {"learning_rate": np.atleast_1d(learning_rate), "weight_decay": np.atleast_1d(weight_decay)}
    given |= {"labels": labels, "start": np.asarray(start, precision)}
    for name, value in given.items():
        if len(value) not in (1, m):
            raise ValueError(f"{name} has {len(value)} entries; allowed: 1 or {m}, one a row of included")
        given[name] = np.broadcast_to(value, (m, *value.shape[1:]))
    if given["start"].shape[1:3] != (3, p) or given["start"].ndim != 4:
        raise ValueError(f"start has shape {given['start'].shape}; allowed: ({m}, 3, {p}, h)")

    at, sizes = np.unique([*range(0, steps + 1, every), steps]), included.sum(1)
    history = np.full((len(SUMMARIES), m, len(at)), np.nan, np.float32)
    weights = np.array(given["start"])
    kept = np.full((m, len(at), *weights.shape[1:]), np.nan, np.float32) if snapshots else None
    for size in np.unique(sizes):  # networks with as many sums share their products
        ids = np.flatnonzero(sizes == size)
        chunk = max(1, AT_ONCE // (size * weights.shape[-1]))
        for i in range(0, len(ids), chunk):
            rule = RECIPES[recipe], LOSSES[loss]
            _train(ids[i : i + chunk], p, included, given, rule, at, goal, history, weights, kept)
    return Runs(at, *history, weights, kept)


@torch.no_grad()
def _train(ids, p, included, given, rule, at, goal, history, weights, kept):
    """Train the networks `ids` side by side; fills their places in `history`, `weights` and `kept`."""
    own = [np.flatnonzero(included[i]) for i in ids]
    parts = [weights[ids], own, included[ids], given["labels"][ids]]
    w, rows, mask, labels = (torch.as_tensor(np.stack(part)).to(device()) for part in parts)
    (move, loss), (rate, decay) = (
        rule,
        (
            torch.tensor(given[name][ids], dtype=w.dtype, device=w.device).view(-1, 1, 1, 1)
            for name in ("learning_rate", "weight_decay")
        ),
    )
    state, gradient = {}, _gradients(rows, labels, p, w, loss)
    places = {step: place for place, step in enumerate(at)}
    for step in range(at[-1] + 1):
        if step in places:
            history[:, ids, places[step]] = summary = _summaries(w, mask, labels, loss)
            weights[ids] = w.cpu()
            if kept is not None:
                kept[ids, places[step]] = w.cpu()
            going = ~(summary[1] >= goal) if goal else np.ones(len(ids), bool)
            if not going.any():
                return
            if not going.all():
                stay, ids = torch.from_numpy(going).to(w.device), ids[going]
                w, rows, mask, labels, rate, decay = (v[stay] for v in (w, rows, mask, labels, rate, decay))
                state = {name: value[stay] for name, value in state.items()}
                gradient = _gradients(rows, labels, p, w, loss)
        if step < at[-1]:
            move(w, gradient(w), state, step + 1, rate, decay)


def _gradients(rows, labels, p, like, loss):
    """Return w (m, 3, p, h) -> the gradient of each network's mean loss over its own n sums (m, n)."""
    (m, n), hidden, kind = rows.shape, like.shape[-1], {"dtype": like.dtype, "device": like.device}
    first = 3 * p * torch.arange(m, device=rows.device)[:, None]
    ia, ib = (first + rows // p).flatten(), (first + p + rows % p).flatten()  # (m n,), rows of all tables
    target = (torch.arange(n, device=rows.device) + n * (first // 3 + labels.gather(1, rows))).flatten()
    z, work = (torch.empty(m * n, hidden, **kind) for _ in range(2))
    scores = torch.empty(m, p, n, **kind)  # answers before sums: faster products and softmax
    g = torch.empty(m, 3, p, hidden, **kind)

    def gradient(w):
        tables, out = w.view(-1, hidden), w[:, 2]
        torch.index_select(tables, 0, ia, out=z)
        torch.index_select(tables, 0, ib, out=work)
        torch.mul(z.add_(work), z, out=work)
        squares = work.view(m, n, hidden)
        torch.bmm(out, squares.mT, out=scores)  # (m, p, n)
        loss.slopes(scores, target)
        g[:, :2] = 0
        g[:, 2] = scores @ squares  # (m, p, h)
        torch.bmm(scores.mT, out, out=squares)  # (m, n, h), and through the square:
        work.mul_(z).mul_(2)
        flat = g.view(-1, hidden)
        return flat.index_add_(0, ia, work).index_add_(0, ib, work).mul_(1 / n).view_as(g)

    return gradient


def _scores(w):
    """Return the scores (m, p*p, p) of networks with weights (m, 3, p, h)."""
    return (w[:, 0, :, None] + w[:, 1, None]).square_().flatten(1, 2) @ w[:, 2].mT


def _summaries(w, mask, labels, loss):
    """Return `SUMMARIES` as (5, m), one network at a time: the whole table is larger than its part."""
    found = []
    for one, seen, answers in zip(w, mask, labels):
        scores = _scores(one[None])[0]
        right = (scores.argmax(1) == answers).float()
        losses = loss.values(scores, answers)
        found.append(
            torch.stack([*(v[k].mean() for v in (right, losses) for k in (seen, ~seen)), one.norm()])
        )
    return torch.stack(found, 1).cpu().numpy()


def scores(weights: np.ndarray) -> np.ndarray:
    """Return the scores (..., p*p, p) that networks with weights (..., 3, p, h) give for every sum of the table."""
    w = np.asarray(weights)
    out = _scores(torch.as_tensor(w.reshape(-1, *w.shape[-3:])))
    return out.reshape(*w.shape[:-3], *out.shape[1:]).numpy()


def critical_fraction(fractions: np.ndarray, accuracy: np.ndarray, level: float = 0.5) -> np.ndarray:
    """Return the fraction (...,) at which test accuracy (..., F) last rises through `level`, by interpolation.

    NaN where it stays below, the first of the increasing `fractions` (F,) where it is never below.
    """

    def one(row):
        j = len(row) - np.argmax(row[::-1] < level) - 1 if (row < level).any() else -1  # the last one below
        if j < 0 or j == len(row) - 1:
            return float(fractions[0]) if j < 0 else math.nan
        return np.interp(level, row[j : j + 2], fractions[j : j + 2])

    return np.apply_along_axis(one, -1, np.asarray(accuracy, float))


def memorised_bits(losses: np.ndarray, n: int | np.ndarray, p: int) -> np.ndarray:
    """Return the bits kept of n answers drawn from p, n (log2 p - loss / ln 2), for mean losses in nats."""
    return n * (math.log2(p) - np.asarray(losses) / math.log(2))
