"""Optimisers of many models at once, each model as if it were alone. Each function returns a rule, all of one protocol:

    rule(w, g, state, step, rate, decay=None, factor=1.0)

moves the parameters w (M, ...) of M models in place by their gradients g (M, ...). `state`, a dict that is empty
before the first step and kept by the caller, holds arrays (M, ...) alone, so that models can leave; `step` counts
from 1. `rate` and `decay` are numbers or arrays (M, 1, ...); `factor` is what a schedule makes of the rate. Weight
decay is decoupled: at each step all weights shrink by rate times decay (Loshchilov and Hutter, 1711.05101).
"""

import math
from collections.abc import Callable

import torch

Rule = Callable[..., None]


def sgd(momentum: float = 0.0) -> Rule:
    """Gradient descent as torch.optim.SGD has it, with decay times w as part of the gradient."""

    def rule(w, g, state, step, rate, decay=None, factor=1.0):
        g = g if decay is None else g + decay * w
        g = state["mean"] = state["mean"].mul_(momentum).add_(g) if step > 1 else g.clone()
        w.sub_(g * (rate * factor))

    return rule


def adamw(betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> Rule:
    """Adam (Kingma and Ba, 1412.6980) with decoupled decay, torch.optim.AdamW; `betas` are the averages' decay rates."""

    def rule(w, g, state, step, rate, decay=None, factor=1.0):
        by, scale = _adam(g, state, step, betas, eps)
        _move(w, by, rate, decay, factor, scale)

    return rule


def soap(
    *,
    largest: int = 128,
    every: int = 5,
    memory: float = 0.95,
    betas: tuple[float, float] = (0.9, 0.99),
    eps: float = 1e-10,
) -> Rule:
    """SOAP (Vyas et al. 2409.11321): Adam, in the eigenbasis of each matrix's own gradient covariances.

    Sides longer than `largest` keep their basis, as all does but matrices w (M, a, b). When a basis turns, each `every`
    steps, the second moment is carried over by the squares of the rotation, without which frequent turns diverge.
    """

    def rule(w, g, state, step, rate, decay=None, factor=1.0):
        bases = {}  # axis: (M, a, a) or (M, b, b)
        for axis in [axis for axis in (-2, -1) if w.ndim == 3 and w.shape[axis] <= largest]:
            now = g.mT @ g if axis == -1 else g @ g.mT
            if step == 1:
                state["covariance", axis], state["basis", axis] = now, torch.linalg.eigh(now)[1]
            else:
                state["covariance", axis].lerp_(now, 1 - memory)
            if step > 1 and step % every == 0:
                old = state["basis", axis]
                state["basis", axis] = torch.linalg.qr(state["covariance", axis] @ old)[0]
                turn = old.mT @ state["basis", axis]
                state["first"] = _turn(state["first"], {axis: turn})
                state["second"] = _turn(state["second"], {axis: turn.square()})
            bases[axis] = state["basis", axis]
        by, scale = _adam(_turn(g, bases), state, step, betas, eps)
        _move(w, _turn(by, bases, back=True), rate, decay, factor, scale)

    return rule


def muon(momentum: float = 0.95) -> Rule:
    """Muon (Jordan et al. 2024) for matrices w (..., a, b): momentum, with all its singular values brought near 1."""

    def rule(w, g, state, step, rate, decay=None, factor=1.0):
        if step == 1:
            state["mean"] = torch.zeros_like(w)
        mean = state["mean"].lerp_(g, 1 - momentum)
        by = orthogonalised(g.lerp(mean, momentum))
        _move(w, by, rate, decay, factor, max(1, w.shape[-2] / w.shape[-1]) ** 0.5)

    return rule


def grokfast(inner: Rule, *, alpha: float = 0.98, gain: float = 2.0) -> Rule:
    """The `inner` rule on the gradient plus `gain` times its running mean (Lee et al. 2405.20233, algorithm 2)."""

    def rule(w, g, state, step, *pace):
        state["slow"] = state["slow"].mul_(alpha).add_(g, alpha=1 - alpha) if step > 1 else g.clone()
        inner(w, g.add(state["slow"], alpha=gain), state, step, *pace)

    return rule


def orthogonal(inner: Rule) -> Rule:
    """The `inner` rule on the gradient without its part along the weights, at its old length, for matrices w (..., a, b).

    Prieto et al. 2501.04697.
    """

    def rule(w, g, state, step, *pace):
        g, along = g.flatten(-2), w.flatten(-2)  # (..., a b)
        rest = g - (g * along).sum(-1, keepdim=True) / along.square().sum(-1, keepdim=True) * along
        rest *= g.norm(dim=-1, keepdim=True) / rest.norm(dim=-1, keepdim=True).clamp(min=1e-30)
        inner(w, rest.view_as(w), state, step, *pace)

    return rule


def orthogonalised(x: torch.Tensor, *, steps: int = 5) -> torch.Tensor:
    """Matrices x (..., a, b) with every singular value brought to about 1 by Newton-Schulz steps (Jordan et al. 2024).

    Five steps bring values of at least a hundredth of the largest to between 0.7 and 1.2.
    """
    tall = x.shape[-2] > x.shape[-1]  # the Gram matrix of the shorter side is the cheaper one
    x = x.mT if tall else x
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


def _adam(g, state, step, betas, eps):
    """Adam's move of w (M, ...), to be scaled by the rate and the number that comes with it."""
    if step == 1:
        state |= {name: torch.zeros_like(g) for name in ("first", "second", "work")}
    first, second, work = state["first"], state["second"], state["work"]
    first.lerp_(g, 1 - betas[0])
    second.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
    unbias = math.sqrt(1 - betas[1] ** step)
    # The floor, lost in eps, is for speed: square roots of zeros and denormals take ten times as long.
    torch.clamp(second, min=min(1e-30, eps * eps), out=work).sqrt_().add_(eps * unbias)
    return torch.div(first, work, out=work), unbias / (1 - betas[0] ** step)


def _move(w, by, rate, decay, factor, scale):
    """Shrink w by the decay and move it against `by`, which is overwritten."""
    if decay is not None:
        w.mul_(1 - factor * rate * decay)
    w.sub_(by.mul_(rate * (factor * scale)))


def _turn(x, bases, back=False):
    """Matrices x (M, a, b) in other bases, {-2: (M, a, a), -1: (M, b, b)}, or back from them."""
    for axis, q in bases.items():
        q = q.mT if back else q
        x = x @ q if axis == -1 else q.mT @ x
    return x
