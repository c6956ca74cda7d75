"""One number per training example from what models made of it, always larger = harder or more informative.

Probabilities and logits are arrays (..., N, C): leading axes, whether runs, seeds or times, are averaged over,
unless a function says otherwise. Scores from features alone are in `prototypes`, exact data values in
`knn_shapley`, gradient norms in `networks.gradient_norms`.
`score_table` lists all of them and computes them together. Every function raises ValueError for shapes that disagree,
for NaN and infinity, and for probabilities that are none.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import entr

from labutils.checks import check_finite
from labutils.networks.gradient_norms import gradient_norms
from labutils.networks.ridge import margins


@dataclass(frozen=True)
class Cartography:
    """A map of the training set: both (N,); `difficulty` = 1 - mean, `variability` = deviation, of p_label."""

    difficulty: np.ndarray
    variability: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """`values` and their standard `errors`, arrays of one shape."""

    values: np.ndarray
    errors: np.ndarray


def el2n(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Length of the error vector, |p - onehot(label)|: array (N,), from 0 to sqrt(2).

    Paul, Ganguli & Dziugaite 2021 (2107.07075), section 2.2: early in training, averaged over runs.
    """
    p, labels = check_probabilities(probabilities), check_labels(labels, np.shape(probabilities))

    def score(p):
        error = p.copy()
        error[np.arange(len(labels)), labels] -= 1
        return np.sqrt(np.einsum("nc,nc->n", error, error))

    return _averaged(score, p)


