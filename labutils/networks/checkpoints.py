"""Checkpoints: what a long training run has come to, kept on disk, so that after an interruption it goes on from there."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from labutils import atomic


def path_for(folder: Path, *settings: object) -> Path:
    """The file in `folder` of a run with these settings: arrays by their content, all else by its `repr`.

    A run with any other setting has another file, so a checkpoint is never taken for that of another run.
    """
    key = hashlib.sha256()
    for each in settings:
        if isinstance(each, np.ndarray):
            each = str(each.dtype), each.shape, each.tobytes()
        key.update(repr(each).encode())
        key.update(b"\0")
    return Path(folder) / f"{key.hexdigest()[:20]}.pt"


def save(path: Path, state: dict) -> None:
    """Write a dict of tensors, numbers, texts, lists and dicts whole or not at all; the folder is made."""
    with atomic.whole(path) as partial:
        torch.save(state, partial)


def load(path: Path) -> dict | None:
    """What was saved, or None where nothing was. Only tensors and plain types are read: no code of the file is run.

    Raises ValueError for a file that holds anything else or is damaged.
    """
    if not Path(path).is_file():
        return None
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds
        raise ValueError(
            f"checkpoint {Path(path).name} cannot be read; delete it to start the run anew: {error}"
        ) from error
