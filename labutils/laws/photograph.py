"""Two pictures of variance and resolution: a photograph in the dark, and one through few pixels."""

import numpy as np
from scipy import interpolate


def expose(image: np.ndarray, frames: np.ndarray, *, photons: float = 1.0, seed: int = 0) -> np.ndarray:
    """Means of the first `frames` (T,) frames of a picture (H, W) taken in the dark: (T, H, W).

    A pixel of brightness 1 catches `photons` photons a frame on average. Their number is Poisson, so the mean
    squared error after K frames is mean(image) / (K photons). Raises ValueError for frames that do not rise.
    """
    frames = np.asarray(frames)
    steps = np.diff(frames, prepend=0)
    if steps.min() < 1:
        raise ValueError(f"frames are {frames}; allowed: rising, from 1")
    rng = np.random.default_rng(seed)
    caught = rng.poisson(photons * steps[:, None, None] * np.asarray(image)).cumsum(axis=0)
    return caught / (photons * frames[:, None, None])


def magnify(image: np.ndarray, size: int) -> np.ndarray:
    """A smooth picture (size, size) with the pixels of `image` (H, H) as weights of its cubic B-splines."""
    pixels = len(image)
    knots = np.arange(-2, pixels + 2) + 0.5
    at = np.clip((np.arange(size) + 0.5) / size * (pixels + 1) - 0.5, -0.5, pixels + 0.5)
    basis = np.stack(
        [interpolate.BSpline.basis_element(k + np.arange(-2, 3), False)(at) for k in knots], axis=1
    )
    basis = np.nan_to_num(basis)[:, 2:-2]  # (size, H)
    return basis @ image @ basis.T


def pixelate(image: np.ndarray, blocks: int, *, smooth: bool = False) -> np.ndarray:
    """A picture (H, H) seen through `blocks` x `blocks` pixels, each the mean of what it covers: (H, H).

    Drawn as equal squares, or with `smooth` as straight lines between their centres. Raises ValueError unless
    `blocks` divides H.
    """
    size = len(image)
    if blocks < 2 or size % blocks:
        raise ValueError(f"blocks is {blocks}; allowed: a divisor of {size}, at least 2")
    average = np.kron(np.eye(blocks), np.full(size // blocks, blocks / size))  # (blocks, H)
    centres, at = (np.arange(blocks) + 0.5) / blocks, (np.arange(size) + 0.5) / size
    kind = "linear" if smooth else "nearest"
    draw = interpolate.interp1d(centres, np.eye(blocks), kind=kind, axis=0, fill_value="extrapolate")(
        at
    )  # (H, blocks)
    return draw @ average @ image @ average.T @ draw.T
