"""Usable information: how many bits about the label a learner of one kind gets out of the features, and each row's part in it.

For a family of predictors V (here: the ridge probe, made to give probabilities) I_V(X -> Y) is how much better, in bits,
its best member predicts with the features than without (Xu et al. 2020, arXiv 2002.10689); a row's share is its pointwise
V-information (Ethayarajh, Choi & Swayamdipta 2022, arXiv 2110.08420). Unlike mutual information it depends on who reads:
an encoding can add to it.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from labutils.checks import check_at_least, check_finite, check_positive
from labutils.networks import encoders, ridge


@dataclass(frozen=True, eq=False)
class Reader:
    """A ridge probe whose scores, times `sharpness`, are logits; `prior` (C,) are the shares of classes it was fitted on."""

    probe: ridge.Probe
    sharpness: float
    prior: np.ndarray

    def log2_probabilities(self, x: np.ndarray) -> np.ndarray:
        """Logarithms, base 2, of the probabilities (M, C) of each class for rows x (M, d)."""
        return special.log_softmax(self.sharpness * self.probe.predict(x), axis=1) / np.log(2)

    def bits(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pointwise V-information (M,) of rows x with classes y: log2 p(y | x) - log2 p(y); below zero where x misleads."""
        return self.log2_probabilities(x)[np.arange(len(y)), y] - np.log2(self.prior)[y]


def fit(x: np.ndarray, y: np.ndarray, *, n_classes: int | None = None) -> Reader:
    """The reader of rows x (N, d) with classes y (N,): `ridge.fit`, and the sharpness of least log-loss on left-out scores.

    The prior counts half a row more in every class, so that a class without rows has a probability; `n_classes` (default:
    the largest class and one) makes room for such. Raises ValueError as `ridge.fit`.
    """
    probe = ridge.fit(x, y, n_classes=n_classes)
    return Reader(probe, ridge.sharpness(probe.left_out, y), _shares(y, probe.left_out.shape[1]))


def pointwise(x: np.ndarray, y: np.ndarray, *, folds: int = 3, seed: int = 0) -> np.ndarray:
    """Pointwise V-information (N,) in bits of every row of x (N, d), by a reader that was fitted on the other folds.

    The larger, the more the features tell of the row's class y (N,); far below zero: probably a wrong label. The mean over
    rows is the usable information. What is known without the features is one for all rows, the shares of classes among
    them: those of each fold apart would differ by more than rows near the ceiling do, and rank them by fold. Raises
    ValueError for folds not from 2 to N, else as `ridge.fit`.
    """
    x, y = np.asarray(x, float), np.asarray(y)
    if not 2 <= folds <= len(y):
        raise ValueError(f"folds is {folds}; allowed: 2 to {len(y)} rows")
    fold, found = np.random.default_rng(seed).permutation(len(y)) % folds, np.empty(len(y))
    prior = _shares(y, int(y.max()) + 1)
    for held in range(folds):
        own = fold != held
        reader = fit(x[own], y[own], n_classes=len(prior))
        found[~own] = replace(reader, prior=prior).bits(x[~own], y[~own])
    return found


def turning_point(bits: np.ndarray, wrong: np.ndarray) -> float:
    """The bits below which rows are rather wrong than right: where the fewest of `wrong` (N,) lie above and of the others below.

    `bits` (N,) in any order. NaN where nothing is wrong, or everything.
    """
    order = np.argsort(bits)
    bits, wrong = np.asarray(bits, float)[order], np.asarray(wrong, bool)[order]
    if wrong.all() or not wrong.any():
        return np.nan
    misplaced = np.r_[0, np.cumsum(~wrong)] + np.r_[np.cumsum(wrong[::-1])[::-1], 0]
    cut = int(np.argmin(misplaced))
    return float(bits[max(0, cut - 1) : cut + 1].mean())


def information_gain(x: np.ndarray, k: int, *, noise: float) -> np.ndarray:
    """Row numbers (k,) of x (N, d), each the one whose label would tell most of a linear model, given those before it.

    Labels y = x w + normal noise of variance `noise`, w normal of variance one: k labels tell log2 det(1 + X X' / noise) / 2
    bits of w (MacKay 1992, Bayesian experimental design), whatever they are. Submodular, so that the greedy choice reaches
    63% of the most. Time N d k. Raises ValueError for k not from 1 to N, noise not above zero, or NaN.
    """
    x = np.asarray(x, float)
    check_finite(x=x)
    check_positive(noise=noise)
    check_at_least(1, k=k)
    if k > len(x):
        raise ValueError(f"k is {k}; allowed: 1 to {len(x)} rows")
    inverse, open_, chosen = np.eye(x.shape[1]), (x**2).sum(axis=1), []  # variance of x w that is left, (N,)
    for _ in range(k):
        best = int(np.argmax(open_))
        chosen.append(best)
        direction = inverse @ x[best]
        reach = direction / np.sqrt(noise + x[best] @ direction)
        inverse -= np.outer(reach, reach)
        moved = x @ reach
        open_ -= moved**2
        open_[best] = -np.inf
    return np.array(chosen)


def gain_score(
    x: np.ndarray, y: np.ndarray, *, largest: float = 0.5, n_axes: int = 64, seed: int = 0
) -> np.ndarray:
    """A score (N,) for `pruning.select(..., labels=y)`: the earlier `information_gain` takes a row of its class, the larger.

    On the first `n_axes` principal axes of x (N, d), with the penalty that a ridge probe of y chooses for noise; the share
    `largest` of every class is put in order, the rest is level. Raises as `ridge.fit`.
    """
    (near,) = encoders.principal(np.asarray(x, float), n_axes=n_axes, seed=seed)
    noise, score = ridge.fit(near, y).penalty, np.full(len(y), -float(len(y)))
    for label in np.unique(y):
        own = np.flatnonzero(y == label)
        order = information_gain(near[own], min(len(own), int(largest * len(own)) + 2), noise=noise)
        score[own[order]] = -np.arange(len(order))
    return score


def _shares(y, n_classes):
    """Shares (C,) of classes in y (N,), half a row counted more in each."""
    counts = np.bincount(y, minlength=n_classes) + 0.5
    return counts / counts.sum()
