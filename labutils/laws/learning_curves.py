"""Learning curves measured with scikit-learn's learners: error against the size of nested random subsets."""

from collections.abc import Callable

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from labutils.checks import check_choice

LEARNERS = {  # scikit-learn's, with its defaults but half the trees, for a subset of n rows
    "nearest_neighbours": lambda n, seed: KNeighborsClassifier(min(5, n)),
    "logistic_regression": lambda n, seed: LogisticRegression(max_iter=1000),
    "random_forest": lambda n, seed: RandomForestClassifier(50, random_state=seed),
}
REGRESSORS = {  # of the same families
    "nearest_neighbours": lambda n, seed: KNeighborsRegressor(min(5, n)),
    "ridge": lambda n, seed: Ridge(),
    "random_forest": lambda n, seed: RandomForestRegressor(random_state=seed),
}


def anchors(n_max: int, *, n_min: int = 16) -> np.ndarray:
    """Sizes n_min * 2^(k/2), rounded, up to `n_max`: the usual places to measure a learning curve."""
    steps = int(2 * np.log2(n_max / n_min) + 1e-9)
    return np.round(n_min * 2 ** (np.arange(steps + 1) / 2)).astype(int)


def nested_subsets(size: int, n_seeds: int, *, seed: int = 0) -> np.ndarray:
    """Random orders (n_seeds, size) of the training rows; the first n of a row are its subset of n."""
    return np.random.default_rng(seed).permuted(np.tile(np.arange(size), (n_seeds, 1)), axis=1)


def learning_curve(
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    n: np.ndarray,
    learner: str | Callable,
    *,
    n_seeds: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Test error (n_seeds, T) of `learner` trained on nested random subsets of `n` (T,) rows.

    `learner` is a name in `LEARNERS`, or for fractional targets in `REGRESSORS`, or a function (size, seed) -> object
    with scikit-learn's fit and predict. The error of a regression is the share of variance not explained, 1 - R^2.
    Classes missing from a subset cannot be predicted, as in life. Raises ValueError for another name or size.
    """
    if np.min(n) < 1 or np.max(n) > len(y_train):
        raise ValueError(f"n reaches from {np.min(n)} to {np.max(n)}; allowed: 1 to {len(y_train)} rows")
    fractional = y_test.dtype.kind == "f"
    if not callable(learner):
        known = REGRESSORS if fractional else LEARNERS
        check_choice("learner", learner, known)
        learner = known[learner]

    def error(rows, seed):
        y = y_train[rows]
        alike = np.all(y == y[0])  # nothing to learn, and some learners refuse
        guess = y[0] if alike else learner(len(y), seed).fit(x_train[rows], y).predict(x_test)
        return np.mean((guess - y_test) ** 2) / np.var(y_test) if fractional else np.mean(guess != y_test)

    orders = nested_subsets(len(y_train), n_seeds, seed=seed)
    return np.array([[error(order[:size], s) for size in n] for s, order in enumerate(orders, seed)])
