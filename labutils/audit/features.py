"""Features that the training rows make: numbers filled in and scaled, images through a fixed encoder, few columns."""

from dataclasses import dataclass

import numpy as np

from labutils.checks import check_choice
from labutils.networks import encoders
from labutils.rows import blocks

KINDS = ("rows", "images", "features")
WIDE = 128  # columns at most: more become as many principal axes
SAMPLE = 20_000  # training rows that scales and axes are read from
IMAGES = 2_000  # of which patches and axes of images are made
CUT = 1e6  # deviations at which a row that is not for training is cut off


@dataclass(frozen=True)
class Features:
    """`train` (N, m) and `test` (M, m) float32, how they were made, and how many numbers were missing in a column (d,)."""

    train: np.ndarray
    test: np.ndarray
    words: str
    missing: np.ndarray


def medians(x: np.ndarray) -> np.ndarray:
    """The median (d,) of the numbers there are in each column of x (N, d), which may lack some (NaN); 0 where it lacks all."""
    full = ~np.isnan(x).all(axis=0)
    found = np.zeros(x.shape[1])
    found[full] = np.nanmedian(x[:, full], axis=0)
    return found


def make(
    x: np.ndarray, train: np.ndarray, test: np.ndarray, *, kind: str = "rows", seed: int = 0
) -> Features:
    """Features of the rows `train` and `test` of x (N, ...), from the training rows alone, a block at a time.

    "rows" are standardised, "features" (an embedding, or what another has prepared) taken as they are, "images" (N, H, W)
    or (N, colours, H, W) go through `encoders.random_patches`. A missing number (NaN) becomes the median of its column.
    More than 128 columns become that many principal axes. x may be a mapped file. Raises ValueError for another kind.
    """
    check_choice("kind", kind, KINDS)
    shape, flat = x.shape[1:], x.reshape(len(x), -1)
    rng = np.random.default_rng(seed)
    some = np.sort(rng.choice(train, min(SAMPLE, len(train)), replace=False))
    sample = np.array(flat[some], np.float64)
    middle = medians(sample)
    sample = np.where(np.isnan(sample), middle, sample)
    centre, scale, words = np.zeros(flat.shape[1]), np.ones(flat.shape[1]), "as they came"
    if kind == "rows":
        centre, scale, words = sample.mean(axis=0), sample.std(axis=0), "numbers, standardised"
        scale[(scale <= 1e-12 * np.abs(centre)) | (np.ptp(sample, axis=0) == 0)] = 1
    size = encoders.patch_size(shape) if kind == "images" else 0
    if size:
        words, patches = (
            "images through a fixed encoder of random patches",
            sample[:IMAGES].astype(np.float32),
        )

        def prepare(block):
            return encoders.random_patches(
                block.astype(np.float32), shape, patches=patches, size=size, n_filters=48, seed=seed
            )
    else:

        def prepare(block):
            return np.clip((block - centre) / scale, -CUT, CUT)

    ready = prepare(sample[: IMAGES if kind == "images" else SAMPLE])
    axes, origin = None, 0
    if ready.shape[1] > WIDE:
        origin = ready.mean(axis=0)
        axes = np.linalg.eigh((ready - origin).T @ (ready - origin))[1][:, : -WIDE - 1 : -1]
        words += f", on their first {WIDE} principal axes"
    missing = np.zeros(flat.shape[1], int)

    def build(rows):
        out = np.empty((len(rows), WIDE if axes is not None else ready.shape[1]), np.float32)
        for b in blocks(len(rows), max(64, flat.shape[1])):
            block = np.array(flat[rows[b]], np.float64)
            if np.isnan(block).any():
                missing[:] += np.isnan(block).sum(axis=0)
                block = np.where(np.isnan(block), middle, block)
            block = prepare(block)
            out[b] = block if axes is None else (block - origin) @ axes
        return out

    return Features(build(train), build(test), words, missing)
