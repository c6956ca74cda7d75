"""Data with a planted answer: copies, a leak, a redundant heap, a rare cluster, an irrelevant half, to hold an audit to."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from labutils.checks import check_choice
from labutils.networks import ridge

CASES = ("redundant heap", "rare cluster", "irrelevant half")
CLASSES, WIDTH = 4, 16


@dataclass(frozen=True)
class Planted:
    """Rows x (N, d) float32 with classes y (N,), and which rows are the planted ones (N,)."""

    x: np.ndarray
    y: np.ndarray
    planted: np.ndarray


def recall_precision(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Share of the true rows (N,) that were found, and share of the found rows (N,) that are true; 1 where there are none."""
    both = float((found & truth).sum())
    return (both / truth.sum() if truth.any() else 1.0), (both / found.sum() if found.any() else 1.0)


def copies(
    x: np.ndarray, y: np.ndarray, *, share: float = 0.05, jitter: float = 0.0, seed: int = 0
) -> Planted:
    """Rows x (N, ...) and y (N,) with copies of a random share of them behind: exact, or moved by `jitter` deviations."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[: max(1, round(share * len(y)))]
    spread = x.std() if x.ndim > 2 else x.std(axis=0)
    more = x[rows] + jitter * spread * rng.standard_normal(x[rows].shape)
    mask = np.arange(len(y) + len(rows)) >= len(y)
    return Planted(np.concatenate([x, more]).astype(np.float32), np.concatenate([y, y[rows]]), mask)


def mistaken(
    x: np.ndarray, y: np.ndarray, share: float, *, n_classes: int, columns: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Labels wrong where a hurried person might be, on rows that look like another class: (labels (N,), wrong (N,) bool).

    A probe of the first `columns` of x (N, d) and a tenth of the rows (20 at least) plays that person. Which round(share N)
    labels change is drawn in proportion to the chance that it leaves to all other classes, and each becomes the
    likeliest of those. Raises ValueError for a share outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; allowed: 0 to below 1")
    rng, rows, x = np.random.default_rng(seed), np.arange(len(y)), np.asarray(x[:, :columns], float)
    some = rng.permutation(len(y))[: max(20, len(y) // 10)]
    probe = ridge.fit(x[some], y[some], n_classes=n_classes)
    scores = probe.predict(x)
    p = special.softmax(ridge.sharpness(probe.left_out, y[some]) * scores, axis=1)
    doubt = np.maximum(1 - p[rows, y], 1e-12)
    wrong = np.zeros(len(y), bool)
    wrong[rng.choice(len(y), round(share * len(y)), replace=False, p=doubt / doubt.sum())] = True
    p[rows, y] = -1
    return np.where(wrong, p.argmax(axis=1), y), wrong


def case(name: str, n: int = 2_000, *, seed: int = 0) -> Planted:
    """One of `CASES`: n rows of four classes, whose planted rows an audit should drop or, if rare, keep.

    "redundant heap": four rows of five lie close about the middle of their class, where a few would do. "rare cluster":
    four rows of a hundred are one class in a place of its own, told by no other row. "irrelevant half": half of the rows
    of every class lie far off, close together, where one row would tell them all. Raises ValueError for another name.
    """
    check_choice("case", name, CASES)
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=n)
    centres = 1.6 * np.eye(WIDTH)[:CLASSES]
    x = centres[y] + 0.8 * rng.standard_normal((n, WIDTH))
    share = {"redundant heap": 0.8, "rare cluster": 0.04, "irrelevant half": 0.5}[name]
    planted = rng.random(n) < share
    if name == "redundant heap":
        x[planted] = centres[y[planted]] + 0.15 * rng.standard_normal((planted.sum(), WIDTH))
    elif name == "rare cluster":
        y[planted] = 0
        away = np.zeros(WIDTH)
        away[CLASSES : CLASSES + 4] = 2.5
        x[planted] = centres[1] + away + 0.5 * rng.standard_normal((planted.sum(), WIDTH))
    else:
        far = 8 * np.eye(WIDTH)[8 : 8 + CLASSES]
        x[planted] = far[y[planted]] + 0.1 * rng.standard_normal((planted.sum(), WIDTH))
    return Planted(x.astype(np.float32), y, planted)
