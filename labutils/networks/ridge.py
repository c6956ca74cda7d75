"""A ridge probe: least squares with a penalty from fixed features to classes, exact and fast enough to train thousands.

Targets are one-hot, or numbers for a regression; features are centred, so the constant term carries no penalty. The
penalty is chosen by leave-one-out error on the training rows, which one eigendecomposition gives for all penalties.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from labutils.checks import check_choice, check_finite, check_positive

PENALTIES = tuple(10.0**k for k in range(-4, 6))  # times the mean squared feature and the number of rows
LEAST = 1e-10  # of 1 - leverage: a row that alone decides its own prediction


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted probe: `predict(x)` is x @ weights + offset; `left_out` is what it says of each row without that row."""

    weights: np.ndarray  # (d, C)
    offset: np.ndarray  # (C,)
    penalty: float
    left_out: np.ndarray  # (N, C)
    leverage: np.ndarray  # (N,) how far a row's own target moves its prediction

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Scores (M, C) of rows x (M, d); the largest is the class."""
        return x @ self.weights + self.offset


def targets(y: np.ndarray, n_classes: int | None = None) -> np.ndarray:
    """What a probe learns: one-hot rows (N, C) for classes 0 .. C-1, a single column for a regression."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        return y[:, None].astype(float)
    return np.eye(int(y.max()) + 1 if n_classes is None else n_classes)[y]


def fit(
    x: np.ndarray,
    y: np.ndarray,
    *,
    n_classes: int | None = None,
    penalties: Sequence[float] = PENALTIES,
    by: str = "error",
) -> Probe:
    """The ridge probe of x (N, d) on classes or numbers y (N,), its penalty that of the least leave-one-out error.

    The error is the share of wrong classes, ties broken by the mean square; with by="square" the latter alone. One
    eigendecomposition of the smaller of (d, d) and (N, N) serves all `penalties`, which are in units of the mean squared
    (centred) feature times N.
    Leave-one-out predictions are exact, t - (t - f) / (1 - h) with leverage h (Allen 1974, PRESS; Golub, Heath & Wahba
    1979), the constant term refitted as well. Raises ValueError for NaN, penalties not above zero, another `by`,
    or fewer than two rows.
    """
    x, t = np.asarray(x, float), targets(y, n_classes)
    check_finite(x=x, y=t)
    (penalties,) = check_positive(penalties=penalties)
    check_choice("by", by, ("error", "square"))
    if x.ndim != 2 or len(x) != len(t) or len(x) < 2:
        raise ValueError(
            f"x has shape {x.shape}, y {np.shape(y)}; allowed: (N, d) and (N,), at least two rows"
        )
    n, mean, middle = len(x), x.mean(axis=0), t.mean(axis=0)
    x, t = x - mean, t - middle
    scale = max((x**2).mean(), 1e-300) * n
    wide = x.shape[1] > n
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = np.maximum(values, 0)
    rotated = vectors * np.sqrt(values) if wide else x @ vectors  # (N, r) the rows along the principal axes
    products = rotated.T @ t  # (r, C)
    squares, best = rotated**2, None
    for penalty in penalties * scale:
        shrunk = 1 / (values + penalty)
        leverage = squares @ shrunk + 1 / n
        fitted = rotated @ (shrunk[:, None] * products)
        residual = (t - fitted) / np.maximum(1 - leverage, LEAST)[:, None]
        found = _error(t - residual + middle, t + middle, by), penalty, shrunk, residual, leverage
        if best is None or found[0] < best[0]:
            best = found
    _, penalty, shrunk, residual, leverage = best
    if wide:
        weights = x.T @ (vectors @ (shrunk[:, None] * (vectors.T @ t)))
    else:
        weights = vectors @ (shrunk[:, None] * products)
    return Probe(weights, middle - mean @ weights, float(penalty), t - residual + middle, leverage)


def accuracy(probe: Probe, x: np.ndarray, y: np.ndarray) -> float:
    """Share of rows x (M, d) whose class y (M,) the probe names; for a regression the share of variance explained."""
    found = probe.predict(np.asarray(x, float))
    if np.asarray(y).dtype.kind == "f":
        return float(1 - np.mean((found[:, 0] - y) ** 2) / np.var(y))
    return float(np.mean(found.argmax(axis=1) == y))


