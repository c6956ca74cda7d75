"""How many bits a model can memorise: perceptrons exactly, GPTs by training them on random tokens."""

import lzma
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import optimize, special, stats
from torch.nn import functional

from labutils.checks import check_choice
from labutils.networks import batched_gpt, models
from labutils.networks.optimizers import OPTIMIZERS

# Table 1 of Morris et al. (2505.24832), V = 2048, S = 64, single precision: layers: (width, parameters, bits held)
PUBLISHED = {
    1: ((32, 8.04e4, 3.39e5), (64, 1.85e5, 7.27e5), (128, 4.69e5, 1.71e6), (256, 1.33e6, 4.15e6)),
    2: ((32, 9.31e4, 3.87e5), (64, 2.35e5, 9.60e5), (128, 6.67e5, 2.66e6), (256, 2.12e6, 8.49e6)),
    4: ((32, 1.18e5, 4.65e5), (64, 3.35e5, 1.34e6), (128, 1.06e6, 4.02e6), (256, 3.70e6, 1.36e7)),
    8: ((32, 1.69e5, 5.12e5), (64, 5.35e5, 2.05e6), (128, 1.86e6, 7.23e6), (256, 6.86e6, 2.71e7)),
}
# Their membership table: parameters, examples of 64 tokens, F1 predicted and observed
MEMBERSHIP = (
    (1556e6, 170_654_583, 0.55, 0.5461),
    (1556e6, 76_795_021, 0.75, 0.7108),
    (1556e6, 18_851_574, 0.95, 0.9585),
    (124e6, 13_566_442, 0.55, 0.5344),
    (124e6, 6_104_935, 0.75, 0.6569),
    (124e6, 1_498_634, 0.95, 0.9798),
)
# The best rates of those tried, see tests/bench/bench_capacity.py
RATES = {"soap": 0.1, "muon": 0.2, "adam": 0.1}


def cover_share(examples, weights):
    """The share of labellings of `examples` points in general position that a perceptron of `weights` weights fits.

    Takes numbers or arrays, gives an array. Cover (1965): the chance of fewer than `weights` heads in
    examples - 1 tosses of a fair coin.
    """
    return stats.binom.cdf(np.asarray(weights) - 1, np.asarray(examples) - 1, 0.5)


def separate(x, y):
    """Find weights w (N,) with y * (x @ w) >= 1 for x (P, N) and y (P,) of -1 and 1, or None where there are none.

    Exact both ways: by Gordan's theorem either w exists or some nonnegative mixture of the rows y x is zero, and
    the residual of the nonnegative least-squares problem that looks for the mixture is w.
    """
    rows = np.asarray(x, float) * np.asarray(y, float)[:, None]
    mixture, _ = optimize.nnls(np.vstack([rows.T, np.ones(len(rows))]), np.eye(rows.shape[1] + 1)[-1])
    w = rows.T @ mixture
    margin = (rows @ w).min()
    return w / margin if margin > 1e-9 * np.abs(rows).max() * np.linalg.norm(w) > 0 else None


def perceptron_capacity(weights, *, trials, seed=0):
    """How many random examples can be added, one at a time, before a perceptron no longer fits all: (trials,).

    Examples are standard normal with fair labels. The mean is exactly 2 weights: the capacity is distributed as
    the number of tosses of a fair coin before the `weights`-th head falls, plus one.
    """
    found = np.empty(trials, int)
    for trial, rng in enumerate(np.random.default_rng(seed).spawn(trials)):
        x, y = rng.standard_normal((weights, weights)), rng.choice([-1, 1], weights)
        fits, fails = weights, None  # any `weights` points in general position can be separated
        while fails is None or fails - fits > 1:
            p = 2 * fits if fails is None else (fits + fails) // 2
            if p > len(x):
                x = np.vstack([x, rng.standard_normal((p - len(x), weights))])
                y = np.append(y, rng.choice([-1, 1], p - len(y)))
            fits, fails = (p, fails) if separate(x[:p], y[:p]) is not None else (fits, p)
        found[trial] = fits
    return found


