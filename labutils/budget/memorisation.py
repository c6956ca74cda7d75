"""How many bits small GPTs memorise: train them on random tokens, which can only be learned by heart, and count."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from labutils.checks import check_choice
from labutils.networks import batched_gpt, checkpoints, models, optimizers

RULES = {
    "soap": optimizers.soap(),
    "muon": optimizers.muon(),  # for the matrices of the blocks; Adam for all else
    "adam": optimizers.adamw(betas=(0.9, 0.99), eps=1e-10),
}
# The best rates of those tried, see tests/bench/bench_capacity.py
RATES = {"soap": 0.1, "muon": 0.2, "adam": 0.1}
# Updates over which the rate rises, and the share of all over which it falls to zero in the end
SCHEDULE = {"rise": 50, "fall": 0.6}


@dataclass(frozen=True)
class Shape:
    """A GPT's vocabulary V, scored tokens a sequence S, layers L and width d."""

    vocabulary: int
    length: int
    layers: int
    width: int

    @property
    def n_parameters(self) -> int:
        """As the published table counts them: V d + S d + L (12 d^2 + 13 d) + 2 d."""
        d = self.width
        return self.vocabulary * d + self.length * d + self.layers * (12 * d**2 + 13 * d) + 2 * d

    def sequences(self, load: float) -> int:
        """How many random sequences hold `load` bits for each parameter, at least one."""
        return max(1, round(load * self.n_parameters / (self.length * math.log2(self.vocabulary))))


@dataclass(frozen=True)
class Memorised:
    """What M models of one shape kept of their N sequences.

    `bits` (M, T) are those memorised in all after each of `steps` (T,) updates, `data_bits` what one data set
    holds and `most` (M,) what any model can save on each, all against a uniform guess; `train` (M, N) and `fresh`
    (M, K) the final code lengths in bits of the training sequences and of others, `watched` (M, T, K) those of the
    others after each of `steps`.
    """

    shape: Shape
    steps: np.ndarray
    bits: np.ndarray
    data_bits: float
    most: np.ndarray
    train: np.ndarray
    fresh: np.ndarray | None
    watched: np.ndarray | None

    @property
    def per_parameter(self) -> np.ndarray:
        """Bits memorised per parameter in the end, (M,)."""
        return self.bits[:, -1] / self.shape.n_parameters


def random_tokens(shape: Shape, n: int, *, n_seeds: int = 1, seed: int = 0) -> np.ndarray:
    """Draw data sets of n sequences of uniform tokens: codes (n_seeds, n, S + 1).

    The first token of a sequence is given, the other S are scored, so a data set holds n S log2(V) bits.
    """
    return np.random.default_rng(seed).integers(shape.vocabulary, size=(n_seeds, n, shape.length + 1))


def most_bits(tokens: np.ndarray, shape: Shape) -> np.ndarray:
    """The bits that any model can save on codes (M, N, S + 1) at most, against a uniform guess: (M,).

    Sequences that begin alike cannot be told apart before they part, so the best a model can do is to know how often
    each beginning goes on in each way. Summed over all beginnings that costs n log2(n) for each first token that n
    sequences share, less m log2(m) for each whole sequence that is there m times; the sums between cancel.
    """
    found = []
    for own in np.asarray(tokens):
        first = np.unique(own[:, 0], return_counts=True)[1]
        whole = np.unique(own, axis=0, return_counts=True)[1]
        cost = (first * np.log2(first)).sum() - (whole * np.log2(whole)).sum()
        found.append(own[:, 1:].size * math.log2(shape.vocabulary) - cost)
    return np.array(found)


