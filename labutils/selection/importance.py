"""Which rows of a mixed pool are like a few target examples: by their gradients, or by the words that they are made of."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.feature_extraction.text import HashingVectorizer
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from labutils.checks import check_at_least, check_finite

BLOCK = 2**23  # numbers of gradients that are held at once: 32 MB


def gradients(
    model: nn.Module,
    parameters: dict[str, np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    projected: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Gradient of each row's own cross-entropy by all P parameters {name: shape} of the model, (N, P), or (N, projected).

    The projection multiplies by random signs over sqrt(projected), the same for one `seed`: inner products keep their
    mean, and lengths are off by more than a share e with probability at most 2 exp(-(e^2/4 - e^3/6) projected)
    (Achlioptas 2003, after Johnson & Lindenstrauss). LESS, Xia et al. 2024 (2402.04333), section 3.2, with gradients of
    SGD. Raises ValueError for NaN, or fewer than one number to project to.
    """
    check_finite(x=x)
    values = {name: torch.as_tensor(np.asarray(v)) for name, v in parameters.items()}
    size = sum(v.numel() for v in values.values())
    x, y = torch.as_tensor(np.asarray(x)), torch.as_tensor(np.asarray(y), dtype=torch.int64)
    signs = None
    if projected is not None:
        check_at_least(1, projected=projected)
        bits = np.random.default_rng(seed).integers(0, 2, size=(size, projected), dtype=np.int8)
        signs = torch.from_numpy((2 * bits - 1).astype(np.float32)) / projected**0.5

    def loss(p, row, label):
        return functional.cross_entropy(functional_call(model, p, (row[None],)), label[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    parts = []
    for first in range(0, len(y), step := max(1, BLOCK // size)):
        own = each(values, x[first : first + step], y[first : first + step])
        flat = torch.cat([g.flatten(1) for g in own.values()], dim=1)  # (n, P)
        parts.append((flat if signs is None else flat @ signs).detach())
    return torch.cat(parts).numpy()


def similarity(rows: np.ndarray, target: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Cosine (N,) of each of the rows (N, m) and the mean of the target (T, m), the largest over `groups` (T,) of the target.

    Of gradients it is the influence of LESS, equation 3 and section 4.2, for one checkpoint: add over checkpoints, each by
    its learning rate. A row or a mean without length has cosine 0. Raises ValueError for NaN.
    """
    check_finite(rows=rows, target=target)
    groups = np.zeros(len(target), int) if groups is None else np.asarray(groups)
    means = np.array([target[groups == g].mean(axis=0) for g in np.unique(groups)])
    lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(means, axis=1)
    return (rows @ means.T / np.where(lengths > 0, lengths, np.inf)).max(axis=1)


def ngrams(texts: Sequence[str], *, buckets: int = 10_000) -> np.ndarray:
    """Counts (N, buckets), sparse, of words and pairs of words, each hashed to a bucket, as DSIR does (section 4)."""
    check_at_least(2, buckets=buckets)
    count = HashingVectorizer(
        n_features=buckets, ngram_range=(1, 2), alternate_sign=False, norm=None, token_pattern=r"\w+|[^\w\s]"
    )
    return count.transform(texts)


def bins(x: np.ndarray, pool: np.ndarray, *, n_bins: int = 4) -> np.ndarray:
    """Rows x (N, d) as counts (N, d n_bins) of 0 and 1: in which quantile of the `pool` (M, d) each feature lies.

    The counterpart of n-grams for what has no words. Values that tie share the upper bin.
    """
    check_at_least(2, n_bins=n_bins)
    edges = np.quantile(pool, np.arange(1, n_bins) / n_bins, axis=0)  # (n_bins - 1, d)
    place = (x[:, None, :] >= edges).sum(axis=1)  # (N, d)
    return np.eye(n_bins)[place].reshape(len(x), -1)


def log_importance(counts: np.ndarray, target: np.ndarray, *, smoothing: float = 1.0) -> np.ndarray:
    """Log density ratio (N,) of each row of counts (N, V), target over pool, by bags of independent features.

    Both distributions are the shares of the V features in the `target` (T, V) and in the rows themselves, with
    `smoothing` added to every count, spread by the pool's shares for the target: what it never names is as rare as there.
    DSIR, Xie et al. 2023 (2302.03169), equation 1. Dense or sparse. Raises ValueError for smoothing not above zero.
    """
    if not smoothing > 0:
        raise ValueError(f"smoothing is {smoothing!r}; allowed: above zero")
    total = np.asarray(counts.sum(axis=0), float).ravel() + 1e-9
    pool = total / total.sum()
    own = np.asarray(target.sum(axis=0), float).ravel() + smoothing * len(pool) * pool
    return np.asarray(counts @ (np.log(own / own.sum()) - np.log(pool))).ravel()


def resample(log_weights: np.ndarray, k: int, *, seed: int = 0) -> np.ndarray:
    """Rows (k,) drawn without replacement in proportion to exp(log_weights) (N,): the largest after Gumbel noise.

    Kim et al. 2016; DSIR, section 3. Raises ValueError for NaN or more rows than there are.
    """
    check_finite(log_weights=log_weights)
    if not 1 <= k <= len(log_weights):
        raise ValueError(f"k is {k}; allowed: 1 to {len(log_weights)}")
    noise = np.random.default_rng(seed).gumbel(size=len(log_weights))
    return np.argsort(-(log_weights + noise), kind="stable")[:k]
