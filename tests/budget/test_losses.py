"""Losses by their definitions, slopes by autograd."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.budget import losses

DEFINITIONS = {
    "cross-entropy": lambda s, y: functional.cross_entropy(s, y, reduction="none"),
    "squared error": lambda s, y: functional.mse_loss(s, torch.eye(s.shape[1])[y], reduction="none").mean(1),
    "StableMax": lambda s, y: (
        -torch.log(
            torch.where(s < 0, 1 / (1 - s), s + 1)[range(len(y)), y]
            / torch.where(s < 0, 1 / (1 - s), s + 1).sum(1)
        )
    ),
}


@pytest.mark.parametrize("name", losses.LOSSES)
def test_values_and_slopes_are_those_of_the_definition(name):
    rng = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(2, 4, 7, generator=rng)  # (networks, answers, sums)
    answers = torch.randint(4, (2, 7), generator=rng)
    flat = scores.mT.flatten(0, 1).clone().requires_grad_()  # (networks sums, answers)
    expected = DEFINITIONS[name](flat, answers.flatten())
    expected.sum().backward()
    found = losses.LOSSES[name].values(flat.detach(), answers.flatten())
    assert torch.allclose(found, expected.detach(), atol=1e-6)
    target = (torch.arange(7) + 7 * (4 * torch.arange(2)[:, None] + answers)).flatten()
    losses.LOSSES[name].slopes(scores, target)
    assert torch.allclose(scores.mT.flatten(0, 1), flat.grad, atol=1e-6)


def test_softmax_collapses_where_stablemax_does_not():
    """In float32 a score ahead by 20 costs exactly nothing; StableMax still sees the others."""
    scores, answer = torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([0])
    assert losses.LOSSES["cross-entropy"].values(scores, answer).item() == 0
    assert losses.LOSSES["cross-entropy"].values(scores.double(), answer).item() == pytest.approx(
        2 * math.exp(-20)
    )
    assert losses.LOSSES["StableMax"].values(scores, answer).item() == pytest.approx(
        np.log(23 / 21), rel=1e-5
    )
