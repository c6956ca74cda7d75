"""Stacked optimisers against torch's, and against the symmetries that define them."""

import pytest
import torch

from labutils.networks import optimizers


def _random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _descend(make, start, target, *, steps=30, name="w", noise=None):
    """Minimise |w - target|^2 / 2, with `noise` (steps, ...) added to the gradients; returns the path of w."""
    p = {name: start.clone()}
    update, path = make(p, 0.05), []
    for step in range(steps):
        update({name: p[name] - target + (0 if noise is None else noise[step])}, 1.0)
        path.append(p[name].clone())
    return path


def test_adam_is_torchs():
    start, target = _random(2, 3, 4, seed=0), _random(2, 3, 4, seed=1)
    ours = _descend(optimizers.adam, start, target)
    for m in range(2):
        w = start[m].clone().requires_grad_()
        theirs = torch.optim.Adam([w], lr=0.05, betas=(0.9, 0.99), eps=1e-10)
        for step in ours:
            w.grad = (w - target[m]).detach()
            theirs.step()
            torch.testing.assert_close(step[m], w.detach())


@pytest.mark.parametrize("every", [1, 5])
def test_soap_does_not_depend_on_the_basis(every):
    def make(p, rate):
        return optimizers.soap(p, rate, every=every)

    start, target = _random(1, 4, 4, seed=0), _random(1, 4, 4, seed=1)
    left, right = (torch.linalg.qr(_random(1, 4, 4, seed=n))[0] for n in (2, 3))
    noise = _random(30, 1, 4, 4, seed=4)

    def rotated(make):
        """How far a descent in other coordinates ends from the same descent, its path turned afterwards."""
        plain = _descend(make, start, target, noise=noise)[-1]
        turned = _descend(make, left @ start @ right, left @ target @ right, noise=left @ noise @ right)[-1]
        return (turned - left @ plain @ right).abs().max()

    assert rotated(make) < 1e-3
    assert rotated(optimizers.adam) > 0.1


def test_soap_without_sides_is_adam():
    start, target = _random(2, 3, 4, seed=0), _random(2, 3, 4, seed=1)
    path = _descend(lambda p, rate: optimizers.soap(p, rate, largest=2), start, target)
    torch.testing.assert_close(path[-1], _descend(optimizers.adam, start, target)[-1])


def test_muon_moves_every_direction_alike_and_leaves_the_rest_to_adam():
    start, target = _random(2, 4, 6, seed=0), _random(2, 4, 6, seed=1)
    (moved,) = _descend(optimizers.muon, start, target, steps=1, name="blocks.0.attend.weight")
    step = torch.linalg.svdvals((start - moved) / 0.05)
    assert step.min() > 0.6 and step.max() < 1.25  # Newton-Schulz stops near one
    (moved,) = _descend(optimizers.muon, start, target, steps=1, name="tokens.weight")
    torch.testing.assert_close(moved, _descend(optimizers.adam, start, target, steps=1)[0])


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (6, 6)])
def test_orthogonalised_keeps_the_directions_and_brings_every_stretch_near_one(shape):
    u, s, v = torch.linalg.svd(_random(3, *shape, seed=0), full_matrices=False)
    s = torch.linspace(1, 0.05, s.shape[-1], dtype=s.dtype).expand_as(s)
    x = optimizers.orthogonalised(u @ torch.diag_embed(s) @ v)
    inside = u.mT @ x @ v.mT  # diagonal, if the singular vectors stayed
    torch.testing.assert_close(
        inside, torch.diag_embed(torch.diagonal(inside, dim1=-2, dim2=-1)), atol=1e-4, rtol=0
    )
    stretch = torch.diagonal(inside, dim1=-2, dim2=-1)
    assert stretch.min() > 0.6 and stretch.max() < 1.25


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_models_do_not_touch_each_other(name):
    start, target = _random(3, 4, 4, seed=0), _random(3, 4, 4, seed=1)
    key = "blocks.0.grow.weight"
    together = _descend(optimizers.OPTIMIZERS[name], start, target, name=key)[-1]
    alone = _descend(optimizers.OPTIMIZERS[name], start[1:2], target[1:2], name=key)[-1]
    torch.testing.assert_close(together[1:2], alone)
