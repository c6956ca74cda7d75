"""From scores to subsets, and what models trained on the subsets are worth: the rules and curves of chapter 06.

Scores are arrays (N,), larger = harder; subsets are arrays of row numbers, sorted.
"""

import copy
import time

import numpy as np
from scipy import special, stats

from labutils.checks import check_at_least, check_choice
from labutils.networks import models, training
from labutils.selection import prototypes, scores
from labutils.selection.knn_shapley import knn_shapley

PREFER = ("hard", "easy", "middle", "random")


def keep(scores, fraction, *, prefer="hard", labels=None, seed=0):
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

    return _by_class(choose, size, len(scores), labels)


def coverage(scores, fraction, *, mislabelled=0.0, bins=50, labels=None, seed=0):
    """Row numbers kept by coverage-centric selection (CCS): sorted array (round(fraction N),).

    Drops the `mislabelled` share with the largest scores (less, where too few would be left), cuts the range of the
    other scores into `bins` strata of equal width, and shares the budget out evenly, the emptiest stratum first:
    what it cannot use goes to the others; within a stratum the choice is random. With `labels` (N,) class by class.
    Zheng et al. 2023 (2210.15809), algorithm 1. Raises ValueError as `keep`, and for a share outside [0, 1).
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

    return _by_class(choose, size, len(scores), labels)


def flip_labels(y, share, *, classes=None, seed=0):
    """Replace the labels of a random `share` of examples by other classes: (labels (N,), flipped mask (N,)).

    Exactly round(share N) labels change, each to one of the other classes, all alike. Raises ValueError for a share
    outside [0, 1) or fewer than two classes.
    """
    y = np.asarray(y)
    classes = int(y.max()) + 1 if classes is None else classes
    if not 0 <= share < 1 or classes < 2:
        raise ValueError(f"share is {share}, classes {classes}; allowed: 0 to below 1, at least 2 classes")
    rng = np.random.default_rng(seed)
    flipped = np.zeros(len(y), bool)
    flipped[rng.permutation(len(y))[: round(share * len(y))]] = True
    moved = (y + rng.integers(1, classes, size=len(y))) % classes
    return np.where(flipped, moved, y), flipped


def leave_out(n, models, *, share=0.3, seed=0):
    """Which of n examples each of `models` models is to see: mask (models, n), about share n left out of each.

    One random order serves the next floor(1 / share) models, which leave out different parts of it: with share =
    1/k that is repeated k-fold cross-validation. Raises ValueError unless 0 < share <= 1/2.
    """
    check_at_least(1, models=models, n=n)
    size = round(share * n)
    if not 0 < share <= 0.5 or size == 0:
        raise ValueError(f"share is {share} of {n}; allowed: above 0 to 1/2, at least one example")
    rng, group = np.random.default_rng(seed), int(1 / share + 1e-9)
    folds = abs(1 / share - group) < 1e-9
    mask = np.ones((models, n), bool)
    for first in range(0, models, group):
        order = rng.permutation(n)
        parts = np.array_split(order, group) if folds else np.split(order, size * np.arange(1, group + 1))
        for model, part in zip(range(first, min(first + group, models)), parts):
            mask[model, part] = False
    return mask


def left_out_risk(logits, labels, included, *, resolution=1 / 300):
    """The chance that a model which has not seen an example gets it wrong, from a few such models: array (N,).

    From the margins m = (logit of the label) - (largest other logit) of the models that left it out, with mean mu
    and deviation s: Phi(-mu / s). The variance is shrunk towards that of all examples as if by three more models.
    Chances below `resolution` count as 0, as when errors are counted over 1 / resolution models; ten models then
    stand in for hundreds. `logits` (M, N, C), `included` (M, N). Raises ValueError unless two models left out each.
    """
    logits, included = np.asarray(logits, float), np.asarray(included, bool)
    labels, rows = np.asarray(labels), np.arange(logits.shape[1])
    if logits.ndim != 3 or included.shape != logits.shape[:2] or labels.shape != (logits.shape[1],):
        raise ValueError(
            f"logits {logits.shape}, included {included.shape}, labels {labels.shape}; "
            "allowed: (M, N, C), (M, N) and (N,)"
        )
    count = (~included).sum(axis=0)
    if count.min() < 2:
        raise ValueError(f"included: {(count < 2).sum()} examples are left out of fewer than 2 models")
    others = logits.copy()
    others[:, rows, labels] = -np.inf
    margin = np.where(included, 0, logits[:, rows, labels] - others.max(axis=-1))
    mean = margin.sum(axis=0) / count
    squares = (np.where(included, 0, margin - mean) ** 2).sum(axis=0)
    spread = np.sqrt((3 * squares.sum() / (count - 1).sum() + squares) / (count + 2))
    chance = special.ndtr(-mean / np.maximum(spread, 1e-12))
    return np.where(chance < resolution, 0, chance)


def score_all(model, x, y, *, members=9, early=0.2, resolution=1 / 300, seed=0, steps, **options):
    """Most of the chapter's scores of x (N, d) with labels y, and what each cost: ({name: (N,)}, {name: seconds}).

    Networks are `members` runs with seeds from `seed` on, `options` for `training.fit_many`; "early" ones stop after
    that share of the steps. Left-out scores come from networks that each see two thirds, `resolution` as in
    `left_out_risk`. kNN-Shapley values each half against the other, so that no outside data are used, and enters with
    a minus: larger = harder. Seconds are CPU seconds; scores from the same runs carry the whole price of those runs.
    """
    scored, cost, seeds = {}, {}, np.arange(seed, seed + members)
    rows, clusters, neighbours = np.arange(len(y)), min(20, len(x)), min(10, len(x) - 1)

    def price(**functions):
        """Evaluate scores; each is charged its own time and what they share, since `began`."""
        shared = time.process_time() - began
        for name, function in functions.items():
            start = time.process_time()
            name = name.replace("left_out", "left-out").replace("_", " ")
            scored[name] = np.asarray(function(), float)
            cost[name] = shared + time.process_time() - start

    def fit(steps, **more):
        return training.fit_many(model, x, y, seeds=seeds, steps=steps, **(options | more))

    def shapley():
        half = np.isin(rows, np.random.default_rng(seed).permutation(len(y))[: len(y) // 2])
        values = np.empty(len(y))
        for own in (half, ~half):
            values[own] = knn_shapley(x[own], y[own], x[~own], y[~own], min(neighbours, own.sum()))
        return -values

    began = time.process_time()
    price(
        prototypes=lambda: prototypes.prototype_distance(x, clusters, seed),
        class_prototypes=lambda: prototypes.prototype_distance(x, 1, seed, labels=y),
        density=lambda: prototypes.neighbour_distance(x, neighbours),
        kNN_Shapley=shapley,
    )
    began = time.process_time()
    drawn = [models.initialise(copy.deepcopy(model), s).state_dict() for s in seeds]
    drawn = {name: np.stack([state[name].numpy() for state in drawn]) for name in drawn[0]}
    price(GraNd_at_start=lambda: scores.grand(model, x, y, parameters=drawn))
    began = time.process_time()
    runs = fit(max(1, round(early * steps)), record=("probabilities", "parameters"))
    price(
        EL2N_early=lambda: scores.el2n(runs.probabilities, y),
        GraNd_early=lambda: scores.grand(model, x, y, parameters=runs.parameters),
    )
    began = time.process_time()
    last = fit(steps, record="probabilities").probabilities
    price(
        EL2N=lambda: scores.el2n(last, y),
        entropy=lambda: scores.entropy(last),
        margin=lambda: scores.margin(last),
        least_confidence=lambda: scores.least_confidence(last),
        disagreement=lambda: scores.disagreement(last),
    )
    began = time.process_time()
    history = fit(steps, record=("logits", "correct"), record_every=max(1, steps // 15))
    path = special.softmax(history.logits, axis=-1)
    price(
        forgetting=lambda: scores.forgetting(history.correct),
        AUM=lambda: scores.aum(history.logits, y),
        difficulty=lambda: scores.cartography(path, y).difficulty,
        variability=lambda: scores.cartography(path, y).variability,
    )
    began = time.process_time()
    mask = leave_out(len(y), members, share=1 / 3, seed=seed)
    logits = fit(steps, included=mask, record=("logits",)).logits
    own = special.log_softmax(logits, axis=-1)[:, rows, y]
    price(
        left_out_loss=lambda: np.where(mask, 0, -own).sum(axis=0) / (~mask).sum(axis=0),
        left_out_risk=lambda: left_out_risk(logits, y, mask, resolution=resolution),
    )
    return scored, cost


def agreement(scores):
    """Spearman's rank correlation of every pair of scores {name: (N,)}: symmetric array, rows as in `scores`."""
    ranks = np.array([stats.rankdata(values) for values in scores.values()])
    if (ranks == ranks[:, :1]).all(axis=1).any():
        raise ValueError("a score is the same for all examples; allowed: at least two different values")
    return np.corrcoef(ranks)


def _checked(scores, fraction, labels, seed):
    """Scores as floats, the number to keep, and the random generator."""
    scores = np.asarray(scores, float)
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"scores have shape {scores.shape}; allowed: (N,), finite, at least one")
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; allowed: above 0 to 1")
    if labels is not None and np.shape(labels) != scores.shape:
        raise ValueError(f"labels have shape {np.shape(labels)}; allowed: {scores.shape}, one for each score")
    return scores, max(1, round(fraction * len(scores))), np.random.default_rng(seed)


def _by_class(choose, size, n, labels):
    """`choose(rows, size)` over all rows, or class by class with shares that sum to `size`; sorted."""
    if labels is None:
        return np.sort(choose(np.arange(n), size))
    names, counts = np.unique(labels, return_counts=True)
    exact = size * counts / n
    sizes = np.floor(exact).astype(int)
    sizes[np.argsort(sizes - exact, kind="stable")[: size - sizes.sum()]] += 1
    return np.sort(np.concatenate([choose(np.flatnonzero(labels == c), s) for c, s in zip(names, sizes)]))
