"""The information plane of a small network: what each layer holds of the input and of the label, as training goes on.

The setting of Shwartz-Ziv & Tishby (2017, arXiv 1703.00810): twelve binary inputs, all 4,096 patterns, layers of 10, 7, 5,
4 and 3 units. A network without noise keeps nearly every input apart, so what is measured depends on the estimator: on the
bins (`binned_information`) or on the noise (`kernel_information`) that one imagines. All information is in bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from labutils.checks import check_at_least, check_choice, check_finite, check_positive
from labutils.networks import models, training
from labutils.selection.information import contingency, mutual_information

SIZES = (12, 10, 7, 5, 4, 3, 2)
# of pairs of points by their distance on the sphere, from itself to the opposite
WEIGHTS = (1.0, -0.6, 0.35, -1.9)


@dataclass(frozen=True, eq=False)
class Plane:
    """M networks at T `epochs`: `accuracy` on training and test patterns (M, T, 2); {estimator: bits about X and Y (M, T, L, 2)}."""

    epochs: np.ndarray
    accuracy: np.ndarray
    bits: dict[str, np.ndarray]

    def fall(self, estimator: str) -> np.ndarray:
        """By how many bits I(X;T) ends below the most it had been, the mean of the hidden layers (M,)."""
        about_x = self.bits[estimator][:, :, :-1, 0]
        return (about_x.max(axis=1) - about_x[:, -1]).mean(axis=1)


def patterns() -> tuple[np.ndarray, np.ndarray]:
    """All 4,096 ways to light the twelve corners of an icosahedron, x (4096, 12) in {0, 1}, and a label y that no rotation changes.

    The corners lie evenly on a sphere, as in the original; y is 1 where a weighted count of lit pairs, by their distance,
    exceeds a threshold, so that it depends on nothing else: an O(3)-invariant rule of this book's own.
    """
    golden = (1 + np.sqrt(5)) / 2
    corners = np.array([np.roll((0, a, b * golden), k) for k in range(3) for a in (-1, 1) for b in (-1, 1)])
    near = np.round(corners @ corners.T / (1 + golden**2) * np.sqrt(5)).astype(int)  # 2 (itself), 1, -1, -2
    pairs = np.select([near == 2, near == 1, near == -1], WEIGHTS[:3], WEIGHTS[3])
    x = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    count = np.einsum("ni,ij,nj->n", x, pairs, x)
    return x.astype(np.float32), (count > np.quantile(count, 0.483)).astype(np.int64)


def binned(t: np.ndarray, n_bins: int, low: float, high: float) -> np.ndarray:
    """One whole number (N,) for each row of t (N, d): equal where all d values fall into the same of `n_bins` even bins.

    The bins lie between `low` and `high`; what lies beyond counts with the outermost. Raises ValueError for NaN, fewer than
    one bin, or low not below high.
    """
    check_finite(t=t)
    check_at_least(1, n_bins=n_bins)
    if not high > low:
        raise ValueError(f"low is {low}, high is {high}; allowed: low below high")
    cells = np.clip((np.asarray(t, float) - low) / (high - low) * n_bins, 0, n_bins - 1).astype(np.int64)
    code = np.zeros(len(cells), np.int64)
    for column in cells.T:
        code = np.unique(code * n_bins + column, return_inverse=True)[1]
    return code


def binned_information(t: np.ndarray, y: np.ndarray, *, n_bins: int, low: float, high: float) -> np.ndarray:
    """Bits (2,) that the binned rows t (N, d) hold of which row it is, I(X;T) = H(T), and of the labels y (N,). Raises as `binned`."""
    code = binned(t, n_bins, low, high)
    share = np.bincount(code) / len(code)
    return np.array([-(share * np.log2(share)).sum(), mutual_information(contingency(code, y))])


def kernel_information(t: np.ndarray, y: np.ndarray, *, noise: float = 0.1, block: int = 512) -> np.ndarray:
    """Upper bounds (2,) of the bits that rows t (N, d) with normal noise of variance `noise` added hold of the row, and of y (N,).

    Kolchinsky & Tracey (2017): the entropy of a mixture of equal normals is at most -mean_i log mean_j exp(-d_ij^2 / 2 v),
    the noise's own entropy apart; the label's is the difference between that of all rows and those of each class, which
    is an estimate and no bound. Time N^2, memory N `block`. Raises ValueError for NaN, or a noise not above zero.
    """
    check_positive(noise=noise)
    t, y = np.asarray(t, float), np.asarray(y)
    check_finite(t=t)

    def bits(rows):
        square, found = (rows**2).sum(axis=1), []
        for first in range(0, len(rows), block):
            part = slice(first, first + block)
            apart = square[part, None] + square - 2 * rows[part] @ rows.T
            found.append(np.log2(np.exp(-np.maximum(apart, 0) / (2 * noise)).mean(axis=1)))
        return -np.concatenate(found).mean()

    whole, (labels, counts) = bits(t), np.unique(y, return_counts=True)
    return np.array([whole, whole - sum(n / len(y) * bits(t[y == c]) for c, n in zip(labels, counts))])


def trace(
    activation: str,
    epochs: Sequence[int],
    *,
    seeds: Sequence[int],
    sizes: Sequence[int] = SIZES,
    learning_rate: float = 0.1,
    batch_size: int | None = 256,
    test_share: float = 0.2,
    n_bins: Sequence[int] = (30,),
    noise: float | None = None,
    n_kernel: int = 4,
    rows_kernel: int = 500,
) -> Plane:
    """Train one network from each of the `seeds` on 80% of the `patterns` and measure every layer after each of the `epochs`.

    Gradient descent on batches (None: on all patterns at once), weights drawn with variance one over their number. All
    patterns are measured. Estimators: "30 bins" for each of `n_bins`, evenly over [-1, 1] for tanh, else
    between the extremes of the layer in all of a network's training; for tanh also "30 bins of net input", which are even
    before the activation, between its extremes; with `noise`, "kernel" for the first `n_kernel` networks on
    `rows_kernel` patterns, of which the others are NaN. The last layer is softmax. Raises ValueError as
    `training.fit_many`, or for epochs that do not rise.
    """
    check_choice("activation", activation, models.ACTIVATIONS)
    epochs = np.asarray(epochs, int)
    if epochs.ndim != 1 or len(epochs) < 2 or epochs[0] < 0 or (np.diff(epochs) <= 0).any():
        raise ValueError(f"epochs are {epochs}; allowed: at least two whole numbers that rise from 0 or more")
    x, y = patterns()
    net, seeds = models.mlp(sizes, activation=activation), np.asarray(seeds)
    orders = [np.random.default_rng(seed).permutation(len(x)) for seed in seeds]
    cut = round((1 - test_share) * len(x))
    own, steps = [order[:cut] for order in orders], max(1, cut // (batch_size or cut))
    weights, kept, accuracy, done = _drawn(net, seeds), [], [], 0
    for place, epoch in enumerate(epochs):
        if epoch > done:
            options = {"included": own, "batch_size": batch_size or cut, "learning_rate": learning_rate}
            seeds_now = 1000 * seeds + place  # of batches alone
            fits = training.fit_many(
                net, x, y, steps=int(epoch - done) * steps, start=weights, seeds=seeds_now,
                optimizer="sgd", record=["parameters"], **options,
            )  # fmt: skip
            weights, done = fits.parameters, epoch
        kept.append(weights)
        right = training.predict(net, x, parameters=weights).argmax(axis=-1) == y  # (M, N)
        accuracy.append([[r[order[:cut]].mean(), r[order[cut:]].mean()] for r, order in zip(right, orders)])
    bits = _measure(net, x, y, kept, activation, n_bins, noise, n_kernel, rows_kernel, seeds[0])
    return Plane(epochs, np.array(accuracy).swapaxes(0, 1), bits)


def _drawn(net, seeds):
    """Normal weights of variance one over the number of inputs, and biases of zero, for each seed."""
    found = {}
    for place, (name, p) in enumerate(net.named_parameters()):
        draws = [np.random.default_rng([seed, place]).normal(size=p.shape) for seed in seeds]
        found[name] = np.array(draws, np.float32) / np.sqrt(p.shape[-1]) * (p.ndim > 1)
    return found


def _measure(net, x, y, kept, activation, n_bins, noise, n_kernel, rows_kernel, seed):
    """Bits (M, T, L, 2) by every estimator; one layer of all networks is held at a time."""
    layers = [i for i, layer in enumerate(net) if isinstance(layer, torch.nn.Linear)]
    bits, few = {}, np.random.default_rng(seed).permutation(len(x))[:rows_kernel]
    for place, layer in enumerate(layers):
        own = [
            {name: v for name, v in weights.items() if int(name.partition(".")[0]) <= layer}
            for weights in kept
        ]
        before = [
            training.predict(net[: layer + 1], x, parameters=weights, output="logits") for weights in own
        ]
        before = np.swapaxes(before, 0, 1)  # (M, T, N, d)
        last = layer == layers[-1]
        after = torch.from_numpy(before).softmax(-1) if last else net[layer + 1](torch.from_numpy(before))
        after, even = after.numpy(), (0, 1) if last else {"tanh": (-1, 1), "sigmoid": (0, 1)}.get(activation)
        for m, t in np.ndindex(*before.shape[:2]):
            found = {f"{n} bins": _between(after[m], t, y, n, even) for n in n_bins}
            if activation == "tanh":
                found |= {f"{n} bins of net input": _between(before[m], t, y, n, None) for n in n_bins}
            if noise is not None and m < n_kernel:
                found["kernel"] = kernel_information(after[m, t, few], y[few], noise=noise)
            for name, value in found.items():
                empty = np.full((*before.shape[:2], len(layers), 2), np.nan)
                bits.setdefault(name, empty)[m, t, place] = value
    return bits


def _between(values, t, y, n_bins, ends):
    """`binned_information` of values[t], by bins between the ends or, without, the extremes of all values (T, N, d)."""
    low, high = ends or (values.min(), values.max() + 1e-9)
    return binned_information(values[t], y, n_bins=n_bins, low=float(low), high=float(high))
