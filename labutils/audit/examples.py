"""Which examples matter: the scores one can afford, how far they agree, and how many things they measure."""

import time
from dataclasses import dataclass

import numpy as np

from labutils.networks import ridge
from labutils.selection import pruning, rules, score_table, scores

MOST = 10_000  # rows that are scored in every way
MANY_CLASSES = 3  # rows that every class must have for distances to its own centre


@dataclass(frozen=True)
class Examples:
    """The third answer: `scores` {name: (n,)} of the training rows numbered `rows` (n,), larger = harder or more informative."""

    rows: np.ndarray
    scores: dict[str, np.ndarray]
    seconds: dict[str, float]  # of CPU, each
    names: tuple[str, ...]  # of the scores that differ from row to row, in the order of
    agreement: np.ndarray  # (S, S) rank correlations
    things: float  # how many different ones the scores measure, 1 to S
    hardness: np.ndarray  # (N,) of all training rows: by how much the row's own label loses, left out

    def ends(self, score: str, k: int = 8) -> tuple[np.ndarray, np.ndarray]:
        """The k rows with the largest, and with the smallest, value of a score: training rows (k,), (k,)."""
        order = np.argsort(-self.scores[score], kind="stable")
        return self.rows[order[:k]], self.rows[order[::-1][:k]]


def hardness(left_out: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far a learner that has not seen a row is from its label: minus the margin, or the miss of a number, (N,)."""
    if left_out.shape[1] == 1:
        return np.abs(left_out[:, 0] - y)
    return -ridge.margins(left_out, y)


def things(agreement: np.ndarray) -> float:
    """How many different things S scores measure, by their rank correlations (S, S): from 1, all alike, to S.

    The effective rank: the exponential of the entropy of the eigenvalues' shares (Roy & Vetterli 2007).
    """
    shares = np.clip(np.linalg.eigvalsh(agreement), 1e-12, None)
    shares /= shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def score(
    x: np.ndarray,
    y: np.ndarray,
    left_out: np.ndarray,
    probabilities: np.ndarray | None,
    *,
    seed: int = 0,
    most: int = MOST,
) -> Examples:
    """Score rows x (N, m) with y (N,) by all that costs no network: `Examples`.

    `left_out` (N, C) is what the learner said of each row unseen, `probabilities` the same as such (None for a regression).
    Of more than `most` rows a random part of that many is scored in every way, and all rows by hardness.
    """
    hard = hardness(left_out, y)
    rows = np.sort(np.random.default_rng(seed).permutation(len(y))[:most])
    x, y = x[rows].astype(float), y[rows]
    found, seconds = {}, {}

    def add(name, make):
        began = time.process_time()
        found[name] = np.asarray(make(), float)
        seconds[name] = time.process_time() - began

    add("hardness", lambda: hard[rows])
    if probabilities is not None:
        p = probabilities[rows].astype(float)
        p /= p.sum(axis=1, keepdims=True)
        add("loss", lambda: scores.loss(p, y))
        add("EL2N", lambda: scores.el2n(p, y))
        add("entropy", lambda: scores.entropy(p))
        add("margin", lambda: scores.margin(p))
    add("influence", lambda: rules.influence(x, y, seed=seed))
    add("leverage", lambda: ridge.fit(x, y, n_classes=left_out.shape[1]).leverage)
    given = {"x": x, "y": y, "seed": seed}
    smallest = (
        np.bincount(y).min(initial=len(y), where=np.bincount(y) > 0) if probabilities is not None else 0
    )
    for row in score_table.SCORES:
        labelled = "y" in row.needs
        if row.group == "features" and (not labelled or smallest >= MANY_CLASSES):
            add(row.name, lambda row=row: row.compute(*(given[need] for need in row.needs)))
    names = tuple(name for name, values in found.items() if np.ptp(values) > 0)
    table = pruning.agreement({name: found[name] for name in names})
    return Examples(rows, found, seconds, names, table, things(table), hard)
