"""Who judges labels: the learner, a kernel machine and ten neighbours, each of rows whose label it has not seen."""

from dataclasses import dataclass

import numpy as np

from labutils.audit import copies, learners
from labutils.networks import ridge
from labutils.rows import blocks

LANDMARKS = 500  # rows that a kernel is expanded in
MOST = 10_000  # rows that a kernel machine is fitted on
PENALTIES = tuple(10.0**k for k in range(-7, 2))
NEIGHBOURS = 10
LEAST = 1e-3  # of the mean variance: what is added to every variance of the scores


@dataclass(frozen=True, eq=False)
class Machine:
    """A fitted kernel machine: `predict(x)` gives scores (M, C); `left_out` (N, C) is what it says of each row without it."""

    landmarks: np.ndarray  # (m, d)
    width: float  # squared distance at which a kernel has fallen to 1/e
    axes: np.ndarray  # (m, r)
    probe: ridge.Probe

    @property
    def left_out(self) -> np.ndarray:
        """Exact leave-one-out scores (N, C)."""
        return self.probe.left_out

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Scores (M, C) of the rows x (M, d)."""
        return self.probe.predict(np.exp(-_apart(x, self.landmarks) / self.width) @ self.axes)


@dataclass(frozen=True)
class Kernel:
    """Ridge on a Gaussian kernel, as a learner: its width the median squared distance of two rows, on at most 500 landmarks.

    Nystroem's features (Williams & Seeger 2001) make it a ridge probe, leave-one-out answers included.
    """

    heavy: bool = False

    def fit(self, x: np.ndarray, y: np.ndarray, *, n_classes: int, seed: int = 0) -> Machine:
        """Fit rows x (N, d) with classes y (N,): `Machine`."""
        own = np.random.default_rng(seed).permutation(len(x))[:LANDMARKS]
        landmarks = np.asarray(x[own], float)
        apart = np.concatenate([_apart(x[b], landmarks) for b in blocks(len(x), len(own))])  # (N, m)
        width = max(float(np.median(apart)), 1e-12)
        near = np.exp(-apart / width, out=apart)
        values, vectors = np.linalg.eigh(near[own])
        real = values > 1e-8 * values[-1]
        axes = vectors[:, real] / np.sqrt(values[real])
        probe = ridge.fit(near @ axes, y, n_classes=n_classes, penalties=PENALTIES, by="square")
        return Machine(landmarks, width, axes, probe)


def _apart(x, landmarks):
    """Squared distances (N, m)."""
    x = np.asarray(x, float)
    squares = (x**2).sum(axis=1)[:, None] + (landmarks**2).sum(axis=1)
    return np.maximum(squares - 2 * x @ landmarks.T, 0)


def votes(x: np.ndarray, y: np.ndarray, n_classes: int, *, seed: int = 0) -> np.ndarray:
    """Shares (N, C) of the labels y (N,) of the ten nearest other rows of x (N, d), by `copies.neighbours`."""
    index = copies.neighbours(x, k=min(NEIGHBOURS, len(x) - 1), seed=seed)[1]
    out, rows = np.zeros((len(x), n_classes), np.float32), np.arange(len(x))
    for column in index.T:
        there = column >= 0
        out[rows[there], y[column[there]]] += 1 / len(index.T)
    return out


def as_gaussians(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log-densities (N, C) of left-out scores (N, C), each class a Gaussian about its mean, all of one shape.

    Least squares puts wrong classes anywhere about 0; how far a row lies from *each* class is in where all its scores lie
    together (discriminant analysis on scores: Hastie, Tibshirani & Buja 1994). The mean of its own class is without the row.
    """
    n_classes = scores.shape[1]
    counts = np.bincount(y, minlength=n_classes).astype(float)
    scores = np.asarray(scores, float)
    means = (
        np.array([np.bincount(y, column, n_classes) for column in scores.T]).T
        / np.maximum(counts, 1)[:, None]
    )
    within = (scores.T @ scores - (means.T * counts) @ means) / len(y)
    within += (LEAST * np.trace(within) / n_classes + 1e-12) * np.eye(n_classes)
    white = np.linalg.cholesky(np.linalg.inv(within))
    out = np.empty(scores.shape, np.float32)
    for b in blocks(*scores.shape):
        moved, rows = scores[b] @ white, np.arange(len(scores[b]))
        squares = (moved**2).sum(axis=1)[:, None] + ((means @ white) ** 2).sum(axis=1)
        squares -= 2 * moved @ (means @ white).T
        squares[rows, y[b]] *= (counts[y[b]] / np.maximum(counts[y[b]] - 1, 0.5)) ** 2
        out[b] = -squares / 2
    return out


def judge(
    x: np.ndarray, y: np.ndarray, said: np.ndarray, *, n_classes: int, seed: int = 0
) -> list[np.ndarray]:
    """What four judges say of rows x (N, d) whose label y (N,) they have not seen: four arrays (N, C).

    `said` (N, C), what the learner says of rows unseen; a kernel machine, exactly leave-one-out up to 10,000 rows, then in
    five folds; the same as Gaussians; the ten nearest rows.
    """
    kernel = learners.left_out(Kernel(), x, y, n_classes=n_classes, seed=seed, exact=MOST)
    return [said, kernel, as_gaussians(kernel, y), votes(x, y, n_classes, seed=seed)]