@dataclass(frozen=True)
class Shape:
    """A GPT's vocabulary V, scored tokens a sequence S, layers L and width d."""

    vocabulary: int
    length: int
    layers: int
    width: int

    @property
    def parameters(self):
        """Their number as the published table counts: V d + S d + L (12 d^2 + 13 d) + 2 d."""
        d = self.width
        return self.vocabulary * d + self.length * d + self.layers * (12 * d**2 + 13 * d) + 2 * d

    def sequences(self, load):
        """How many random sequences hold `load` bits for each parameter, at least one."""
        return max(1, round(load * self.parameters / (self.length * math.log2(self.vocabulary))))


@dataclass(frozen=True)
class Memorised:
    """What M models of one shape kept of their N sequences.

    `bits` (M, T) are those memorised in all after each of `steps` (T,) updates, `data_bits` what one data set
    holds, both against a uniform guess; `train` (M, N) and `fresh` (M, K) the final code lengths in bits of the
    training sequences and of others.
    """

    shape: Shape
    steps: np.ndarray
    bits: np.ndarray
    data_bits: float
    train: np.ndarray
    fresh: np.ndarray | None

    @property
    def per_parameter(self):
        """Bits memorised per parameter in the end, (M,)."""
        return self.bits[:, -1] / self.shape.parameters


def random_tokens(shape, n, *, repeats=1, seed=0):
    """Draw data sets of n sequences of uniform tokens: codes (repeats, n, S + 1).

    The first token of a sequence is given, the other S are scored, so a data set holds n S log2(V) bits.
    """
    return np.random.default_rng(seed).integers(shape.vocabulary, size=(repeats, n, shape.length + 1))


def bits_memorised(model, tokens, vocabulary):
    """Bits that a language model saves on each sequence against a uniform guess: (N,) for codes (N, S + 1).

    Negative where it does worse. `model` maps codes (n, S) to logits (n, S, V); see `models.gpt`.
    """
    tokens = torch.as_tensor(np.asarray(tokens))
    with torch.no_grad():
        loss = functional.cross_entropy(model(tokens[:, :-1]).mT, tokens[:, 1:], reduction="none").sum(1)
    return tokens[0, 1:].numel() * math.log2(vocabulary) - loss.double().numpy() / math.log(2)


def memorise(
    tokens, shape, *, steps=500, heads=None, optimizer="soap", learning_rate=None, fresh=None, seed=0
):
    """Train M GPTs of one shape, each on all of its own N sequences at every step, and return a `Memorised`.

    `tokens` are codes (M, N, S + 1), `fresh` (K, S + 1) others to measure at the end. Model m starts from the
    parameters of seed + m. `heads` defaults to one for every unit of width: more memorise more, and cost no
    parameters. `optimizer` is soap, muon or adam, `learning_rate` by default the best found for each.
    Raises ValueError for codes or numbers that are not allowed, with what was found.
    """
    check_choice("optimizer", optimizer, OPTIMIZERS)
    tokens = _checked("tokens", tokens, 3, shape)
    fresh = None if fresh is None else _checked("fresh", fresh, 2, shape).expand(len(tokens), -1, -1)
    if steps < 1 or steps != int(steps):
        raise ValueError(f"steps is {steps}; allowed: whole numbers from 1")
    heads = heads or shape.width
    with torch.random.fork_rng(devices=[]):  # building a network draws from the global generator
        net = models.gpt(shape.vocabulary, shape.length, shape.layers, shape.width, heads=heads)
    p = batched_gpt.stack(net, range(seed, seed + len(tokens)))
    update = OPTIMIZERS[optimizer](p, learning_rate or RATES[optimizer])
    at = np.union1d(np.rint(np.geomspace(1, steps, 24)), steps).astype(int)
    scored = tokens[0, :, 1:].numel()
    losses = []
    for step in range(steps):
        loss, gradient = batched_gpt.gradient(p, tokens, heads=heads)
        if step in at:
            losses.append(loss)
        update(gradient, min(1, (step + 1) / 50, (1 - step / steps) / 0.6))
    train = batched_gpt.code_bits(p, tokens, heads=heads)
    data_bits = scored * math.log2(shape.vocabulary)
    bits = data_bits - np.stack([*(np.array(losses) * scored / math.log(2)), train.sum(1)], 1)
    return Memorised(
        shape,
        at,
        bits,
        data_bits,
        train,
        None if fresh is None else batched_gpt.code_bits(p, fresh, heads=heads),
    )


