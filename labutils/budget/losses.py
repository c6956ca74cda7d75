"""Losses of scores and their slopes, written into the scores' own place: softmax, squared error, StableMax."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Loss:
    """A loss of scores: `values(scores (n, p), answers (n,))` (n,), and its `slopes(scores (m, p, n), target)`, in place.

    `target` (m n,) are the places of the right answers in the flattened scores.
    """

    values: Callable
    slopes: Callable


def _softmax_values(scores, answers):
    return scores.logsumexp(1) - scores.gather(1, answers[:, None])[:, 0]


def _softmax_slopes(scores, target):
    scores.sub_(scores.amax(1, keepdim=True)).exp_()
    flat = scores.div_(scores.sum(1, keepdim=True)).view(-1)
    flat.index_add_(0, target, flat.new_full((), -1.0).expand(len(target)))


def _squared_values(scores, answers):
    return (scores - functional.one_hot(answers, scores.shape[1])).square().mean(1)


def _squared_slopes(scores, target):
    flat = scores.mul_(2 / scores.shape[1]).view(-1)
    flat.index_add_(0, target, flat.new_full((), -2 / scores.shape[1]).expand(len(target)))


def _stable(x):
    """s(x) of StableMax, which grows linearly where exp would overflow, and its slope."""
    below = 1 / (1 - x.clamp(max=0))  # 1 from zero on
    return below + x.clamp(min=0), below * below


def _stable_values(scores, answers):
    s = _stable(scores)[0]
    return s.sum(1).log() - s.gather(1, answers[:, None])[:, 0].log()


def _stable_slopes(scores, target):
    s, slope = _stable(scores)
    right = slope.view(-1)[target] / s.view(-1)[target]
    torch.div(slope, s.sum(1, keepdim=True), out=scores).view(-1).index_add_(0, target, -right)


LOSSES = {
    "cross-entropy": Loss(_softmax_values, _softmax_slopes),
    "squared error": Loss(
        _squared_values, _squared_slopes
    ),  # from 1 where the answer is right and 0 elsewhere
    "StableMax": Loss(_stable_values, _stable_slopes),  # s(x) in place of exp(x): Prieto et al. 2501.04697
}
