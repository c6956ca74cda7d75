"""The variational information bottleneck (Alemi et al. 2017, arXiv 1612.00410): noise in a network, and a price on bits.

An encoder gives each row a normal distribution of K numbers z, of which the label is read. The loss is the cross-entropy
plus beta times KL(p(z|x) || N(0, 1)). That divergence bounds the bits of the row that z keeps from above, the entropy of
the labels less the cross-entropy what z tells of them from below.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labutils.checks import check_at_least, check_finite
from labutils.networks.batched import batches


@dataclass(frozen=True, eq=False)
class Bottlenecks:
    """For S seeds, B betas and P parts of data: bits `kept` (a bound from above) and `told` (from below), and `error` (S, B, P).

    `kept` is infinite at beta = 0, where z has no noise.
    """

    beta: np.ndarray
    kept: np.ndarray
    told: np.ndarray
    error: np.ndarray


def fit_bottlenecks(
    x: np.ndarray,
    y: np.ndarray,
    parts: Sequence[tuple[np.ndarray, np.ndarray]],
    betas: Sequence[float],
    *,
    seeds: Sequence[int],
    width: int = 64,
    n_latent: int = 8,
    steps: int = 800,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    n_samples: int = 12,
) -> Bottlenecks:
    """Train a network x (N, d) -> width -> z (n_latent) -> classes y (N,) for each seed and beta, side by side, and judge on `parts`.

    beta is in nats per nat, as in the paper; at 0 the network is the ordinary one, without noise. Features are scaled to one
    spread for all. Adam; probabilities are means over `n_samples` draws of z. One seed gives all betas the same first
    weights and batches. Raises ValueError for betas below 0, NaN, or counts below 1.
    """
    betas, seeds = np.asarray(betas, float), np.asarray(seeds, int)
    check_at_least(0, **{f"betas[{i}]": float(b) for i, b in enumerate(betas)})
    counts = {"width": width, "n_latent": n_latent, "steps": steps, "batch_size": batch_size}
    check_at_least(1, **counts, n_samples=n_samples, betas=len(betas), seeds=len(seeds))
    check_finite(x=x)
    middle, spread, classes = (
        x.mean(axis=0),
        x.std() + 1e-12,
        int(max(y.max(), *(p[1].max() for p in parts))) + 1,
    )
    scaled = lambda v: torch.from_numpy(((v - middle) / spread).astype(np.float32))  # noqa: E731
    rows, labels = scaled(x), torch.from_numpy(np.asarray(y, np.int64))
    beta = torch.from_numpy(np.tile(betas, len(seeds)).astype(np.float32))[:, None]  # (M, 1), M = S B
    weights = _drawn([x.shape[1], width, 2 * n_latent], n_latent, classes, np.repeat(seeds, len(betas)))
    adam = torch.optim.Adam(weights, lr=learning_rate)
    streams = [batches(np.arange(len(y)), min(batch_size, len(y)), int(seed)) for seed in seeds]
    noise = torch.Generator().manual_seed(int(seeds[0]))
    for _ in range(steps):
        picks = torch.from_numpy(np.repeat([next(s) for s in streams], len(betas), axis=0))  # (M, b)
        z, bits = _encode(weights, rows[picks], beta, noise)
        scores = (z @ weights[4] + weights[5]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(scores, labels[picks].flatten(), reduction="none").view(
            picks.shape
        )
        adam.zero_grad()
        (loss.mean(dim=1) + beta[:, 0] * bits.mean(dim=1)).sum().backward()
        adam.step()
    with torch.no_grad():
        found = np.array(
            [_judge(weights, scaled(t), np.asarray(z), beta, noise, n_samples) for t, z in parts]
        )
    kept, told, error = found.transpose(1, 2, 0).reshape(3, len(seeds), len(betas), len(parts))
    return Bottlenecks(betas, np.where(betas[:, None] > 0, kept, np.inf), told, error)


def _drawn(sizes, n_latent, classes, seeds):
    """Weights (M, in, out) of variance 2 / in and biases (M, 1, out), for each seed."""
    found = []
    for n_in, n_out in [*itertools.pairwise(sizes), (n_latent, classes)]:
        draws = [np.random.default_rng([seed, n_in, n_out]).normal(size=(n_in, n_out)) for seed in seeds]
        found.append(
            torch.tensor(np.array(draws) * np.sqrt(2 / n_in), dtype=torch.float32, requires_grad=True)
        )
        found.append(torch.zeros(len(seeds), 1, n_out, requires_grad=True))
    return found


def _encode(weights, x, beta, noise):
    """A draw of z (M, b, K) for rows x (M, b, d) or (b, d), without noise at beta 0, and its divergence (M, b) in nats."""
    hidden = torch.relu(x @ weights[0] + weights[1])
    mean, width = (hidden @ weights[2] + weights[3]).chunk(2, dim=-1)
    width = torch.nn.functional.softplus(width - 2) + 1e-4
    divergence = (mean**2 + width**2 - 1).sum(dim=-1) / 2 - width.log().sum(dim=-1)
    z = mean + width * torch.randn(mean.shape, generator=noise) * (beta > 0)[..., None]
    return z, divergence


def _judge(weights, x, y, beta, noise, n_samples):
    """Bits kept, bits told and error (3, M) on rows x (N, d) with classes y (N,)."""
    total = 0
    for _ in range(n_samples if (beta > 0).any() else 1):
        z, divergence = _encode(weights, x, beta, noise)
        total = total + torch.softmax(z @ weights[4] + weights[5], dim=-1)
    p = (total / total.sum(dim=-1, keepdim=True)).numpy()  # (M, N, C)
    share = np.bincount(y)[np.unique(y)] / len(y)
    told = (
        np.log2(np.maximum(p[:, np.arange(len(y)), y], 1e-30)).mean(axis=1) - (share * np.log2(share)).sum()
    )
    return divergence.mean(dim=1).numpy() / np.log(2), told, (p.argmax(axis=-1) != y).mean(axis=1)
