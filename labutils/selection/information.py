"""The information bottleneck, exactly: how few bits of X must be kept to tell how many of Y, from their joint distribution.

All information is in bits. A bottleneck T hears of X alone, so I(T;Y) can exceed neither I(X;T) nor I(X;Y) (the
data-processing inequality); the curve of this file is the best that any T can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labutils.checks import check_at_least, check_finite

SAME = 1e-3  # total variation within which two clusters say the same of Y
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Curve:
    """The bottleneck at rising `beta` (B,): bits `kept` I(X;T) and `told` I(T;Y) (B,), `encoder` (B, X, T) p(t | x)."""

    beta: np.ndarray
    kept: np.ndarray
    told: np.ndarray
    encoder: np.ndarray

    def groups(self, place: int, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Clusters at the given place of the curve that say different things of Y: p(t | x) (X, G) and p(y | t) (G, Y)."""
        within, joint = self.encoder[place], np.asarray(joint, float) / np.sum(joint)
        weight = within.T @ joint.sum(axis=1)
        decoder = within.T @ joint / np.maximum(weight, TINY)[:, None]
        groups = []  # lists of clusters, the heaviest first
        for t in np.argsort(-weight):
            if weight[t] < 1e-6:
                continue
            near = (g for g in groups if abs(decoder[g[0]] - decoder[t]).sum() < 2 * SAME)
            found = next(near, None)
            groups.append([t]) if found is None else found.append(t)
        parts = np.stack([within[:, group].sum(axis=1) for group in groups], axis=1)
        shares = parts.T @ joint
        return parts, shares / shares.sum(axis=1, keepdims=True)


def entropy(p: np.ndarray) -> float:
    """Entropy in bits of the probabilities or counts p, an array of any shape. Raises as `mutual_information`."""
    p = _normalised(p)
    return float(-(p * np.log2(np.maximum(p, TINY))).sum())


def mutual_information(joint: np.ndarray) -> float:
    """I(X;Y) in bits of a joint distribution or table of counts (X, Y).

    Raises ValueError for a negative or infinite entry, or a table without any.
    """
    joint = _normalised(joint)
    if joint.ndim != 2:
        raise ValueError(f"joint has shape {joint.shape}; allowed: (values of X, values of Y)")
    return max(0.0, entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1)) - entropy(joint))