def cross_fitted(
    x: np.ndarray, y: np.ndarray, *, folds: int = 3, seed: int = 0, penalties: Sequence[float] = PENALTIES
) -> np.ndarray:
    """Scores (N, C) of every row by a probe that was fitted on the other folds. Raises ValueError as `fit`."""
    if not 2 <= folds <= len(y):
        raise ValueError(f"folds is {folds}; allowed: 2 to {len(y)} rows")
    t = targets(y)
    fold = np.random.default_rng(seed).permutation(len(y)) % folds
    scores = np.empty((len(y), t.shape[1]))
    for held in range(folds):
        own = fold != held
        probe = fit(x[own], y[own], n_classes=t.shape[1], penalties=penalties)
        scores[~own] = probe.predict(np.asarray(x[~own], float))
    return scores


def margins(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Score of a row's own class less the largest other (..., N): below zero where it is named wrongly. Scores (..., N, C)."""
    rows, others = np.arange(len(y)), scores.copy()
    others[..., rows, y] = -np.inf
    return scores[..., rows, y] - others.max(axis=-1)


def sharpness(
    scores: np.ndarray, y: np.ndarray, *, between: tuple[float, float] = (-5, 5), tolerance: float = 1e-3
) -> float:
    """What scores (N, C) must be multiplied by for their softmax to fit the classes y (N,) best, in log-loss.

    One over the temperature of Guo et al. (2017, 1706.04599). Its logarithm is sought `between` two numbers, to within
    `tolerance`. The rows must not have been seen by what made the scores.
    """
    rows = np.arange(len(y))

    def loss(log_sharpness):
        logits = np.exp(log_sharpness) * scores
        return np.mean(special.logsumexp(logits, axis=1) - logits[rows, y])

    best = optimize.minimize_scalar(loss, bounds=between, method="bounded", options={"xatol": tolerance})
    return float(np.exp(best.x))


def influences(
    probe: Probe, x: np.ndarray, y: np.ndarray, x_other: np.ndarray, y_other: np.ndarray
) -> np.ndarray:
    """How much the mean squared error on other rows (M, d) would rise without each training row (N,): exact, leave-one-out.

    `probe` is what `fit(x, y)` gave. Without row i the weights move by -G^-1 x_i r_i / (1 - h_i), r_i its residual, so
    each of N retrainings costs d C operations. Positive: the row helps. Cook 1977. Raises ValueError as `fit`.
    """
    x, other = np.asarray(x, float), np.asarray(x_other, float)
    n, mean = len(x), np.asarray(x, float).mean(axis=0)
    n_classes = probe.weights.shape[1]
    residual = targets(y, n_classes) - probe.left_out  # (N, C): r_i / (1 - h_i)
    gap = probe.predict(other) - targets(y_other, n_classes)  # (M, C)
    x, other = x - mean, other - mean
    moved = _solve(x, probe.penalty, other.T).T  # (M, d): rows of other times G^-1
    shift = moved.T @ gap  # (d, C)
    linear = (x @ shift + gap.sum(axis=0) / n) * residual  # (N, C)
    second = moved.T @ moved  # (d, d)
    ones = moved.sum(axis=0)
    square = np.einsum("nd,nd->n", x @ second, x) + 2 * (x @ ones) / n + len(other) / n**2
    return (-2 * linear.sum(axis=1) + square * (residual**2).sum(axis=1)) / len(other)


def _solve(x, penalty, right):
    """(x'x + penalty)^-1 @ right, by the smaller of the two Gram matrices."""
    n, d = x.shape
    if d <= n:
        return np.linalg.solve(x.T @ x + penalty * np.eye(d), right)
    return (right - x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(n), x @ right)) / penalty


def _error(left_out, t, by):
    """Leave-one-out error to compare penalties by: wrong classes, then mean square; for one column the mean square."""
    square = float(np.mean((left_out - t) ** 2))
    if t.shape[1] == 1 or by == "square":
        return (square,)
    return float(np.mean(left_out.argmax(axis=1) != t.argmax(axis=1))), square
