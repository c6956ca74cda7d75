"""Files that appear whole or not at all, whatever interrupts their writing."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def whole(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A name to write to in place of `path`, which takes its place when all went well and is removed when not.

    The folder of `path` is made where it is missing. A killed process may leave `.NAME.PID`, never half of `path`.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
