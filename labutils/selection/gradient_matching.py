"""Gradient matching (GradMatch): a few weighted rows whose gradients add up to nearly those of all."""

import numpy as np

from labutils.checks import check_finite, check_positive
from labutils.rows import blocks
from labutils.selection.coresets import Coreset

LEVEL = 1e-9  # of the largest gain: below, a row that was given up is not taken in again


def gradient_matching(gradients: np.ndarray, size: int, *, penalty: float = 0.5) -> Coreset:
    """The `Coreset` of `gradients` (N, p) that greedily lowers |sum of all - weighted sum|^2 + L |weights|^2, weights >= 0.

    Each step takes the row along which that falls fastest and fits all weights anew: orthogonal matching pursuit which,
    with weights not below zero, is the active-set algorithm of non-negative least squares, stopped early. L is `penalty`
    times the mean squared length of a gradient. A row taken may end with the weight 0, and when no row helps any more
    those that harm least are taken. The aim and the pursuit are those of Killamsetty et al. 2021 (GradMatch, 2103.00123),
    the weights those of Lawson & Hanson 1974, chapter 23.

    To match each class on its own, by its own output of a linear last layer (an approximation of the paper's), give
    the rows of one class, each its residual times its features. Time N p for every choice, memory p^2 beside the rows.
    Raises ValueError for a wrong shape or size, NaN, infinity, or a penalty not above zero.
    """
    g = np.asarray(gradients)
    if g.ndim != 2 or 0 in g.shape:
        raise ValueError(f"gradients has shape {g.shape}; allowed: (examples, numbers), neither of them zero")
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= len(g):
        raise ValueError(f"size is {size!r}; allowed: a whole number from 1 to {len(g)}, the number of rows")
    check_positive(penalty=penalty)
    for b in blocks(*g.shape):
        check_finite(gradients=g[b])
    goal = sum(g[b].sum(axis=0, dtype=float) for b in blocks(*g.shape))
    length = sum(np.square(g[b], dtype=float).sum() for b in blocks(*g.shape)) / len(g)
    damping = penalty * (length or 1.0)
    inverse = np.eye(g.shape[1]) / damping  # of damping + the sum of g g' over the rows of weight above zero
    weights, order, taken, active = np.zeros(len(g)), [], np.zeros(len(g), bool), []
    while True:
        direction = inverse @ goal
        gain = np.concatenate([g[b] @ direction for b in blocks(*g.shape)])
        gain[active] = -np.inf  # these have theirs: what is left along them is their weight times the damping
        given_up = np.where(taken, gain, -np.inf)
        best = int(given_up.argmax())
        if given_up[best] <= LEVEL * abs(direction @ goal):
            if len(order) == size:
                return Coreset(np.array(order), weights[order])
            best = int(np.where(taken, -np.inf, gain).argmax())
            order.append(best)
            taken[best] = True
        if gain[best] > 0:
            inverse = _fit(g, goal, weights, [*active, best], inverse, damping)
            active = np.flatnonzero(weights).tolist()


def _fit(g, goal, weights, active, inverse, damping):
    """Set the weights (N,) to the best above zero of the active rows, the last of which is new; the inverse for them."""
    new = g[active[-1]].astype(float)
    moved = inverse @ new
    inverse = inverse - np.outer(moved, moved / (1 + new @ moved))
    while True:
        rows = g[active].astype(float)
        better = rows @ (inverse @ goal)
        falls = better <= 0
        if not falls.any():
            weights[active] = better
            return inverse
        now = weights[active]  # go towards the better ones until the first weight is 0, and leave those out
        reach = np.where(falls, now / np.maximum(now - better, 1e-300), np.inf)
        now = np.where(reach <= reach.min(), 0, now + reach.min() * (better - now))
        weights[active] = np.maximum(now, 0)
        active = [i for i, w in zip(active, now) if w > 0]
        rows = g[active].astype(float)
        inverse = np.linalg.inv(damping * np.eye(g.shape[1]) + rows.T @ rows)
