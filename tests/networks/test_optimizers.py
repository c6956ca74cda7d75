"""Optimisers of many models against torch's, the papers' formulas, and the symmetries that define them."""

import pytest
import torch

from labutils.networks import optimizers


def _random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _descend(rule, start, target, *, steps=30, noise=None, decay=None, rate=0.05):
    """Minimise |w - target|^2 / 2, with `noise` (steps, ...) added to the gradients; returns the path of w."""
    w, state, path = start.clone(), {}, []
    for step in range(steps):
        rule(w, w - target + (0 if noise is None else noise[step]), state, step + 1, rate, decay)
        path.append(w.clone())
    return path


ADAM = optimizers.adamw(betas=(0.9, 0.99), eps=1e-10)
RULES = {
    "sgd": optimizers.sgd(0.9),
    "adamw": optimizers.adamw(),
    "soap": optimizers.soap(),
    "muon": optimizers.muon(),
    "grokfast": optimizers.grokfast(optimizers.adamw()),
    "orthogonal": optimizers.orthogonal(optimizers.adamw()),
}
TORCHS = {
    "adamw": (
        optimizers.adamw(betas=(0.9, 0.99)),
        lambda p, rate, decay: torch.optim.AdamW(p, lr=rate, betas=(0.9, 0.99), weight_decay=decay),
    ),
    "sgd": (
        optimizers.sgd(momentum=0.9),
        lambda p, rate, decay: torch.optim.SGD(p, lr=rate, momentum=0.9, weight_decay=decay),
    ),
}


@pytest.mark.parametrize("decays", [[0.0, 0.0], [0.3, 1.0]])
@pytest.mark.parametrize("name", TORCHS)
def test_is_torchs_for_each_models_rate_and_decay(name, decays):
    rule, theirs = TORCHS[name]
    start, target = _random(2, 3, 4, seed=0), _random(2, 3, 4, seed=1)
    rates = torch.tensor([0.05, 0.02], dtype=torch.float64)[:, None, None]
    decay = torch.tensor(decays, dtype=torch.float64)[:, None, None] if any(decays) else None
    ours = _descend(rule, start, target, rate=rates, decay=decay)
    for m in range(2):
        w = start[m].clone().requires_grad_()
        optimizer = theirs([w], rates[m].item(), decays[m])
        for step in ours:
            w.grad = (w - target[m]).detach()
            optimizer.step()
            torch.testing.assert_close(step[m], w.detach())


def test_a_schedule_scales_the_rate():
    w = torch.zeros(2, 1, 3)
    half, same = w.clone(), w.clone()
    g = torch.ones_like(w)
    for rule in RULES.values():
        rule(half, g, {}, 1, 0.1, 0.5, 0.5)
        rule(same, g, {}, 1, 0.05, 0.5)
    torch.testing.assert_close(half, same)


@pytest.mark.parametrize("every", [1, 5])
def test_soap_does_not_depend_on_the_basis(every):
    start, target = _random(1, 4, 4, seed=0), _random(1, 4, 4, seed=1)
    left, right = (torch.linalg.qr(_random(1, 4, 4, seed=n))[0] for n in (2, 3))
    noise = _random(30, 1, 4, 4, seed=4)

    def rotated(rule):
        """How far a descent in other coordinates ends from the same descent, its path turned afterwards."""
        plain = _descend(rule, start, target, noise=noise)[-1]
        turned = _descend(rule, left @ start @ right, left @ target @ right, noise=left @ noise @ right)[-1]
        return (turned - left @ plain @ right).abs().max()

    assert rotated(optimizers.soap(every=every)) < 1e-3
    assert rotated(ADAM) > 0.1


def test_soap_without_sides_is_adam():
    start, target = _random(2, 3, 4, seed=0), _random(2, 3, 4, seed=1)
    path = _descend(optimizers.soap(largest=2), start, target)
    torch.testing.assert_close(path[-1], _descend(ADAM, start, target)[-1])


@pytest.mark.parametrize("shape", [(2, 4, 6), (1, 3, 5, 9), (1, 3, 9, 5)])
def test_muon_moves_every_direction_alike(shape):
    w, g = torch.zeros(shape), _random(*shape, seed=0).float()
    optimizers.muon()(w, g.clone(), {}, 1, 1.0)
    tall = max(1, shape[-2] / shape[-1]) ** 0.5  # tall matrices move further
    for step, gradient in zip(-w.flatten(0, -3) / tall, g.flatten(0, -3)):
        u, _, v = torch.linalg.svd(gradient, full_matrices=False)
        along = u.T @ step @ v.T  # the step keeps the gradient's directions and evens out their sizes
        assert abs(along - along.diag().diag()).max() < 1e-3
        assert along.diag().min() > 0.6 and along.diag().max() < 1.25  # the quintic's spread around 1


def test_muon_keeps_a_momentum():
    """By the formula of Jordan et al.: Nesterov momentum, and a second step along the first's gradient."""
    first, second = _random(2, 1, 4, 6, seed=0)
    w, state, momentum = torch.zeros_like(first), {}, torch.zeros_like(first)
    for step, g in enumerate((first, second), 1):
        before = w.clone()
        optimizers.muon()(w, g, state, step, 1.0)
        momentum = 0.95 * momentum + g
        expected = before - optimizers.orthogonalised(g + 0.95 * momentum)
        torch.testing.assert_close(w, expected)


def test_the_orthogonal_step_does_not_see_the_length_of_the_weights():
    (w, g), seen = torch.randn(2, 2, 3, 5, 4, generator=torch.Generator().manual_seed(0)), {}
    optimizers.orthogonal(lambda w, g, *_: seen.update(g=g))(w, g, {}, 1, 1.0)
    assert abs((seen["g"] * w).flatten(2).sum(2)).max() < 1e-5
    assert torch.allclose(seen["g"].flatten(2).norm(dim=2), g.flatten(2).norm(dim=2), rtol=1e-5)


def test_grokfast_adds_a_running_mean():
    g, seen, state = _random(3, 2, 4, seed=0), [], {}
    rule = optimizers.grokfast(lambda w, g, *_: seen.append(g), alpha=0.9, gain=3.0)
    for step in range(3):
        rule(None, g[step], state, step + 1, 1.0)
    slow = g[0]
    for step in range(3):
        slow = 0.9 * slow + 0.1 * g[step] if step else slow
        torch.testing.assert_close(seen[step], g[step] + 3 * slow)


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


@pytest.mark.parametrize("name", RULES)
def test_models_do_not_touch_each_other_and_can_leave(name):
    start, target = _random(3, 4, 4, seed=0), _random(3, 4, 4, seed=1)
    together = _descend(RULES[name], start, target)[-1]
    alone = _descend(RULES[name], start[1:2], target[1:2])[-1]
    torch.testing.assert_close(together[1:2], alone)
    w, state = start.clone(), {}
    for step in range(30):
        if step == 7:
            w, target, state = w[1:2], target[1:2], {key: value[1:2] for key, value in state.items()}
        RULES[name](w, w - target, state, step + 1, 0.05)
    torch.testing.assert_close(w, alone)