def contingency(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Counts (X, Y) of pairs of labels x and y, both (N,), in the order of `np.unique`. Raises ValueError for lengths that differ."""
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape or x.ndim != 1 or not len(x):
        raise ValueError(f"x has shape {x.shape}, y {y.shape}; allowed: both (N,), at least one")
    (a, i), (b, j) = (np.unique(v, return_inverse=True) for v in (x, y))
    return np.bincount(i * len(b) + j, minlength=len(a) * len(b)).reshape(len(a), len(b))


def critical_beta(joint: np.ndarray) -> float:
    """The beta at which keeping nothing stops being a (local) minimum: 1 / rho^2, infinite for independent X and Y.

    rho is the maximal correlation of X and Y, the second singular value of p(x, y) / sqrt(p(x) p(y)); for two normal
    variables their correlation, and then this is the critical beta of Chechik et al. (2005, JMLR 6). Raises as
    `mutual_information`.
    """
    joint = _normalised(joint)
    scaled = joint / np.sqrt(np.maximum(np.outer(joint.sum(axis=1), joint.sum(axis=0)), TINY))
    values = np.linalg.svd(scaled, compute_uv=False)
    return float(1 / values[1] ** 2) if len(values) > 1 and values[1] > 1e-9 else np.inf


def ib_curve(
    joint: np.ndarray, betas: Sequence[float], *, max_steps: int = 1000, tolerance: float = 1e-10
) -> Curve:
    """The information bottleneck of a joint distribution (X, Y): at each beta the p(t | x) of least I(X;T) - beta I(T;Y).

    The self-consistent equations (Tishby, Pereira & Bialek 1999), p(t | x) ~ p(t) exp(-beta KL(p(y|x) || p(y|t))), are
    iterated until a step gains less than `tolerance` nats, at most `max_steps` times, from the largest beta, where every
    value of X is a cluster of its own, to the smallest: deterministic annealing, in which clusters melt together. At each
    beta the best of all solutions met is kept, that of no information among them, so that bits kept and told never fall as
    beta rises. Memory: B X^2 numbers. Raises ValueError for betas not above 0 or an unusable joint.
    """
    joint = _normalised(joint)
    mutual_information(joint)
    betas = np.unique(np.asarray(betas, float))
    check_finite(betas=betas)
    if not len(betas) or betas[0] <= 0:
        raise ValueError(f"betas are {betas}; allowed: at least one number above 0")
    check_at_least(1, max_steps=max_steps)
    used = joint.sum(axis=1) > 0
    p, given = joint[used].sum(axis=1), joint[used] / joint[used].sum(axis=1, keepdims=True)  # (X,), (X, Y)
    encoder = np.eye(len(p))
    found = [_bits(p, given, encoder[:, :1] * 0 + 1)]  # of one cluster for everything
    encoders = [np.pad(np.ones((len(p), 1)), ((0, 0), (0, len(p) - 1)))]
    for beta in betas[::-1]:
        encoder = _settle(p, given, encoder, beta, max_steps, tolerance)
        found.append(_bits(p, given, encoder))
        encoders.append(encoder)
    kept, told = np.transpose(found)
    best = np.argmin(kept - betas[:, None] * told + 1e-12 * kept, axis=1)
    whole = np.zeros((len(betas), len(used), len(p)))
    whole[:, used] = np.array(encoders)[best]
    return Curve(betas, kept[best], told[best], whole)


def gaussian_ib_curve(correlations: Sequence[float], betas: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Bits kept and told (B,) by the best bottleneck of normal X and Y with canonical `correlations`, at each beta.

    The closed form of Chechik, Globerson, Tishby & Weiss (2005): with eigenvalues 1 - rho^2, direction i is kept from
    beta = 1 / rho_i^2 on. Raises ValueError for correlations not in [0, 1) or betas not above 0.
    """
    rho, beta = np.atleast_1d(correlations).astype(float), np.atleast_1d(betas).astype(float)
    if not ((rho >= 0) & (rho < 1)).all() or not (beta > 0).all():
        raise ValueError(f"correlations are {rho}, betas {beta}; allowed: in [0, 1), and above 0")
    left, beta = 1 - rho**2, beta[:, None]  # (C,): the share of variance that Y leaves open
    used = beta * rho**2 > 1
    kept = np.where(used, np.log2(np.where(used, (beta - 1) * rho**2 / left, 1)) / 2, 0)
    lost = np.where(used, np.log2(np.where(used, beta * rho**2, 1)) / 2, 0)
    return kept.sum(axis=1), (kept - lost).sum(axis=1)


def _normalised(p):
    p = np.asarray(p, float)
    if not np.isfinite(p).all() or (p < 0).any() or not p.sum() > 0:
        raise ValueError(
            "joint holds a negative or infinite entry, or none above 0; allowed: probabilities or counts"
        )
    return p / p.sum()


def _bits(p, given, encoder):
    """I(X;T) and I(T;Y) in bits of p(x), p(y|x) and p(t|x)."""
    both = p[:, None] * encoder
    return mutual_information(both), mutual_information(both.T @ given)


def _settle(p, given, encoder, beta, max_steps, tolerance):
    """The encoder to which the self-consistent equations lead at one beta."""
    before = np.inf
    for _ in range(max_steps):
        weight = p @ encoder  # (T,)
        alive = weight > 1e-12
        encoder, weight = encoder[:, alive], weight[alive]
        decoder = (p[:, None] * encoder).T @ given / weight[:, None]  # (T, Y)
        fit = np.log(weight) + beta * given @ np.log(np.maximum(decoder, TINY)).T  # (X, T)
        top = fit.max(axis=1, keepdims=True)
        encoder = np.exp(fit - top)
        total = encoder.sum(axis=1, keepdims=True)
        encoder /= total
        now = -float(p @ (top + np.log(total))[:, 0])  # free energy but for a constant: it never rises
        if before - now < tolerance:
            break
        before = now
    return np.pad(encoder, ((0, 0), (0, len(p) - encoder.shape[1])))
