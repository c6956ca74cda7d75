"""Dynamic pruning: which examples an epoch sees is decided anew before each, and what is seen is weighted (InfoBatch)."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch

from labutils.checks import check_at_least, check_choice
from labutils.networks import models

RULES = ("infobatch", "unweighted", "random", "all")


@dataclass(frozen=True)
class Run:
    """A training run: `accuracy` on the test rows, and how many `passes` over all training rows were paid for."""

    accuracy: float
    passes: float


def keep(losses: np.ndarray, prune: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The rows that the next epoch sees and their weights (K,), from the last known losses (N,).

    A row with a loss below the mean is left out with chance `prune`, and where it stays counts 1 / (1 - prune), so that
    the expected gradient is that of all rows: Qin et al. 2023 (2303.04947), equations 2 and 4.
    """
    easy = losses < losses.mean()
    rows = np.flatnonzero(~easy | (rng.random(len(losses)) >= prune))
    return rows, np.where(easy[rows], 1 / (1 - prune), 1.0)


def train(
    model: torch.nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    *,
    x_test: np.ndarray,
    y_test: np.ndarray,
    epochs: float,
    rule: str = "infobatch",
    prune: float = 0.5,
    anneal: float = 0.125,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> Run:
    """Train on x (N, ...) with labels y (N,) by AdamW, the rate falling as a cosine: `Run`.

    Rules: "infobatch" as `keep`; "unweighted" the same without weights; "random" as many rows as `keep` would have kept,
    any; "all". The first epoch and the last share `anneal` of them see all rows with weight 1. A loss is brought up to
    date when its row is seen. With rule "all", `epochs` may have a fraction: what one that is paid the passes of another
    rule reaches. The model's own parameters are not used. Raises ValueError for another rule, and shares outside [0, 1).
    """
    check_choice("rule", rule, RULES)
    check_at_least(1, epochs=epochs, batch_size=batch_size)
    if not 0 <= prune < 1 or not 0 <= anneal < 1:
        raise ValueError(f"prune is {prune}, anneal {anneal}; allowed: from 0 to below 1")
    net, rng = models.initialise(copy.deepcopy(model), seed), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=0)
    x, y = torch.as_tensor(np.asarray(x, np.float32)), torch.as_tensor(np.asarray(y, np.int64))
    losses, n, seen, full = np.ones(len(y)), len(y), 0, math.ceil((1 - anneal) * epochs)
    for epoch in range(math.ceil(epochs)):
        rows, weights = np.arange(n), np.ones(n)
        if rule != "all" and 0 < epoch < full:
            rows, weights = keep(losses, prune, rng)
            if rule == "random":
                rows = rng.permutation(n)[: len(rows)]
            if rule != "infobatch":
                weights = np.ones(len(rows))
        order = rng.permutation(len(rows))[: round((epochs - epoch) * len(rows))]
        for start in range(0, len(order), batch_size):
            for group in optimizer.param_groups:
                done = (epoch + start / len(order) * min(1, epochs - epoch)) / epochs
                group["lr"] = learning_rate * (1 + math.cos(math.pi * done)) / 2
            part = order[start : start + batch_size]
            each = torch.nn.functional.cross_entropy(net(x[rows[part]]), y[rows[part]], reduction="none")
            optimizer.zero_grad()
            (each * torch.as_tensor(weights[part], dtype=torch.float32)).mean().backward()
            optimizer.step()
            losses[rows[part]] = each.detach().numpy()
        seen += len(order)
    with torch.no_grad():
        named = net(torch.as_tensor(np.asarray(x_test, np.float32))).argmax(dim=1).numpy()
    return Run(float(np.mean(named == y_test)), seen / n)
