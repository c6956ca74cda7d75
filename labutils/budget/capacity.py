"""How many bits a model holds: perceptrons exactly, what is published for GPTs, and what follows for test error and membership."""

import lzma
import math

import numpy as np
from scipy import special, stats

from labutils.networks.max_margin import max_margin

# Table 1 of Morris et al. (2505.24832), V = 2048, S = 64, single precision: layers: (width, parameters, bits held)
PUBLISHED = {
    1: ((32, 8.04e4, 3.39e5), (64, 1.85e5, 7.27e5), (128, 4.69e5, 1.71e6), (256, 1.33e6, 4.15e6)),
    2: ((32, 9.31e4, 3.87e5), (64, 2.35e5, 9.60e5), (128, 6.67e5, 2.66e6), (256, 2.12e6, 8.49e6)),
    4: ((32, 1.18e5, 4.65e5), (64, 3.35e5, 1.34e6), (128, 1.06e6, 4.02e6), (256, 3.70e6, 1.36e7)),
    8: ((32, 1.69e5, 5.12e5), (64, 5.35e5, 2.05e6), (128, 1.86e6, 7.23e6), (256, 6.86e6, 2.71e7)),
}
# Of these (layers, width) the rows as such; of the others only that all sixteen have the exact sums that are known
LOOKED_UP = {(1, 32), (1, 128), (2, 128), (4, 256), (8, 256)}
# Their membership table: parameters, examples of 64 tokens, F1 predicted and observed
MEMBERSHIP = (
    (1556e6, 170_654_583, 0.55, 0.5461),
    (1556e6, 76_795_021, 0.75, 0.7108),
    (1556e6, 18_851_574, 0.95, 0.9585),
    (124e6, 13_566_442, 0.55, 0.5344),
    (124e6, 6_104_935, 0.75, 0.6569),
    (124e6, 1_498_634, 0.95, 0.9798),
)
# Their law of membership, see `membership_law`
LAW = {"height": 1.34, "slope": 0.034, "middle": 33.14}


def covers_theorem(n_examples: int | np.ndarray, n_weights: int | np.ndarray) -> np.ndarray:
    """The share of labellings of `n_examples` points in general position that a perceptron of `n_weights` weights fits.

    Takes numbers or arrays, gives an array. Cover (1965): the chance of fewer than `n_weights` heads in
    n_examples - 1 tosses of a fair coin.
    """
    return stats.binom.cdf(np.asarray(n_weights) - 1, np.asarray(n_examples) - 1, 0.5)


def perceptron_capacity(n_weights: int, *, n_seeds: int, seed: int = 0) -> np.ndarray:
    """How many random examples can be added, one at a time, before a perceptron no longer fits all: (n_seeds,).

    Examples are standard normal with fair labels. The mean is exactly 2 n_weights: by Cover's theorem the capacity is
    distributed as the number of tosses of a fair coin before the `n_weights`-th head falls, plus one.
    """
    found = np.empty(n_seeds, int)
    for i, rng in enumerate(np.random.default_rng(seed).spawn(n_seeds)):
        x, y = rng.standard_normal((n_weights, n_weights)), rng.choice([-1, 1], n_weights)
        fits, fails = n_weights, None  # any `n_weights` points in general position can be separated
        while fails is None or fails - fits > 1:
            p = 2 * fits if fails is None else (fits + fails) // 2
            if p > len(x):
                x = np.vstack([x, rng.standard_normal((p - len(x), n_weights))])
                y = np.append(y, rng.choice([-1, 1], p - len(y)))
            fits, fails = (p, fails) if max_margin(x[:p], y[:p]) is not None else (fits, p)
        found[i] = fits
    return found


def membership_law(x: float | np.ndarray) -> np.ndarray:
    """F1 of telling training examples from fresh ones by their loss, as Morris et al. fitted it to a variable x.

    They print x as capacity over number of examples; their own predictions come out for x = bits of data for each
    parameter. Takes numbers or arrays.
    """
    return 0.5 * (1 + LAW["height"] * special.expit(-LAW["slope"] * (np.asarray(x, float) - LAW["middle"])))


def membership_f1(train: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """F1 of calling the cheaper half members, (M,), for code lengths (M, N) of members and (M, K) of others.

    As many of each are taken, so half is the truth, precision equals recall, and guessing gives 0.5.
    """
    n = min(train.shape[1], fresh.shape[1])
    pooled = np.concatenate([train[:, :n], fresh[:, :n]], axis=1)
    return (np.argsort(pooled, axis=1, kind="stable")[:, :n] < n).mean(axis=1)


def peak(x: np.ndarray, y: np.ndarray) -> float:
    """Where y (T,) is largest over x (T,): the top of the parabola through its three highest neighbours, in log x."""
    top, u = int(np.argmax(y)), np.log(x)
    if not 0 < top < len(y) - 1:
        return x[top]
    a, b, _ = np.polyfit(u[top - 1 : top + 2] - u[top], y[top - 1 : top + 2], 2)
    return x[top] * np.exp(-b / (2 * a))


def ridgeless_risk(n: np.ndarray, dimension: int, *, noise: float = 1.0, signal: float = 1.0) -> np.ndarray:
    """Expected excess test error of minimum-norm least squares on n examples of independent normal features.

    `noise` is the variance of the labels' noise, `signal` the squared norm of the true weights; infinite from
    n = dimension - 1 to dimension + 1. Belkin, Hsu and Xu (1903.07571), theorem 1. Takes n (T,), gives (T,).
    """
    n, d = np.asarray(n, float), dimension
    with np.errstate(divide="ignore"):
        below = signal * (1 - n / d) + noise * n / np.maximum(d - n - 1, 0)
        above = noise * d / np.maximum(n - d - 1, 0)
    return np.where(n <= d, below, above)


def ridgeless_sample(
    n: int, dimension: int, *, noise: float = 1.0, signal: float = 1.0, n_seeds: int = 100, seed: int = 0
) -> np.ndarray:
    """The same error measured: (n_seeds,) fits, each to n fresh examples with weights in a random direction."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_seeds, n, dimension))
    w = rng.standard_normal((n_seeds, dimension, 1))
    w *= math.sqrt(signal) / np.linalg.norm(w, axis=1, keepdims=True)
    y = x @ w + math.sqrt(noise) * rng.standard_normal((n_seeds, n, 1))
    return np.square(np.linalg.pinv(x) @ y - w).sum(axis=(1, 2))


def compressed_bits(content: bytes | str) -> int:
    """Bits that a standard compressor (LZMA) makes of bytes or a str: an upper bound on what they hold."""
    content = content.encode() if isinstance(content, str) else content
    return 8 * len(lzma.compress(content, preset=9))
