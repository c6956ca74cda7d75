"""Likely label errors, from what judges say of rows that they have not seen: a model of noise, or confident learning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from labutils.rows import blocks
from labutils.selection.scores import check_labels, check_probabilities

SAMPLE = 20_000  # rows that noise and the weights of judges are fitted on
FEW = 0.03  # share of wrong labels to start from, and
MANY = 0.3  # another: from few, wrong labels pass for classes that overlap
LEAST = 1e-4  # share of wrong labels where there is no noise
COST = 2.0  # nats by which noise, or a judge, has to make the labels likelier to be believed
ALIKE = 30  # rows of each class for which its errors are taken to go to all others alike
ROUNDS, STEPS = 3, 10
FAR = 6.0  # robust deviations from the prediction at which a number is called unlikely
TINY = 1e-6  # below a threshold that still counts as reaching it


@dataclass(frozen=True)
class LabelErrors:
    """Rows whose label is likely wrong: `flagged` (N,), the label each looks like, and the chance that its own is right.

    `joint` (C, C) estimates how many rows with the given label (row) really have another (column); empty for a
    regression, where `flagged` are targets far from what the other rows say and `suggested` what they say.
    """

    flagged: np.ndarray  # (N,) bool
    suggested: np.ndarray  # (N,) class, or number
    confidence: np.ndarray  # (N,) chance that the label is right; for a regression minus the robust deviation
    joint: np.ndarray  # (C, C)

    @property
    def expected(self) -> float:
        """The share of the flagged rows that is expected to be wrong indeed; NaN for none, and for a regression."""
        sure = self.joint.size and self.flagged.any()
        return float(1 - self.confidence[self.flagged].mean()) if sure else float("nan")


@dataclass(frozen=True, eq=False)
class Noise:
    """How labels come about: the true class by a softmax of the judges' scores times `weights` (J,), then `given` (C, C).

    Row c of `given` holds the chances of every label where c is true.
    """

    weights: np.ndarray
    given: np.ndarray


def fit_noise(judges: Sequence[np.ndarray], y: np.ndarray, *, seed: int = 0) -> Noise:
    """The weights of the judges and the noise of the labels y (N,) that make these labels likeliest: `Noise`.

    `judges` are J arrays (N, C) of scores, higher for likelier classes, from what has not seen the row's label. The
    chance of the given label is sum over c of p(c | row) given[c, label] (forward correction: Patrini et al. 2017,
    1609.03683). In turn the weights are fitted, one temperature a judge, and the noise, by EM (Dawid & Skene 1979): rows
    of `given` are shrunk, as if by 30 rows, to one share of errors that go to all other classes alike. Labels that judges
    miss are no noise yet: unless some makes the labels likelier than none does, by the two nats that its parameters cost
    (Akaike 1974), and judges say more of them than the shares of the classes, there is next to none. At most 20,000 rows
    are used. Raises ValueError for labels that do not suit the scores.
    """
    y = check_labels(y, np.shape(judges[0]))
    rows = np.sort(np.random.default_rng(seed).permutation(len(y))[:SAMPLE])
    z, y = np.stack([np.asarray(judge[rows], float) for judge in judges]), y[rows]  # (J, N, C)
    z -= z.mean(axis=2, keepdims=True)
    spread = np.maximum(z.std(axis=(1, 2)), 1e-12)
    z /= spread[:, None, None]
    n_classes = z.shape[2]
    given = _alike(LEAST, n_classes)
    clean = _weigh(z, y, np.zeros(len(z)), given)
    best, without = (clean, given), len(y) * _surprise(clean, z, y, given)[0]
    counts = np.bincount(y)
    guessing = -special.xlogy(counts, counts / len(y)).sum()  # by the shares of the classes alone
    told = guessing - without > COST * len(z)
    for share, logs in ((FEW, clean), (MANY, np.zeros(len(z)))) if told else ():
        given = _alike(share, n_classes)
        for _ in range(ROUNDS):
            logs = _weigh(z, y, logs, given)
            given = _noise(z, y, logs, given)
        if without - len(y) * _surprise(logs, z, y, given)[0] > COST:
            best = logs, given
    return Noise(np.exp(best[0]) / spread, best[1])


def _surprise(logs, z, y, given):
    """Mean minus log-chance of the labels y (N,) by judges z (J, N, C) of weights exp(logs) (J,), and its slope (J,)."""
    p = special.softmax(np.tensordot(np.exp(logs), z, 1), axis=1)
    likely = p * given[:, y].T
    total = np.maximum(likely.sum(axis=1, keepdims=True), 1e-300)
    return -np.log(total).mean(), np.exp(logs) * (z * (p - likely / total)).sum(axis=2).mean(axis=1)


def _weigh(z, y, logs, given):
    """The logarithms of the weights (J,) that make the labels likeliest, from `logs` on."""
    options = {"jac": True, "method": "L-BFGS-B", "bounds": [(-6, 4)] * len(z), "options": {"maxiter": 50}}
    return optimize.minimize(_surprise, logs, (z, y, given), **options).x


def _noise(z, y, logs, given):
    """The noise (C, C) that makes the labels likely, from `given` on, by some steps of EM."""
    p = special.softmax(np.tensordot(np.exp(logs), z, 1), axis=1)
    for _ in range(STEPS):
        counts = _counts(_posterior(p, given, y), y)  # (true, given)
        wrong = counts.sum() - np.trace(counts)
        share = _alike(np.clip((wrong + 1) / (len(y) + 20), LEAST, 0.5), len(given))
        given = (counts + ALIKE * share) / (counts.sum(axis=1, keepdims=True) + ALIKE)
    return given


def find(judges: Sequence[np.ndarray], y: np.ndarray, *, seed: int = 0) -> LabelErrors:
    """Label errors by what J judges, arrays (N, C) as of `fit_noise`, say of the rows with labels y (N,): `LabelErrors`.

    The chance that a label is right is p(label | row) given[label, label] over the sum over c of p(c | row) given[c, label];
    flagged are those more likely wrong than right that the judges call otherwise, so that half of them or more are
    expected to be wrong. Raises ValueError as `fit_noise`.
    """
    noise = fit_noise(judges, y, seed=seed)
    n, n_classes = np.shape(judges[0])
    y, best, right, joint = np.asarray(y), np.empty(n, int), np.empty(n), np.zeros((n_classes, n_classes))
    for b in blocks(n, n_classes):
        logits = sum(w * judge[b].astype(float) for w, judge in zip(noise.weights, judges))
        p = special.softmax(logits, axis=1)
        true = _posterior(p, noise.given, y[b])
        best[b], right[b] = p.argmax(axis=1), true[np.arange(len(p)), y[b]]
        joint += _counts(true, y[b]).T
    return LabelErrors((right < 0.5) & (best != y), best, right, joint)


def _alike(share, n_classes):
    """Noise (C, C) that takes a share of every label to all others alike."""
    return (1 - share) * np.eye(n_classes) + share / max(n_classes - 1, 1) * (1 - np.eye(n_classes))


def _posterior(p, given, y):
    """Chances (N, C) of the true class, by p (N, C) and the label."""
    likely = p * given[:, y].T
    return likely / np.maximum(likely.sum(axis=1, keepdims=True), 1e-300)


def _counts(true, y):
    """Rows of each true class (by chance, (N, C)) that have each label: (C, C)."""
    return np.array([np.bincount(y, column, true.shape[1]) for column in true.T])


def confident_joint(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many rows of given label i have the true label j: array (C, C), its rows adding up to the given labels.

    A row counts for the classes whose probability reaches the mean probability of that class among the rows so labelled,
    of several for the largest; then every row of the matrix is scaled to its class. Northcutt, Jiang & Chuang 2021
    (1911.00068), equations 1 to 3. `probabilities` (N, C) must be of rows not seen. Raises ValueError for other shapes,
    or what are no probabilities.
    """
    p = check_probabilities(probabilities)
    labels = check_labels(labels, p.shape)
    n, classes = p.shape
    counts = np.bincount(labels, minlength=classes)
    own = np.bincount(labels, weights=p[np.arange(n), labels], minlength=classes)
    threshold = np.where(counts > 0, own / np.maximum(counts, 1), 2)
    reached = p >= threshold - TINY
    several = reached.sum(axis=1)
    guess = np.where(several > 1, p.argmax(axis=1), reached.argmax(axis=1))
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[several > 0], guess[several > 0]), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint *= (counts / joint.sum(axis=1))[:, None]
    return joint


