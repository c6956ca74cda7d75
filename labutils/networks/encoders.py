"""Fixed, cheap encoders of images: nothing in them is trained, so every rule and every subset sees the same features."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from sklearn.decomposition import PCA

from labutils.checks import check_at_least, check_finite
from labutils.data import Dataset
from labutils.networks import ridge

BATCH = 256  # images at a time: what they become inside stays below 100 MB


def random_patches(
    x: np.ndarray,
    shape: tuple[int, ...],
    *,
    patches: np.ndarray | None = None,
    n_filters: int = 64,
    size: int = 5,
    grid: int = 3,
    seed: int = 0,
) -> np.ndarray:
    """Features (N, n_filters grid^2) float32 of images x (N, d) of `shape` (H, W) or (colours, H, W).

    Filters are `n_filters` patches of size x size cut at random from the images `patches` (M, d) (default: x), centred
    and of unit length; their responses are rectified and averaged over grid x grid parts of the image, and the square
    root taken. One pass of a convolution of filters that were not learnt (Coates, Ng & Lee 2011, with patches in place
    of k-means). Fit on training images by passing them as `patches`. Raises ValueError for images smaller than a patch,
    NaN, or counts below 1.
    """
    check_at_least(1, n_filters=n_filters, size=size, grid=grid)
    check_finite(x=x)
    colours, height, width = (1, *shape)[-3:]
    if min(height, width) < size + grid - 1:
        raise ValueError(f"images are {height} x {width}; allowed: at least {size + grid - 1} each way")
    rng = np.random.default_rng(seed)
    source = (x if patches is None else patches).reshape(-1, colours, height, width)
    draw = 20 * n_filters
    picks = zip(
        rng.integers(len(source), size=draw),
        rng.integers(height - size + 1, size=draw),
        rng.integers(width - size + 1, size=draw),
    )
    cut = np.array([source[i, :, r : r + size, c : c + size] for i, r, c in picks], np.float32)
    cut -= cut.mean(axis=(1, 2, 3), keepdims=True)
    length = np.sqrt((cut**2).sum(axis=(1, 2, 3)))
    lively = np.argsort(length < 0.1 * np.median(length), kind="stable")[:n_filters]
    filters = cut[lively] / np.maximum(length[lively], 1e-12)[:, None, None, None]
    parts, filters = [], torch.from_numpy(filters)
    with torch.no_grad():
        for start in range(0, len(x), BATCH):
            block = torch.from_numpy(np.asarray(x[start : start + BATCH], np.float32))
            found = torch.relu(torch.conv2d(block.reshape(-1, colours, height, width), filters))
            parts.append(torch.nn.functional.adaptive_avg_pool2d(found, grid).flatten(1).sqrt())
    return torch.cat(parts).numpy()


def patch_size(shape: tuple[int, ...]) -> int:
    """The side of the patches that suit images of `shape`, in pixels: 5, or 3 where they are smaller than 16; 0 for no images.

    Images have a height and a width, the last two numbers of the shape, of at least 5.
    """
    side = min(shape[-2:]) if len(shape) > 1 else 0
    return 0 if side < 5 else 3 if side < 16 else 5


def principal(x: np.ndarray, *others: np.ndarray, n_axes: int = 64, seed: int = 0) -> list[np.ndarray]:
    """Rows x (N, d) and those of the `others` (M, d) on the longest n_axes principal axes of x, centred by its mean.

    (N, m) first, m at most N, d and `n_axes`; not rescaled. `seed` draws where only a few of many axes are asked for.
    """
    check_at_least(1, n_axes=n_axes)
    axes = PCA(min(n_axes, *x.shape), random_state=seed).fit(x)
    return [axes.transform(part) for part in (x, *others)]


def fixed(
    x: np.ndarray,
    other: np.ndarray,
    shape: tuple[int, ...],
    *,
    n_features: int = 100,
    n_filters: int = 64,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, m) of training rows x (N, d) and (M, m) of `other` rows, m at most `n_features`, made without labels.

    Images, by their `shape`, go through `random_patches` of the size `patch_size`; then the `principal` axes of the training rows. Raises as `random_patches`.
    """
    check_at_least(1, n_features=n_features)
    if size := patch_size(shape):
        options = {"patches": x, "size": size, "n_filters": n_filters, "seed": seed}
        x, other = (random_patches(part, shape, **options) for part in (x, other))
    return tuple(principal(x, other, n_axes=n_features, seed=seed))


@dataclass(frozen=True, eq=False)
class Encoded:
    """A data set `d` seen through `fixed`: training rows x (N, m) with classes y, test rows t (M, m) with classes z."""

    d: Dataset
    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    z: np.ndarray
    seed: int = 0  # of the folds behind `margin`

    @cached_property
    def margin(self) -> np.ndarray:
        """Margins (N,) of the training rows by ridge probes of up to five folds, none of which saw the row it judges."""
        folds = min(5, len(self.y))
        return ridge.margins(ridge.cross_fitted(self.x, self.y, folds=folds, seed=self.seed), self.y)

    def accuracy(self, rows: np.ndarray) -> float:
        """Share of the test rows that a ridge probe trained on these training rows names rightly."""
        probe = ridge.fit(self.x[rows], self.y[rows], n_classes=len(self.d.classes))
        return ridge.accuracy(probe, self.t, self.z)


def encode(d: Dataset, *, seed: int = 0, **options) -> Encoded:
    """The data set d as `Encoded`, with the `options` of `fixed`."""
    x, t = fixed(d.x_train, d.x_test, d.shape, seed=seed, **options)
    return Encoded(d, x, d.y_train, t, d.y_test, seed)