def grand(
    model: torch.nn.Module,
    x: np.ndarray,
    labels: np.ndarray,
    *,
    parameters: dict[str, np.ndarray] | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """Length of the loss gradient over the whole network, averaged over models: array (N,).

    GraNd, Paul, Ganguli & Dziugaite 2021 (2107.07075), definition 2.1. Arguments and errors as in
    `gradient_norms.gradient_norms`; `parameters` {name: (M, *shape)} as `training.fit_many` records them.
    """
    norms = gradient_norms(model, x, labels, parameters=parameters, batch_size=batch_size)
    return norms.reshape(-1, len(norms.T)).mean(axis=0)


def loss(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy -log p_label in nats: array (N,); a probability of 0 counts as the smallest positive one."""
    p, labels = check_probabilities(probabilities), check_labels(labels, np.shape(probabilities))
    return -np.log(np.maximum(_own(p, labels), np.finfo(p.dtype).tiny)).reshape(-1, len(labels)).mean(axis=0)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of the predicted distribution in nats: array (N,), 0 to log C. Shannon 1948; needs no labels."""
    return _averaged(lambda p: entr(p).sum(axis=-1), check_probabilities(probabilities))


def margin(probabilities: np.ndarray) -> np.ndarray:
    """One minus the gap between the two largest probabilities: array (N,), 0 (sure) to 1 (tied); no labels.

    Scheffer, Decomain & Wrobel 2001 (best versus second best), here with the sign that makes larger harder.
    """

    def score(p):
        top = np.partition(p, p.shape[-1] - 2, axis=-1)
        return 1 - (top[:, -1] - top[:, -2])

    return _averaged(score, check_probabilities(probabilities))


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """One minus the largest probability: array (N,), 0 to 1 - 1/C. Lewis & Gale 1994; needs no labels."""
    return _averaged(lambda p: 1 - p.max(axis=-1), check_probabilities(probabilities))


def forgetting(correct: np.ndarray) -> np.ndarray:
    """Number of times an example goes from right to wrong, histories (T, N) or (runs, T, N): array (N,).

    An example never right counts T, more than any other can reach; runs are averaged. Toneva et al. 2019
    (1812.05159), algorithm 1. Raises ValueError for anything but 0 and 1, or fewer than two times.
    """
    correct = _flags("correct", correct, (2, 3))
    correct = correct.reshape(-1, *correct.shape[-2:])
    times = correct.shape[1]
    if times < 2:
        raise ValueError(f"correct holds {times} time; allowed: (T, N) or (runs, T, N) with T at least 2")
    events = (correct[:, :-1] & ~correct[:, 1:]).sum(axis=1)
    return np.where(correct.any(axis=1), events, times).mean(axis=0)


def aum(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean over the history of (largest other logit - logit of the label): array (N,).

    Minus the area under the margin of Pleiss et al. 2020 (2001.10528), equation 1, so that larger = harder;
    mislabelled examples come out largest.
    """
    z = _scores("logits", logits)
    labels = check_labels(labels, z.shape)
    if z.shape[-1] < 2:
        raise ValueError(f"logits have one class (shape {z.shape}); allowed: at least two classes")
    return _averaged(lambda z: -margins(z, labels), z)


def cartography(probabilities: np.ndarray, labels: np.ndarray) -> Cartography:
    """Mean and spread over training of the label's probability, (T, N, C) or (runs, T, N, C): `Cartography`.

    Swayamdipta et al. 2020 (2009.10795), equations 1 and 2 (population deviation); their confidence is
    1 - difficulty, their "ambiguous" examples have the largest variability. Runs are averaged. Variability alone of all
    scores here is small at both ends: for what is learnt at once, and for what (a wrong label) never is.
    """
    p = check_probabilities(probabilities)
    if p.ndim not in (3, 4):
        raise ValueError(f"probabilities have shape {p.shape}; allowed: (T, N, C) or (runs, T, N, C)")
    own = _own(p, check_labels(labels, p.shape))
    own = own.reshape(-1, *own.shape[-2:])
    return Cartography(1 - own.mean(axis=(0, 1)), own.std(axis=1).mean(axis=0))


def dual(probabilities: np.ndarray, labels: np.ndarray, *, window: int = 10) -> np.ndarray:
    """Difficulty times uncertainty early in training, (T, N, C) or (runs, T, N, C): array (N,), runs averaged.

    The mean over all windows of `window` times in a row of (1 - mean) times (deviation) of the label's probability: DUAL,
    Cho et al. 2025 (2502.06905). A wrong label that is wrong at all times scores near zero. Raises ValueError for fewer
    times than a window, or one below 2.
    """
    p = check_probabilities(probabilities)
    if p.ndim not in (3, 4) or not 2 <= window <= p.shape[-3]:
        found = f"probabilities have shape {p.shape}, window is {window}"
        raise ValueError(f"{found}; allowed: (T, N, C) or (runs, T, N, C), a window from 2 to T")
    own = _own(p, check_labels(labels, p.shape))
    own = own.reshape(-1, *own.shape[-2:])  # (runs, T, N)
    part = np.lib.stride_tricks.sliding_window_view(own, window, axis=1)  # (runs, windows, N, window)
    return ((1 - part.mean(axis=-1)) * part.std(axis=-1, ddof=1)).mean(axis=(0, 1))


def disagreement(probabilities: np.ndarray) -> np.ndarray:
    """Mutual information in nats between prediction and member of an ensemble (..., M, N, C): array (N,).

    Entropy of the mean minus mean entropy, 0 where all members agree: BALD, Houlsby et al. 2011 (1112.5745),
    equation 2. Needs no labels; axes before M are averaged. Raises ValueError for fewer than two members.
    """
    p = check_probabilities(probabilities)
    if p.ndim < 3 or p.shape[-3] < 2:
        raise ValueError(f"probabilities have shape {p.shape}; allowed: (M, N, C) of M at least 2 members")
    gain = [
        entr(one.mean(axis=0)).sum(axis=-1) - _averaged(lambda q: entr(q).sum(axis=-1), one)
        for one in p.reshape(-1, *p.shape[-3:])
    ]
    return np.maximum(np.mean(gain, axis=0), 0)  # below zero is rounding


def memorisation(correct: np.ndarray, included: np.ndarray) -> Estimate:
    """How much likelier an example is to be right for having been trained on: `Estimate`, arrays (N,).

    P(correct | included) - P(correct | left out) over models on random subsets, Feldman & Zhang 2020
    (2008.03703), equations 1 and 3. `correct` (M, N): booleans, or the label's probabilities for a smoother
    estimate; `included` (M, N): whether model m was trained on example n. Errors are those of a difference
    of two means. Raises ValueError unless every example is in, and out of, two models at least.
    """
    included, correct = _flags("included", included, (2,)), _scores("correct", correct)
    if correct.shape != included.shape:
        found = f"correct has shape {correct.shape}, included {included.shape}"
        raise ValueError(f"{found}; allowed: both (M, N)")
    if correct.min() < 0 or correct.max() > 1:
        raise ValueError(f"correct holds {correct.min():g} to {correct.max():g}; allowed: 0 to 1")
    n_in = included.sum(axis=0, dtype=float)
    n_out = len(included) - n_in
    if bad := np.count_nonzero(np.minimum(n_in, n_out) < 2):
        found = f"included: {bad} examples are in, or out of, fewer than 2 models"
        raise ValueError(f"{found}; train more models")
    correct, included = (
        correct.astype(np.float32),
        included.astype(np.float32),
    )  # sums below 2^24 flags are exact
    sums_in = np.einsum("mn,mn->n", correct, included)
    inside, outside = sums_in / n_in, (correct.sum(axis=0, dtype=float) - sums_in) / n_out
    squares_in = np.einsum("mn,mn,mn->n", correct, correct, included)
    squares_out = np.einsum("mn,mn->n", correct, correct) - squares_in
    spread_in = np.maximum(squares_in / n_in - inside**2, 0) / (n_in - 1)
    spread_out = np.maximum(squares_out / n_out - outside**2, 0) / (n_out - 1)
    return Estimate(inside - outside, np.sqrt(spread_in + spread_out))


def _averaged(score, values):
    """Mean over all leading axes of score((N, C)) -> (N,), one slice at a time to bound the memory."""
    slices = values.reshape(-1, *values.shape[-2:])
    return sum(score(one) for one in slices) / len(slices)


def _own(values, labels):
    """The entries of the labels: (..., N)."""
    return values[..., np.arange(len(labels)), labels]


def _scores(name, values):
    """Values as finite floats of shape (..., N, C), or a ValueError."""
    values = np.asarray(values)
    if values.dtype.kind != "f":
        values = values.astype(float)
    if values.ndim < 2 or values.size == 0:
        raise ValueError(f"{name} has shape {values.shape}; allowed: (..., N, C) with at least one example")
    check_finite(**{name: values})
    return values


def check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Values (..., N, C) as finite floats; ValueError unless they are distributions over at least two classes."""
    p = _scores("probabilities", probabilities)
    if p.shape[-1] < 2:
        raise ValueError(f"probabilities have one class (shape {p.shape}); allowed: at least two classes")
    if p.min() < 0:
        raise ValueError(f"probabilities hold {p.min():g}; allowed: 0 to 1. Were logits passed?")
    total = p.sum(axis=-1, dtype=float)
    worst = total.ravel()[np.abs(total - 1).argmax()]
    if abs(worst - 1) > 1e-3:
        raise ValueError(f"probabilities of an example sum to {worst:g}; allowed: 1. Were logits passed?")
    return p


def check_labels(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Labels as integers (N,); ValueError unless they suit values of the shape (..., N, C)."""
    labels = np.asarray(labels)
    if labels.shape != tuple(shape[-2:-1]) or labels.dtype.kind not in "iu":
        found = f"shape {labels.shape} and type {labels.dtype}"
        raise ValueError(f"labels have {found}; allowed: ({shape[-2]},) integers, one for each example")
    if labels.min() < 0 or labels.max() >= shape[-1]:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}; allowed: 0 to {shape[-1] - 1}")
    return labels


def _is_flags(values):
    return values.dtype == bool or bool(((values == 0) | (values == 1)).all())


def _flags(name, values, dimensions):
    """Values as booleans with one of the allowed numbers of dimensions."""
    values = np.asarray(values)
    if values.ndim not in dimensions or values.size == 0:
        raise ValueError(
            f"{name} has shape {values.shape}; allowed: {' or '.join(map(str, dimensions))} axes"
        )
    if not _is_flags(values):
        raise ValueError(f"{name} holds other values than 0 and 1; allowed: whether each was so")
    return values.astype(bool)
