"""What is there: how many rows of what, what is missing, what is there twice, and what of the test set leaked."""

from dataclasses import dataclass

import numpy as np

from labutils.audit import copies

LEAST = 40  # rows without which nothing below can be measured
DIFFERENT = 10  # rows that are no copies, at least
PER_CLASS = 5  # rows a class has on average, at least


@dataclass(frozen=True)
class Inputs:
    """The first answer. Row numbers in `first`, `near` and `wanting` are of the training rows, in `leaks` of the test rows."""

    n_train: int
    n_test: int
    n_features: int
    counts: np.ndarray  # (C,) training rows of each class; empty for a regression
    missing: np.ndarray  # (d,) numbers missing in each column of the file
    constant: int  # columns of the features that say nothing
    first: np.ndarray  # (N,) the first row with the same bytes, a row's own number where there is none
    near: np.ndarray  # (N,) the first row of its group of near copies, exact ones included
    twins: int  # near copies whose label differs from that of the row they resemble
    leaks: (
        np.ndarray
    )  # (M,) 2 for a test row that is an exact copy of a training row, 1 for a near copy, 0 else
    dimension: float  # local dimension of the features

    @property
    def copies(self) -> np.ndarray:
        """Rows (N,) that are exact copies of an earlier one."""
        return self.first != np.arange(len(self.first))

    @property
    def near_copies(self) -> np.ndarray:
        """Rows (N,) that are near copies of an earlier one, and no exact ones."""
        return (self.near != np.arange(len(self.near))) & ~self.copies

    @property
    def single(self) -> np.ndarray:
        """Rows (n,) that are left when of every group of copies one stays."""
        return np.flatnonzero(self.near == np.arange(len(self.near)))


def check(x: np.ndarray, y: np.ndarray, *, n_classes: int) -> None:
    """Raise ValueError where rows x (N, ...) and y (N,) are too few, of different length, or of too many classes."""
    if len(x) != len(y) or np.ndim(y) != 1:
        raise ValueError(
            f"x has {len(x)} rows, y shape {np.shape(y)}; allowed: one label or number a row, (N,)"
        )
    if len(y) < LEAST:
        raise ValueError(f"there are {len(y)} rows; allowed: at least {LEAST}, or no answer could be trusted")
    if n_classes and len(y) < PER_CLASS * n_classes:
        raise ValueError(
            f"the target has {n_classes:,} classes in {len(y):,} rows; allowed: at least {PER_CLASS} rows a class on "
            "average. Is it an identifier, or a number to predict?"
        )


def check_different(n_different: int, n: int) -> None:
    """Raise ValueError where of n training rows too few differ from each other to learn from some and judge by others."""
    if n_different < DIFFERENT:
        raise ValueError(
            f"of {n:,} training rows {n_different} differ, the others are copies of them; allowed: at least "
            f"{DIFFERENT} different rows"
        )


def examine(
    raw: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    features: np.ndarray,
    features_test: np.ndarray,
    y: np.ndarray,
    *,
    n_classes: int,
    missing: np.ndarray,
    seed: int = 0,
) -> Inputs:
    """Count and look for copies: `Inputs`. The test rows change nothing that is said of the training rows.

    `raw` (R, ...) holds both, `train` (N,) and `test` (M,) their numbers in it, `features` and `features_test` what a
    learner sees of them, y (N,) the labels of the training rows.
    """
    n, same = len(train), copies.exact(raw)
    place = np.full(len(raw), -1)
    place[train[::-1]] = np.arange(n)[::-1]
    first_of = np.full(len(raw), -1)  # by group of equal rows: the first training row in it
    for_train = same[train]
    first_of[for_train[::-1]] = np.arange(n)[::-1]
    first = first_of[for_train]
    near, dimension = _near(features, first, seed)
    leaks = np.where(first_of[same[test]] >= 0, 2, 0)
    open_rows = np.flatnonzero(leaks == 0)
    if len(open_rows) and len(features) > copies.K:
        leaks[open_rows[_near_train(features[first == np.arange(n)], features_test[open_rows], seed)]] = 1
    return Inputs(
        n_train=n,
        n_test=len(test),
        n_features=int(np.prod(raw.shape[1:])),
        counts=np.bincount(y, minlength=n_classes) if n_classes else np.empty(0, int),
        missing=missing,
        constant=int((np.ptp(features, axis=0) == 0).sum()),
        first=first,
        near=near,
        twins=int((y[near] != y).sum()) if n_classes else 0,
        leaks=leaks,
        dimension=dimension,
    )


def _near(x, first, seed):
    """The first row of the group of near copies that each row is in, and the dimension; exact copies stand for one."""
    own = np.flatnonzero(first == np.arange(len(first)))
    if len(own) <= copies.K + 1:
        return first, 1.0
    far, index = copies.neighbours(x[own], seed=seed)
    close = np.flatnonzero(copies.near(far, index))
    group = np.arange(len(first))
    group[own] = own[copies.groups(np.column_stack([close, index[close, 0]]), len(own))]
    return group[first], copies.dimension(far)


def _near_train(x, x_test, seed):
    """Which test rows (M,) are in a group of near copies with a training row."""
    both = np.concatenate([x, x_test])
    far, index = copies.neighbours(both, seed=seed)
    close = np.flatnonzero(copies.near(far, index))
    group = copies.groups(np.column_stack([close, index[close, 0]]), len(both))
    return group[len(x) :] < len(x)