def memorise(
    tokens: np.ndarray,
    shape: Shape,
    *,
    steps: int = 500,
    heads: int | None = None,
    optimizer: str = "soap",
    learning_rate: float | None = None,
    layer_norm: bool = True,
    average: float = 0.0,
    fresh: np.ndarray | None = None,
    watch: bool = False,
    seed: int = 0,
    checkpoint: Path | None = None,
    every: float = 180.0,
) -> Memorised:
    """Train M GPTs of one shape, each on all of its own N sequences at every step, and return a `Memorised`.

    `tokens` are codes (M, N, S + 1), `fresh` (K, S + 1) others to measure at the end, with `watch` also on the way.
    Model m starts from the parameters of seed + m. `heads` defaults to one for every unit of width: more memorise more,
    and cost no parameters. `optimizer` is soap, muon or adam, `learning_rate` by default the best found for each;
    without `layer_norm` the stream is only scaled and shifted, by as many parameters; with `average` the final weights
    are the mean over that share of the updates, the last ones.
    With a folder `checkpoint` the run is saved there each `every` seconds and at its end, and one of the same arguments
    goes on from where it was: an interrupted run ends as one that was not.
    Raises ValueError for codes or numbers that are not allowed, with what was found.
    """
    check_choice("optimizer", optimizer, RULES)
    tokens = _checked("tokens", tokens, 3, shape)
    fresh = None if fresh is None else _checked("fresh", fresh, 2, shape).expand(len(tokens), -1, -1)
    if steps < 1 or steps != int(steps):
        raise ValueError(f"steps is {steps}; allowed: whole numbers from 1")
    if not 0 <= average <= 1:
        raise ValueError(f"average is {average}; allowed: from 0 to 1")
    if watch and fresh is None:
        raise ValueError("watch is True and fresh is None; allowed: with fresh codes to watch")
    heads = heads or shape.width
    with torch.random.fork_rng(devices=[]):  # building a network draws from the global generator
        net = models.gpt(shape.vocabulary, shape.length, shape.layers, shape.width, heads=heads)
    p = models.initial_parameters(net, range(seed, seed + len(tokens)))
    rules = {name: RULES[optimizer] for name in p}
    if optimizer == "muon":
        rules |= {name: RULES["adam"] for name, w in p.items() if "blocks" not in name or w.ndim < 3}
    rate, how = learning_rate or RATES[optimizer], {"heads": heads, "layer_norm": layer_norm}
    settings = (shape, steps, heads, optimizer, rate, seed, SCHEDULE, tokens.cpu().numpy())
    settings += (layer_norm, average, watch) if not layer_norm or average or watch else ()
    file = checkpoint and checkpoints.path_for(checkpoint, *settings)
    run = {"p": p, "states": {name: {} for name in p}, "means": {}, "done": 0, "losses": [], "watched": []}
    run |= (file and checkpoints.load(file)) or {}
    p, saved = run["p"], time.monotonic()
    at = np.union1d(np.rint(2 ** np.arange(0, math.log2(steps), 1 / 3)), steps).astype(int)
    for step in range(run["done"], steps):
        loss, gradient = batched_gpt.gradient(p, tokens, **how)
        if step in at:
            run["losses"].append(loss.tolist())
            run["watched"] += [torch.as_tensor(batched_gpt.code_bits(p, fresh, **how))] if watch else []
        factor = min(1, (step + 1) / SCHEDULE["rise"], (1 - step / steps) / SCHEDULE["fall"])
        for name, w in p.items():
            rules[name](w, gradient[name], run["states"][name], step + 1, rate, factor=factor)
            if (n := step + 1 - round((1 - average) * steps)) > 0:  # updates in the mean, with this one
                run["means"][name] = w.clone() if n == 1 else run["means"][name].lerp_(w, 1 / n)
        run["done"] = step + 1
        if file and (run["done"] == steps or time.monotonic() - saved >= every):
            checkpoints.save(file, run)
            saved = time.monotonic()
    p = run["means"] or p
    train, scored = batched_gpt.code_bits(p, tokens, **how), tokens[0, :, 1:].numel()
    data_bits = scored * math.log2(shape.vocabulary)
    bits = data_bits - np.stack([*(np.array(run["losses"]) * scored / math.log(2)), train.sum(1)], 1)
    fresh = None if fresh is None else batched_gpt.code_bits(p, fresh, **how)
    watched = np.stack([*(each.numpy() for each in run["watched"]), fresh], 1) if watch else None
    return Memorised(shape, at, bits, data_bits, most_bits(tokens.cpu(), shape), train, fresh, watched)


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