def confident_learning(probabilities: np.ndarray, labels: np.ndarray) -> LabelErrors:
    """Label errors by confident learning, pruned by noise rate: `LabelErrors`.

    Of every pair (given i, true j) as many rows as `confident_joint` says, those that favour j over i most; a row that
    the model gives its own label is never flagged. Northcutt, Jiang & Chuang 2021 (1911.00068), section 3.2, method 4.
    `probabilities` (N, C) of rows not seen, labels (N,). Raises ValueError as `confident_joint`.
    """
    p, labels = np.asarray(probabilities), np.asarray(labels)
    joint = confident_joint(p, labels)
    wanted = np.round(joint).astype(int)
    flagged = np.zeros(len(labels), bool)
    for i in range(len(joint)):
        rows = np.flatnonzero(labels == i)
        for j in np.flatnonzero(wanted[i]):
            if j != i:
                gap = p[rows, j] - p[rows, i]
                flagged[rows[np.argsort(-gap, kind="stable")[: wanted[i, j]]]] = True
    best = p.argmax(axis=1)
    return LabelErrors(flagged & (best != labels), best, p[np.arange(len(labels)), labels], joint)


def unlikely_numbers(predicted: np.ndarray, y: np.ndarray) -> LabelErrors:
    """Targets y (N,) that lie more than six robust deviations from `predicted` (N,), which has not seen them.

    The deviation is 1.4826 times the median distance from the median miss, which a few wild targets cannot move.
    """
    miss = np.asarray(y, float) - predicted
    miss -= np.median(miss)
    away = np.abs(miss) / max(1.4826 * np.median(np.abs(miss)), 1e-12)
    return LabelErrors(away > FAR, np.asarray(predicted, float), -away, np.empty((0, 0)))
