"""Generators of examples with labels, quick to fit: a factor model for each class; for texts, an n-gram model.

A `Setting` joins a data set, the generator of its kind, and fixed features in which what was generated is judged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer

from labutils.checks import check_at_least, check_finite
from labutils.data import Dataset
from labutils.laws import ngram
from labutils.networks import encoders


@dataclass(frozen=True, eq=False)
class Factors:
    """A normal distribution for each of C classes: `mean` + z @ `axes` + `noise` e, with z and e standard normal."""

    mean: np.ndarray  # (C, d)
    axes: np.ndarray  # (C, q, d) of the length of their standard deviation
    noise: np.ndarray  # (C, d) standard deviation of what is left, in each column
    seen: np.ndarray  # (C,) rows that each class was fitted to

    def sample(
        self, y: np.ndarray, *, bounds: tuple[float, float] | None = None, seed: int = 0
    ) -> np.ndarray:
        """New rows (M, d) of the classes y (M,), cut off at `bounds`; ValueError for a class that was not seen."""
        y = np.asarray(y)
        if unseen := sorted(set(y.tolist()) - set(np.flatnonzero(self.seen).tolist())):
            raise ValueError(
                f"y holds class {unseen[0]}; allowed: the classes that the generator was fitted to"
            )
        rng = np.random.default_rng(seed)
        x = self.mean[y] + self.noise[y] * rng.standard_normal((len(y), self.mean.shape[1]))
        z = rng.standard_normal((len(y), self.axes.shape[1]))
        for c in np.unique(y):
            x[y == c] += z[y == c] @ self.axes[c]
        return x if bounds is None else np.clip(x, *bounds)


def fit_factors(x: np.ndarray, y: np.ndarray, *, n_axes: int = 20, n_classes: int | None = None) -> Factors:
    """The `Factors` of rows x (N, d) with classes y (N,): principal axes of each class, at most n_axes and rows less one.

    All variances are those of maximum likelihood. Probabilistic principal components (Tipping & Bishop 1999), with a
    variance of its own for what is left of each column: close to what a linear variational autoencoder for each class
    would learn. Raises ValueError for NaN or fewer than one axis.
    """
    check_at_least(1, n_axes=n_axes)
    x, y = np.asarray(x, float), np.asarray(y)
    check_finite(x=x)
    classes = int(y.max()) + 1 if n_classes is None else n_classes
    mean, noise = np.zeros((2, classes, x.shape[1]))
    axes = np.zeros((classes, n_axes, x.shape[1]))
    for c in np.unique(y):
        own = x[y == c]
        mean[c] = own.mean(axis=0)
        own = own - mean[c]
        if len(own) > 1:
            q = min(n_axes, len(own) - 1, own.shape[1])
            axes[c, :q] = _principal(own, q)
            left = (own**2).mean(axis=0) - (axes[c] ** 2).sum(axis=0)
            noise[c] = np.sqrt(np.maximum(left, 0))
    return Factors(mean, axes, noise, np.bincount(y, minlength=classes))


def _principal(x, q):
    """The q longest principal axes (q, d) of centred rows x (n, d), each as long as its standard deviation."""
    n, d = x.shape
    wide = d > n
    values, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    values, vectors = np.maximum(values[::-1][:q], 0), vectors[:, ::-1][:, :q]
    rows = (vectors.T @ x) / np.sqrt(n) if wide else vectors.T * np.sqrt(values / n)[:, None]
    return np.where(values[:, None] > 1e-12 * max(values[0], 1e-300), rows, 0)


def shifted(x: np.ndarray, shape: Sequence[int], *, most: int = 1, seed: int = 0) -> np.ndarray:
    """Images x (N, d) of `shape` (H, W) or (colours, H, W), each moved by up to `most` pixels either way, zeros coming in.

    Raises ValueError for a shape that is no image's, or moves as large as the image.
    """
    if len(shape) not in (2, 3) or np.prod(shape) != x.shape[1] or not 0 <= most < min(shape[-2:]):
        raise ValueError(
            f"shape is {tuple(shape)}, most {most}; allowed: of images of {x.shape[1]} numbers, and less"
        )
    height, width = shape[-2:]
    images = np.pad(x.reshape(len(x), -1, height, width), ((0, 0), (0, 0), (most, most), (most, most)))
    down, right = np.random.default_rng(seed).integers(0, 2 * most + 1, size=(2, len(x)))
    windows = np.lib.stride_tricks.sliding_window_view(images, (height, width), axis=(2, 3))
    return windows[np.arange(len(x)), :, down, right].reshape(x.shape)


def variety(x: np.ndarray, y: np.ndarray) -> float:
    """Variance within classes of rows x (N, d) with classes y (N,): mean squared distance to the mean of the own class."""
    x, y = np.asarray(x, float), np.asarray(y)
    return float(sum(((x[y == c] - x[y == c].mean(axis=0)) ** 2).sum() for c in np.unique(y)) / len(y))


@dataclass(frozen=True, eq=False)
class Setting:
    """A data set `d` to generate from: training examples `raw` (N, ...) with features x (N, m), test features t (M, m).

    `raw` are pixels, numbers, or texts cut to `length` characters; `encode(raw)` gives features. Order 2 to 6 of the
    n-gram model, or axes of the factor model, set what the generator can express.
    """

    d: Dataset
    raw: np.ndarray
    x: np.ndarray
    t: np.ndarray
    encode: Callable[[np.ndarray], np.ndarray]
    n_axes: int
    order: int
    length: int

    def fit(self, rows: np.ndarray, raw: np.ndarray | None = None, y: np.ndarray | None = None) -> Callable:
        """The generator of these training rows, or of given examples with classes: (classes, seed) -> new examples."""
        raw, y = (self.raw[rows], self.d.y_train[rows]) if raw is None else (raw, y)
        if self.d.kind == "text":
            writer = ngram.fit_writer(raw, y, order=self.order)
            return lambda classes, seed: np.array(
                writer.write(classes, length=self.length, seed=seed), object
            )
        factors = fit_factors(raw, y, n_axes=self.n_axes, n_classes=len(self.d.classes))
        bounds = (0, 1) if self.d.kind == "images" else None
        return lambda classes, seed: factors.sample(classes, bounds=bounds, seed=seed)

    def changed(self, raw: np.ndarray, seed: int) -> np.ndarray:
        """The same examples changed a little: images moved by a pixel or two, a tenth of the words left out, noise on numbers."""
        rng = np.random.default_rng(seed)
        if self.d.kind == "text":
            keep = lambda text: " ".join(w for w in text.split() if rng.random() > 0.1)  # noqa: E731
            return np.array([keep(text) for text in raw], object)
        if self.d.kind == "images":
            return shifted(raw, self.d.shape, most=1 if min(self.d.shape[-2:]) < 16 else 2, seed=seed)
        return raw + 0.1 * self.raw.std(axis=0) * rng.standard_normal(raw.shape)


def setting(
    d: Dataset,
    *,
    n_features: int = 100,
    n_filters: int = 16,
    n_axes: int = 20,
    order: int = 5,
    length: int = 400,
    seed: int = 0,
) -> Setting:
    """The `Setting` of a data set with classes; its features are fixed: made of the training rows, without labels.

    Images go through `encoders.random_patches`, texts through counts of 4,096 hashed runs of three characters (their
    square roots), and all by the longest `n_features` principal axes. Raises ValueError for a regression.
    """
    if not d.classes:
        raise ValueError(
            f"d is {d.name!r}, a regression; allowed: data with classes, each of which is generated"
        )
    if d.kind == "text":
        raw, test = (
            np.array([text[:length] for text in part], object) for part in (d.texts_train, d.texts_test)
        )
        hashed = HashingVectorizer(
            n_features=4096, alternate_sign=False, analyzer="char_wb", ngram_range=(3, 3)
        )
        first = lambda texts: hashed.transform(texts).sqrt()  # noqa: E731
        counts = first(raw)
        axes = TruncatedSVD(min(n_features, len(raw) - 1), random_state=seed).fit(counts)
    else:
        raw, test = d.x_train.astype(float), d.x_test
        size = encoders.patch_size(d.shape) if d.kind == "images" else 0
        given = {
            "shape": d.shape,
            "patches": d.x_train[:1000],
            "n_filters": n_filters,
            "size": size,
            "seed": seed,
        }
        first = (lambda x: encoders.random_patches(x, **given)) if size else (lambda x: x)
        counts = first(raw)
        axes = PCA(min(n_features, *counts.shape), random_state=seed).fit(counts)
    x = axes.transform(counts)
    middle, scale = x.mean(axis=0), x.std()

    def encode(examples):
        return (axes.transform(first(examples)) - middle) / scale

    return Setting(d, raw, (x - middle) / scale, encode(test), encode, n_axes, order, length)
