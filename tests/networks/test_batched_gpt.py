"""Stacked, turned GPTs against torch's autograd through the plain model, one at a time."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.budget import memorisation
from labutils.networks import batched_gpt, models

SHAPE = memorisation.Shape(vocabulary=16, length=4, layers=1, width=4)


def bits_memorised(model, tokens, vocabulary):
    """Bits that a language model saves on each sequence against a uniform guess: (N,) for codes (N, S + 1)."""
    with torch.no_grad():
        loss = functional.cross_entropy(model(tokens[:, :-1]).mT, tokens[:, 1:], reduction="none").sum(1)
    return tokens[0, 1:].numel() * math.log2(vocabulary) - loss.double().numpy() / math.log(2)


@pytest.mark.parametrize(("layers", "heads"), [(1, 4), (2, 2), (1, 1)])
def test_the_turned_gpt_is_the_plain_one(layers, heads):
    shape = memorisation.Shape(11, 5, layers, 4)
    tokens = torch.as_tensor(memorisation.random_tokens(shape, 6, n_seeds=2))
    nets = []
    for seed in range(2):
        net = models.initialise(models.gpt(11, 5, layers, 4, heads=heads), seed)
        with torch.no_grad():  # away from the symmetric start, where biases and gains would go untested
            for w in net.parameters():
                w += 0.3 * torch.randn(w.shape, generator=torch.Generator().manual_seed(seed + w.numel()))
        nets.append(net)
    p = {
        name: torch.stack([dict(net.named_parameters())[name] for net in nets]).detach()
        for name, _ in nets[0].named_parameters()
    }
    total, gradient = batched_gpt.gradient(p, tokens, heads=heads)
    bits = batched_gpt.code_bits(p, tokens, heads=heads)
    for m, net in enumerate(nets):
        loss = functional.cross_entropy(net(tokens[m, :, :-1]).flatten(0, 1), tokens[m, :, 1:].flatten())
        assert total[m] == pytest.approx(loss.item(), rel=1e-5)
        for (name, _), g in zip(net.named_parameters(), torch.autograd.grad(loss, list(net.parameters()))):
            torch.testing.assert_close(gradient[name][m], g, rtol=2e-3, atol=2e-5)
        uniform = shape.length * math.log2(11)
        np.testing.assert_allclose(uniform - bits[m], bits_memorised(net, tokens[m], 11), atol=1e-4)


def test_blocks_change_nothing(monkeypatch):
    tokens = torch.as_tensor(memorisation.random_tokens(SHAPE, 10, n_seeds=2))
    net = models.gpt(16, 4, 1, 4)
    p = {name: torch.stack([w.detach()] * 2) for name, w in net.named_parameters()}
    whole, at_once = batched_gpt.gradient(p, tokens, heads=2)
    monkeypatch.setattr(batched_gpt, "_blocks", lambda tokens, heads: tokens.split(3, dim=1))
    parts, in_blocks = batched_gpt.gradient(p, tokens, heads=2)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)
    for name, g in at_once.items():
        torch.testing.assert_close(in_blocks[name], g, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 4])
def test_the_fused_attention_is_the_one_position_at_a_time(heads, monkeypatch):
    tokens = torch.as_tensor(memorisation.random_tokens(SHAPE, 6, n_seeds=2))
    p = models.initial_parameters(models.gpt(16, 4, 1, 4), [0, 1])
    p = {
        name: w + 0.3 * torch.randn(w.shape, generator=torch.Generator().manual_seed(0))
        for name, w in p.items()
    }
    loops, by_loops = batched_gpt.gradient(p, tokens, heads=heads)
    monkeypatch.setattr(batched_gpt, "LONG", 1)
    fused, at_once = batched_gpt.gradient(p, tokens, heads=heads)
    np.testing.assert_allclose(loops, fused, rtol=1e-5)
    for name, g in by_loops.items():
        torch.testing.assert_close(at_once[name], g, rtol=1e-3, atol=1e-6)


def test_without_layer_norm_the_stream_is_only_scaled_and_shifted():
    """On a stream that is normalised already, scaled by one and shifted by nothing, the norm changes nothing."""
    tokens = torch.as_tensor(memorisation.random_tokens(SHAPE, 6))
    p = models.initial_parameters(models.gpt(16, 4, 1, 4), [0])
    p = {name: torch.zeros_like(w) if "project" in name or "shrink" in name else w for name, w in p.items()}
    h = torch.randn((1, 16, 4), generator=torch.Generator().manual_seed(0))
    h = h - h.mean(2, keepdim=True)
    p |= {
        "tokens.weight": h / h.square().mean(2, keepdim=True).sqrt(),
        "positions.weight": torch.zeros(1, 4, 4),
    }
    with_it, without = (batched_gpt.code_bits(p, tokens, heads=1, layer_norm=on) for on in (True, False))
    np.testing.assert_allclose(with_it, without, rtol=1e-4)
    p["tokens.weight"] = 2 * p["tokens.weight"]
    with_it, without = (batched_gpt.code_bits(p, tokens, heads=1, layer_norm=on) for on in (True, False))
    assert abs(with_it - without).min() > 0.1


def test_the_future_is_not_seen():
    tokens = torch.as_tensor(memorisation.random_tokens(SHAPE, 5))
    p = models.initial_parameters(models.gpt(16, 4, 1, 4), [0])
    later = tokens.clone()
    later[..., -1] = (later[..., -1] + 1) % 16
    before, after = (batched_gpt._code_lengths(p, t, 1)[:, :3] for t in (tokens, later))
    torch.testing.assert_close(before, after)
