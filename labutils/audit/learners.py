"""Who learns: a linear probe unless told otherwise, a forest, a small network, or what the reader brings."""

import importlib.util
import pathlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from labutils.checks import check_choice
from labutils.networks import ridge
from labutils.rows import blocks

NAMES = ("linear", "forest", "mlp")
EXACT = 50_000  # rows up to which a linear probe says exactly what it would without each of them
FOLDS = 5  # of all other learners, and of more rows
SAMPLE = 20_000  # rows that a temperature is fitted on


@dataclass(frozen=True)
class Learner:
    """`make(size, seed)` gives an object with scikit-learn's fit and predict; None for the linear probe."""

    name: str
    words: str  # what it is, for a sentence
    make: Callable | None

    @property
    def heavy(self) -> bool:
        """Whether a fit costs so much that fewer of them are made."""
        return self.make is not None

    def fit(
        self, x: np.ndarray, y: np.ndarray, *, n_classes: int = 0, seed: int = 0
    ) -> "ridge.Probe | Fitted":
        """Fit rows x (N, d) with classes 0 .. n_classes - 1, or numbers y (N,); has `predict`, (M, d) to scores (M, C)."""
        if self.make is None:
            return ridge.fit(x, y, n_classes=n_classes or None)
        model = None
        if not (y == y[0]).all():  # some learners refuse where there is nothing to tell apart
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = self.make(len(y), seed).fit(x, y)
        return Fitted(model, n_classes, y[0])


@dataclass(frozen=True)
class Fitted:
    """A model with scikit-learn's predict, and predict_proba where it has it, whose `predict` gives scores (M, C)."""

    model: object
    n_classes: int  # 0 for a regression
    only: float  # what is said where there was nothing to learn

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (M, C) of the rows x (M, d), 0 for classes never seen; for a regression numbers (M, 1)."""
        if self.n_classes and hasattr(self.model, "predict_proba"):
            out = np.zeros((len(x), self.n_classes), np.float32)
            out[:, np.asarray(self.model.classes_, int)] = self.model.predict_proba(x)
            return out
        found = np.full(len(x), self.only) if self.model is None else np.asarray(self.model.predict(x))
        return (
            np.eye(self.n_classes, dtype=np.float32)[found.astype(int)] if self.n_classes else found[:, None]
        )


@dataclass(frozen=True)
class Naming:
    """A learner as `learning_curves.learning_curve` takes it: fit, then predict the class or the number."""

    learner: Learner
    n_classes: int
    seed: int = 0

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Naming":
        """Fit rows x (N, d) with y (N,)."""
        object.__setattr__(self, "fitted", self.learner.fit(x, y, n_classes=self.n_classes, seed=self.seed))
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The class or number (M,) of the rows x (M, d)."""
        return named(in_blocks(self.fitted, x))


def named(scores: np.ndarray) -> np.ndarray:
    """The class (M,) with the largest of the scores (M, C), or the number in a single column."""
    return scores[:, 0] if scores.shape[1] == 1 else scores.argmax(axis=1)


def in_blocks(fitted: "ridge.Probe | Fitted", x: np.ndarray) -> np.ndarray:
    """Scores (M, C) float32 of the rows x (M, d), a block at a time."""
    return np.concatenate([fitted.predict(x[b]).astype(np.float32) for b in blocks(len(x), x.shape[1] // 4)])


def choose(learner: str | Callable, *, regression: bool = False) -> Learner:
    """The learner called "linear", "forest" or "mlp", that of "mine.py:make", or a function (size, seed) -> object.

    The object has scikit-learn's fit and predict, and predict_proba where it can. Raises ValueError naming what is
    allowed, FileNotFoundError for a file that is not there.
    """
    if callable(learner):
        return Learner(getattr(learner, "__name__", "own"), "your own learner", learner)
    if ".py:" in str(learner):
        return _own(str(learner))
    check_choice("learner", learner, (*NAMES, "mine.py:make"))
    if learner == "linear":
        return Learner("linear", "a linear probe: least squares with a penalty, on fixed features", None)
    if learner == "forest":
        kind = RandomForestRegressor if regression else RandomForestClassifier
        return Learner("forest", "a random forest of 100 trees", lambda n, seed: kind(random_state=seed))
    kind, options = (MLPRegressor if regression else MLPClassifier), {"max_iter": 100}
    return Learner(
        "mlp",
        "a network with one hidden layer of 64 units",
        lambda n, seed: kind(hidden_layer_sizes=(64,), random_state=seed, **options),
    )


def _own(learner):
    """The function named in "path/mine.py:make"."""
    path, _, name = learner.rpartition(":")
    if not pathlib.Path(path).expanduser().is_file():
        raise FileNotFoundError(f"learner is {learner!r}: there is no file {path}")
    spec = importlib.util.spec_from_file_location("reader_learner", pathlib.Path(path).expanduser())
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"learner {learner!r} can't be read: {type(error).__name__}: {error}") from error
    make = getattr(module, name, None)
    if not callable(make):
        raise ValueError(f"learner {learner!r}: {path} has no function {name!r}; it takes (size, seed)")
    model = make(100, 0)
    if not (hasattr(model, "fit") and hasattr(model, "predict")):
        raise ValueError(f"learner {learner!r} gives a {type(model).__name__}; allowed: with fit and predict")
    return Learner(name, f"your own learner, {name}", make)


def left_out(
    learner: Learner,
    x: np.ndarray,
    y: np.ndarray,
    *,
    n_classes: int = 0,
    seed: int = 0,
    exact: int | None = None,
) -> np.ndarray:
    """What the learner says of each row of x (N, d) when it has not seen it: scores (N, C) float32.

    Exactly leave-one-out for a learner that is not heavy on up to `exact` rows (default: 50,000), else five folds, each
    judged by a fit on at most that many of the other rows.
    """
    exact = exact or EXACT
    if not learner.heavy and len(y) <= exact:
        return learner.fit(x, y, n_classes=n_classes, seed=seed).left_out.astype(np.float32)
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(y)) % min(FOLDS, len(y))
    out = np.empty((len(y), max(n_classes, 1)), np.float32)
    for held in range(fold.max() + 1):
        others = np.flatnonzero(fold != held)
        if len(others) > exact:
            others = np.sort(rng.choice(others, exact, replace=False))
        fitted = learner.fit(x[others], y[others], n_classes=n_classes, seed=seed)
        for b in blocks(len(y), x.shape[1]):
            own = np.flatnonzero(fold[b] == held) + b.start
            if len(own):
                out[own] = fitted.predict(x[own])
    return out


def probabilities(scores: np.ndarray, y: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Scores (N, C) as probabilities: as they are where they are such, else a softmax at the temperature that suits y best.

    The temperature (Guo et al. 2017) is the one number fitted, to at most 20,000 rows.
    """
    if scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, atol=1e-4):
        return scores
    rows = np.random.default_rng(seed).permutation(len(y))[:SAMPLE]
    scale = ridge.sharpness(scores[rows].astype(float), y[rows], between=(-3, 6), tolerance=1e-5)
    out = np.empty(scores.shape, np.float32)
    for b in blocks(*scores.shape):
        out[b] = special.softmax(scale * scores[b], axis=1)
    return out
