"""Work on many rows: in blocks that fit a cache, from files larger than memory; k-means and the nearest of some points."""

import mmap

import numpy as np


def release(x):
    """Give the pages read from a memory-mapped file back to the system, or they count as ours, up to the whole file.

    Does nothing to any other array, nor to a copy-on-write mapping, whose changes would be lost.
    """
    if isinstance(x, np.memmap) and x.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        while isinstance(x, np.ndarray):
            x = x.base
        if isinstance(x, mmap.mmap):
            x.madvise(mmap.MADV_DONTNEED)
