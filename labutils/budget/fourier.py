"""How a network adds modulo p: its tables in Fourier space, the solution by hand, and Nanda et al.'s progress measures."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from labutils.budget.grokking import sums


def cosine_solution(p: int, frequencies: Sequence[int] = (1,)) -> np.ndarray:
    """Return weights (3, p, 9 F) that add modulo an odd prime p without error (after Gromov, 2301.02679).

    For each of the F whole frequencies k nine units have A = cos(ka + s), B = cos(kb + t), W = cos(kc + s + t), with
    k in units of 2 pi / p and the phases s, t all pairs of thirds of a turn. Squared and summed over the phases all
    but cos k(a + b - c) cancels, and that is largest for c = a + b.
    """
    if p < 3 or any(p % d == 0 for d in range(2, math.isqrt(p) + 1)) or any(k % p == 0 for k in frequencies):
        raise ValueError(f"p is {p}, frequencies {frequencies}; allowed: an odd prime, no multiples of it")
    third = 2 * np.pi / 3 * np.arange(3)
    k, s, t = (v.ravel() for v in np.meshgrid(2 * np.pi / p * np.asarray(frequencies), third, third))
    x = np.arange(p)[:, None] * k
    return np.stack([np.cos(x + s), np.cos(x + t), np.cos(x + s + t)])


def fourier_power(tables: np.ndarray, *, units: bool = False) -> np.ndarray:
    """Return the share (..., (p-1)/2) of each frequency from 1 on in the power of K tables of numbers (..., K, p, h).

    The first two tables of `grokking.Runs.weights`, the one embedding of a transformer. With `units` for each column
    alone: (..., (p-1)/2, h).
    """
    tables = np.asarray(tables, float)
    power = (abs(np.fft.rfft(tables, axis=-2)[..., 1:, :]) ** 2).sum(axis=-3)
    return power / power.sum(-2, keepdims=True) if units else power.sum(-1) / power.sum((-2, -1))[..., None]


def gini(shares: np.ndarray) -> np.ndarray:
    """Return the Gini coefficient (...,) of shares (..., K): 0 if all are equal, 1 - 1/K if one has all."""
    x = np.sort(np.asarray(shares, float), -1)
    k = x.shape[-1]
    return (x * (2 * np.arange(1, k + 1) - k - 1)).sum(-1) / (k * x.sum(-1))


def key_frequencies(shares: np.ndarray, share: float = 0.9) -> np.ndarray:
    """Return the fewest frequencies that hold `share` of the power, strongest first, from shares (K,)."""
    order = np.argsort(shares)[::-1]
    return order[: int(np.searchsorted(np.cumsum(shares[order]), share)) + 1] + 1


def progress(scores: np.ndarray, frequencies: Sequence[int], included: np.ndarray) -> tuple[float, float]:
    """Return the restricted and the excluded loss of Nanda et al. (2301.05217), in nats, of scores (p*p, p) of all sums.

    Of the scores, as functions of a and b, restricted keeps only their mean and the waves in k (a + b) of the
    key `frequencies` (loss over all sums), excluded removes these waves (loss over the training sums).
    """
    p = scores.shape[-1]
    answers, seen = torch.from_numpy(sums(p)[2]), torch.as_tensor(included)
    k = torch.as_tensor(np.asarray(frequencies).astype(int))
    keys, waves = torch.cat([k, p - k]), torch.fft.fft2(torch.as_tensor(scores).view(p, p, p), dim=(0, 1))
    kept, rest = torch.zeros_like(waves), waves.clone()
    kept[keys, keys], kept[0, 0] = waves[keys, keys], waves[0, 0]
    rest[keys, keys] = 0
    kept, rest = (torch.fft.ifft2(v, dim=(0, 1)).real.reshape(p * p, p) for v in (kept, rest))
    cross = functional.cross_entropy
    return cross(kept, answers).item(), cross(rest[seen], answers[seen]).item()
