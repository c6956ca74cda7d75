"""Likely label errors: confident learning on what a learner says of rows that it has not seen."""

from dataclasses import dataclass

import numpy as np

from labutils.selection.scores import check_labels, check_probabilities

FAR = 6.0  # robust deviations from the prediction at which a number is called unlikely
TINY = 1e-6  # below a threshold that still counts as reaching it


@dataclass(frozen=True)
class LabelErrors:
    """Rows whose label is likely wrong: `flagged` (N,), the label each looks like, and how sure a model is of its own.

    `joint` (C, C) estimates how many rows with the given label (row) really have another (column); empty for a
    regression, where `flagged` are targets far from what the other rows say and `suggested` what they say.
    """

    flagged: np.ndarray  # (N,) bool
    suggested: np.ndarray  # (N,) class, or number
    confidence: np.ndarray  # (N,) probability of the given label; for a regression minus the robust deviation
    joint: np.ndarray  # (C, C)


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
