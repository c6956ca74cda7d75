"""From scores to subsets, and what scores from left-out examples and wrong labels need: the rules of chapter 06.

Scores are arrays (N,), larger = harder; subsets are arrays of row numbers, sorted.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special, stats

from labutils.checks import check_at_least, check_choice, check_finite
from labutils.networks import ridge

PREFER = ("hard", "easy", "middle", "random")


def select(
    scores: np.ndarray,
    fraction: float,
    *,
    prefer: str = "hard",
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Row numbers of the `fraction` of examples that a rule keeps: sorted array (round(fraction N),).

    prefer="hard" keeps the largest scores, "easy" the smallest, "middle" those closest to the median score (Xia
    et al. 2023, Moderate Coreset, equation 2), "random" any. Ties are broken at random. With `labels` (N,) every
    class keeps its share, as nearly as whole numbers allow. Raises ValueError for NaN, a fraction outside (0, 1],
    lengths that disagree, or another rule.
    """
    check_choice("prefer", prefer, PREFER)
    scores, size, rng = _checked(scores, fraction, labels, seed)

    def choose(rows, size):
        own = scores[rows]
        order = {"hard": -own, "easy": own, "middle": np.abs(own - np.median(own)), "random": 0 * own}[prefer]
        return rows[np.lexsort((rng.random(len(rows)), order))[:size]]

    return by_class(choose, size, len(scores), labels)


