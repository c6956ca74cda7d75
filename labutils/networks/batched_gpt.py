"""The arithmetic of many GPTs at once: parameters of M `models.gpt` stacked as {name: (M, ...)}, and their gradients.

The same network with its axes turned: features first, then positions, then sequences, so that sums and softmax run
over long rows. For networks this narrow that is several times faster than a row for each token.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LONG = 32  # scored codes a sequence from which torch's fused attention is the faster one, by a quarter at 64


def code_bits(p: dict[str, Tensor], tokens: Tensor, *, heads: int, layer_norm: bool = True) -> np.ndarray:
    """Code length in bits of every sequence, an array (M, N), for codes (M, N, S + 1); the first of each is given."""
    with torch.no_grad():
        parts = [_code_lengths(p, block, heads, layer_norm).sum(1) for block in _blocks(tokens, heads)]
    return torch.cat(parts, 1).double().cpu().numpy() / math.log(2)


def gradient(
    p: dict[str, Tensor], tokens: Tensor, *, heads: int, layer_norm: bool = True
) -> tuple[np.ndarray, dict[str, Tensor]]:
    """The mean loss of each model on its codes (M, N, S + 1), nats a scored code (M,), and its gradient like `p`.

    Without `layer_norm` the stream is scaled and shifted as ever, but not brought to mean 0 and variance 1 before.
    """
    scored = tokens[0, :, 1:].numel()
    leaves = {name: w.detach().requires_grad_() for name, w in p.items()}
    loss, total = 0, None
    for block in _blocks(tokens, heads):
        part = _code_lengths(leaves, block, heads, layer_norm).sum((1, 2)) / scored
        parts = torch.autograd.grad(part.sum(), list(leaves.values()))
        total = parts if total is None else [a + b for a, b in zip(total, parts)]
        loss = loss + part.detach().double().cpu().numpy()
    return loss, dict(zip(p, total))


def _blocks(tokens, heads):
    """Cut the sequences into blocks whose attention fits the memory that may be used at once."""
    floats = 2**24 if tokens.device.type == "cpu" else 2**29
    return tokens.split(max(1, floats // (len(tokens) * heads * tokens.shape[2] ** 2)), dim=1)


def _code_lengths(p, tokens, heads, layer_norm=True):
    """Minus log probability (nats) of every scored code: (M, S, N)."""
    x, y = tokens[..., :-1].mT, tokens[..., 1:].mT  # (M, S, N)
    embedding = p["tokens.weight"]  # (M, V, d)
    first = embedding.shape[1] * torch.arange(len(x), device=x.device)[:, None, None]
    h = embedding.flatten(0, 1)[(x + first).flatten(1)].mT.unflatten(2, x.shape[1:])  # (M, d, S, N)
    h = (h + p["positions.weight"].mT[..., None]).flatten(2)  # (M, d, S N)

    def linear(name, h):
        return torch.baddbmm(p[f"{name}.bias"][..., None], p[f"{name}.weight"], h)

    def norm(name, h):
        if layer_norm:
            h = h - h.mean(1, keepdim=True)
            h = h * (h.square().mean(1, keepdim=True) + 1e-5).rsqrt()
        return h * p[f"{name}.weight"][..., None] + p[f"{name}.bias"][..., None]

    for layer in range(sum(name.endswith("norm1.weight") for name in p)):
        block = f"blocks.{layer}"
        a = linear(f"{block}.attend", norm(f"{block}.norm1", h))  # (M, 3 d, S N)
        a = a.unflatten(2, x.shape[1:]).unflatten(1, (3, heads, -1))  # (M, 3, H, d/H, S, N)
        mixed = _fused(a) if x.shape[1] >= LONG else _Attention.apply(a)
        h = h + linear(f"{block}.project", mixed.flatten(3).flatten(1, 2))
        h = h + linear(f"{block}.shrink", functional.gelu(linear(f"{block}.grow", norm(f"{block}.norm2", h))))
    return _Head.apply(norm("norm", h), embedding, y.flatten(1)).view_as(y)


def _fused(a):
    """As `_Attention`, by torch's fused attention: (M, 3, H, d/H, S, N) to (M, H, d/H, S, N)."""
    q, k, v = a.permute(1, 0, 5, 2, 4, 3).flatten(1, 2).unbind(0)  # (M N, H, S, d/H)
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return mixed.unflatten(0, (len(a), -1)).permute(0, 2, 4, 3, 1)


class _Attention(torch.autograd.Function):
    """Causal attention, one query position at a time over the keys before it: (M, 3, H, d/H, S, N) to (M, H, d/H, S, N)."""

    @staticmethod
    def forward(ctx, a):
        q, k, v = a.unbind(1)  # (M, H, d/H, S, N)
        mixed, shares = torch.empty_like(q), []
        for i in range(a.shape[4]):
            now, past = slice(i, i + 1), slice(i + 1)
            affinity = (q[:, :, :, now] * k[:, :, :, past]).sum(2) / math.sqrt(a.shape[3])  # (M, H, i + 1, N)
            shares.append(affinity.softmax(2))
            mixed[:, :, :, i] = (shares[-1][:, :, None] * v[:, :, :, past]).sum(3)
        ctx.save_for_backward(a, *shares)
        return mixed

    @staticmethod
    def backward(ctx, g):
        a, *shares = ctx.saved_tensors
        by_a = torch.zeros_like(a)
        (q, k, v), (by_q, by_k, by_v) = a.unbind(1), by_a.unbind(1)
        for i, share in enumerate(shares):
            now, past = slice(i, i + 1), slice(i + 1)
            by_v[:, :, :, past].addcmul_(share[:, :, None], g[:, :, :, now])
            by_affinity = share * (v[:, :, :, past] * g[:, :, :, now]).sum(2)  # (M, H, i + 1, N)
            by_affinity -= share * by_affinity.sum(2, keepdim=True)
            by_affinity = by_affinity[:, :, None] / math.sqrt(a.shape[3])  # (M, H, 1, i + 1, N)
            by_k[:, :, :, past].addcmul_(by_affinity, q[:, :, :, now])
            by_q[:, :, :, i] = (by_affinity * k[:, :, :, past]).sum(3)
        return by_a


class _Head(torch.autograd.Function):
    """Cross-entropy (M, S N) of the tied head and its gradient together, as many tokens at a time as stay in cache.

    Takes h (M, d, S N), the embedding (M, V, d) and the right codes y (M, S N).
    """

    @staticmethod
    def forward(ctx, h, embedding, y):
        by_h, by_embedding = torch.empty_like(h), torch.zeros_like(embedding)
        lengths = torch.empty_like(y, dtype=h.dtype)
        size = max(64, (2**17 if h.device.type == "cpu" else 2**26) // embedding.shape[1])
        for m, e in enumerate(embedding):
            for first in range(0, y.shape[1], size):
                now = slice(first, first + size)
                target = y[m, None, now]
                p = (e @ h[m, :, now]).softmax(0)  # (V, tokens)
                right = p.gather(0, target)
                lengths[m, now] = -right[0].clamp(min=1e-38).log()
                p.scatter_(0, target, right - 1)
                by_h[m, :, now] = e.T @ p
                by_embedding[m].addmm_(p, h[m, :, now].T)
        ctx.save_for_backward(by_h, by_embedding)
        return lengths

    @staticmethod
    def backward(ctx, g):
        by_h, by_embedding = ctx.saved_tensors
        return by_h * g[:, :1, None], by_embedding * g[:, :1, None], None  # `gradient` weighs all codes alike
