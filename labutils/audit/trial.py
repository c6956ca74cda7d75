"""One split of an audit: every rule chooses rows to learn from, and the others judge. It can run on another machine."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from labutils.audit import choices
from labutils.audit.learners import Learner, in_blocks

DRAWS = 3  # random subsets of each size in a split


def score_of(scores: np.ndarray, y: np.ndarray) -> float:
    """Accuracy of scores (M, C), or the share of the variance of y (M,) that a single column explains."""
    if scores.shape[1] == 1:
        return float(1 - np.mean((scores[:, 0] - y) ** 2) / np.var(y))
    return float(np.mean(scores.argmax(axis=1) == y))


def learnt(
    learner: Learner,
    x: np.ndarray,
    y: np.ndarray,
    x_held: np.ndarray,
    y_held: np.ndarray,
    n_classes: int,
    seed: int,
    rows: np.ndarray,
) -> float:
    """Score on x_held, y_held of a learner trained on the `rows` of x (N, m), y (N,)."""
    fitted = learner.fit(x[rows], y[rows], n_classes=n_classes, seed=seed)
    return score_of(in_blocks(fitted, x_held), y_held)


@dataclass(frozen=True)
class Split:
    """All that one split needs, small enough to be sent to another process: rows to choose from, and rows that judge."""

    x: np.ndarray
    y: np.ndarray
    x_held: np.ndarray
    y_held: np.ndarray
    learner: Learner
    fractions: np.ndarray
    n_classes: int
    seed: tuple[int, int]


def judge(split: Split) -> dict[str, tuple[np.ndarray, float]]:
    """Every rule in one split: {name: (scores (F,) at the fractions, seconds that choosing took)}."""
    seed, repeat = split.seed
    options = {"n_classes": split.n_classes, "largest": split.fractions[-1], "seed": seed + repeat}
    score = partial(
        learnt, split.learner, split.x, split.y, split.x_held, split.y_held, split.n_classes, seed
    )
    found = {}
    for name, rule in choices.prepare(split.x, split.y, **options).items():
        scores = []
        for f in split.fractions:
            draws = range(DRAWS if name == "random" else 1)
            chosen = [rule.choose(f, seed + 1000 * repeat + d) for d in draws]
            scores.append(np.mean([score(rows) for rows in chosen]))
        found[name] = np.array(scores), rule.seconds
    return found