def _checked(name, codes, axes, shape):
    """Codes as a tensor on the device, or a ValueError that says what does not fit the shape."""
    codes = torch.as_tensor(np.asarray(codes)).to(models.device(), torch.int64)
    if codes.ndim != axes or codes.shape[-1] != shape.length + 1 or not codes.numel():
        expected = ("M, " if axes == 3 else "") + f"N, {shape.length + 1}"
        raise ValueError(f"{name} has shape {tuple(codes.shape)}; allowed: ({expected})")
    if codes.min() < 0 or codes.max() >= shape.vocabulary:
        raise ValueError(
            f"{name} holds codes {codes.min()} to {codes.max()}; allowed: 0 to {shape.vocabulary - 1}"
        )
    return codes


def membership_law(x):
    """F1 of telling training examples from fresh ones by their loss, as Morris et al. fitted it to a variable x.

    They print x as capacity over number of examples; their own predictions come out for x = bits of data for each
    parameter. Takes numbers or arrays.
    """
    return 0.5 * (1 + 1.34 * special.expit(-0.034 * (np.asarray(x, float) - 33.14)))


def membership_f1(train, fresh):
    """F1 of calling the cheaper half members, (M,), for code lengths (M, N) of members and (M, K) of others.

    As many of each are taken, so half is the truth, precision equals recall, and guessing gives 0.5.
    """
    n = min(train.shape[1], fresh.shape[1])
    pooled = np.concatenate([train[:, :n], fresh[:, :n]], axis=1)
    return (np.argsort(pooled, axis=1, kind="stable")[:, :n] < n).mean(axis=1)


def peak(x, y):
    """Where y (T,) is largest over x (T,): the top of the parabola through its three highest neighbours, in log x."""
    top, u = int(np.argmax(y)), np.log(x)
    if not 0 < top < len(y) - 1:
        return x[top]
    a, b, _ = np.polyfit(u[top - 1 : top + 2] - u[top], y[top - 1 : top + 2], 2)
    return x[top] * np.exp(-b / (2 * a))


def ridgeless_risk(n, dimension, *, noise=1.0, signal=1.0):
    """Expected excess test error of minimum-norm least squares on n examples of independent normal features.

    `noise` is the variance of the labels' noise, `signal` the squared norm of the true weights; infinite from
    n = dimension - 1 to dimension + 1. Belkin, Hsu and Xu (1903.07571), theorem 1. Takes n (T,), gives (T,).
    """
    n, d = np.asarray(n, float), dimension
    with np.errstate(divide="ignore"):
        below = signal * (1 - n / d) + noise * n / np.maximum(d - n - 1, 0)
        above = noise * d / np.maximum(n - d - 1, 0)
    return np.where(n <= d, below, above)


def ridgeless_sample(n, dimension, *, noise=1.0, signal=1.0, trials=100, seed=0):
    """The same error measured: (trials,) fits, each to n fresh examples with weights in a random direction."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((trials, n, dimension))
    w = rng.standard_normal((trials, dimension, 1))
    w *= math.sqrt(signal) / np.linalg.norm(w, axis=1, keepdims=True)
    y = x @ w + math.sqrt(noise) * rng.standard_normal((trials, n, 1))
    return np.square(np.linalg.pinv(x) @ y - w).sum(axis=(1, 2))


def compressed_bits(content):
    """Bits that a standard compressor (LZMA) makes of bytes or a str: an upper bound on what they hold."""
    content = content.encode() if isinstance(content, str) else content
    return 8 * len(lzma.compress(content, preset=9))