def coverage(
    scores: np.ndarray,
    fraction: float,
    *,
    mislabelled: float = 0.0,
    bins: int = 50,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Row numbers kept by coverage-centric selection (CCS): sorted array (round(fraction N),).

    Drops the `mislabelled` share with the largest scores (less, where too few would be left), cuts the range of the
    other scores into `bins` strata of equal width, and shares the budget out evenly, the emptiest stratum first:
    what it cannot use goes to the others; within a stratum the choice is random. With `labels` (N,) class by class.
    Zheng et al. 2023 (2210.15809), algorithm 1. Raises ValueError as `select`, and for a share outside [0, 1).
    """
    check_at_least(1, bins=bins)
    if not 0 <= mislabelled < 1:
        raise ValueError(f"mislabelled is {mislabelled}; allowed: a share from 0 to below 1")
    scores, size, rng = _checked(scores, fraction, labels, seed)

    def choose(rows, size):
        drop = min(round(mislabelled * len(rows)), len(rows) - size)
        rows = rng.permutation(rows)  # so that every choice below is a random one
        rows = rows[np.argsort(scores[rows], kind="stable")[: len(rows) - drop]]
        if size == 0:
            return rows[:0]
        edges = np.linspace(scores[rows].min(), scores[rows].max(), bins + 1)[1:-1]
        stratum = np.searchsorted(edges, scores[rows], side="right")
        strata = sorted((rng.permutation(rows[stratum == s]) for s in np.unique(stratum)), key=len)
        chosen, left = [], size
        for place, members in enumerate(strata):
            share = min(len(members), -(-left // (len(strata) - place)))  # rounded up: nothing is left over
            chosen.append(members[:share])
            left -= share
        return np.concatenate(chosen)

    return by_class(choose, size, len(scores), labels)


def by_class(choose: Callable, size: int, n: int, labels: np.ndarray | None = None) -> np.ndarray:
    """What `choose(rows, size)` keeps of all n rows or, with `labels` (n,), of every class in turn: sorted array (size,).

    Classes keep their shares of `size` as nearly as whole numbers allow.
    """
    if labels is None:
        return np.sort(choose(np.arange(n), size))
    names, counts = np.unique(labels, return_counts=True)
    exact = size * counts / n
    sizes = np.floor(exact).astype(int)
    sizes[np.argsort(sizes - exact, kind="stable")[: size - sizes.sum()]] += 1
    return np.sort(np.concatenate([choose(np.flatnonzero(labels == c), s) for c, s in zip(names, sizes)]))


def flip_labels(
    y: np.ndarray,
    share: float,
    *,
    classes: int | None = None,
    others: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the labels of a random `share` of examples by other classes: (labels (N,), flipped mask (N,)).

    Exactly round(share N) labels change, each to its class in `others` (N,), say the one it is easily taken for, or to
    one of the other classes, all alike. Raises ValueError for a share outside [0, 1), fewer than two classes, or others
    that are the labels themselves.
    """
    y = np.asarray(y)
    classes = int(y.max()) + 1 if classes is None else classes
    if not 0 <= share < 1 or classes < 2:
        raise ValueError(f"share is {share}, classes {classes}; allowed: 0 to below 1, at least 2 classes")
    if others is not None and (np.shape(others) != y.shape or (y == others).any()):
        raise ValueError(f"others have shape {np.shape(others)}; allowed: {y.shape}, each another class")
    rng = np.random.default_rng(seed)
    flipped = np.zeros(len(y), bool)
    flipped[rng.permutation(len(y))[: round(share * len(y))]] = True
    moved = (y + rng.integers(1, classes, size=len(y))) % classes
    return np.where(flipped, moved if others is None else others, y), flipped


def leave_out(n: int, n_models: int, *, share: float = 0.3, seed: int = 0) -> np.ndarray:
    """Which of n examples each of `n_models` models is to see: mask (n_models, n), about share n left out of each.

    One random order serves the next floor(1 / share) models, which leave out different parts of it: with share =
    1/k that is repeated k-fold cross-validation. Raises ValueError unless 0 < share <= 1/2.
    """
    check_at_least(1, n_models=n_models, n=n)
    size = round(share * n)
    if not 0 < share <= 0.5 or size == 0:
        raise ValueError(f"share is {share} of {n}; allowed: above 0 to 1/2, at least one example")
    rng, group = np.random.default_rng(seed), int(1 / share + 1e-9)
    folds = abs(1 / share - group) < 1e-9
    mask = np.ones((n_models, n), bool)
    for first in range(0, n_models, group):
        order = rng.permutation(n)
        parts = np.array_split(order, group) if folds else np.split(order, size * np.arange(1, group + 1))
        for model, part in zip(range(first, min(first + group, n_models)), parts):
            mask[model, part] = False
    return mask


def left_out_risk(
    logits: np.ndarray, labels: np.ndarray, included: np.ndarray, *, resolution: float = 1 / 300
) -> np.ndarray:
    """The chance that a model which has not seen an example gets it wrong, from a few such models: array (N,).

    From the margins m = (logit of the label) - (largest other logit) of the models that left it out, with mean mu
    and deviation s: Phi(-mu / s). The variance is shrunk towards that of all examples as if by three more models.
    Chances below `resolution` count as 0, as when errors are counted over 1 / resolution models; ten models then
    stand in for hundreds. `logits` (M, N, C), `included` (M, N). Raises ValueError unless two models left out each.
    """
    logits, included = np.asarray(logits, float), np.asarray(included, bool)
    labels = np.asarray(labels)
    if logits.ndim != 3 or included.shape != logits.shape[:2] or labels.shape != (logits.shape[1],):
        found = f"logits {logits.shape}, included {included.shape}, labels {labels.shape}"
        raise ValueError(f"{found}; allowed: (M, N, C), (M, N) and (N,)")
    count = (~included).sum(axis=0)
    if count.min() < 2:
        raise ValueError(f"included: {(count < 2).sum()} examples are left out of fewer than 2 models")
    margin = np.where(included, 0, ridge.margins(logits, labels))  # (M, N)
    mean = margin.sum(axis=0) / count
    squares = (np.where(included, 0, margin - mean) ** 2).sum(axis=0)
    spread = np.sqrt((3 * squares.sum() / (count - 1).sum() + squares) / (count + 2))
    chance = special.ndtr(-mean / np.maximum(spread, 1e-12))
    return np.where(chance < resolution, 0, chance)


def agreement(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Spearman's rank correlation of every pair of S scores {name: (N,)}: symmetric array (S, S), rows as in `scores`.

    Raises ValueError for NaN, scores of several lengths, and one that is the same for all examples.
    """
    shapes = {np.shape(values) for values in scores.values()}
    if len(shapes) != 1:
        raise ValueError(f"scores have shapes {sorted(shapes)}; allowed: one and the same, (N,)")
    check_finite(**scores)
    ranks = np.array([stats.rankdata(values) for values in scores.values()])
    if (ranks == ranks[:, :1]).all(axis=1).any():
        raise ValueError("a score is the same for all examples; allowed: at least two different values")
    return np.corrcoef(ranks)


def n_kept(fraction: float, n: int) -> int:
    """How many of n rows a fraction is, one at least."""
    return max(1, round(fraction * n))


def _checked(scores, fraction, labels, seed):
    """Scores as floats, the number to keep, and the random generator."""
    scores = np.asarray(scores, float)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"scores have shape {scores.shape}; allowed: (N,), at least one")
    check_finite(scores=scores)
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; allowed: above 0 to 1")
    if labels is not None and np.shape(labels) != scores.shape:
        raise ValueError(f"labels have shape {np.shape(labels)}; allowed: {scores.shape}, one for each score")
    return scores, n_kept(fraction, len(scores)), np.random.default_rng(seed)
