"""Finished steps kept in files, whole or not at all, so that an audit that was stopped goes on where it was."""

import dataclasses
import io
import json
import pathlib
import re
import zipfile

import numpy as np

from labutils import atomic

PARTIAL = re.compile(r"\.(report\.html|keep\.csv|audit\.json|\w+\.npz)\.\d+")  # what a killed run may leave


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made where it is missing."""
    with atomic.whole(path) as partial:
        partial.write_bytes(content)


def check_room(folder: pathlib.Path) -> None:
    """Make the folder and write to it; remove what a killed run left half-written. Raises OSError in a sentence."""
    folder = pathlib.Path(folder)
    try:
        write_bytes(folder / ".room", b"0" * 2**20)
        (folder / ".room").unlink()
    except OSError as error:
        raise OSError(
            f"the output folder {str(folder)!r} can't be written to: {error.strerror or error}"
        ) from error
    for left in (path for path in folder.rglob(".*") if PARTIAL.fullmatch(path.name)):
        left.unlink(missing_ok=True)


def save(path: pathlib.Path, value: object) -> None:
    """Keep a frozen dataclass of numbers, texts, arrays, tuples, dicts and other such dataclasses in a file."""
    arrays = {}
    tree = _tree(value, arrays)
    buffer = io.BytesIO()
    np.savez(buffer, tree=np.array(json.dumps(tree)), **arrays)
    write_bytes(path, buffer.getvalue())


def load(path: pathlib.Path, kinds: tuple[type, ...]) -> object | None:
    """What `save` kept, made of the dataclasses in `kinds`; None where there is no such file, or what is left of one."""
    try:
        with np.load(path, allow_pickle=False) as held:
            return _value(json.loads(str(held["tree"])), held, {kind.__name__: kind for kind in kinds})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def plain(value: object, longest: int = 200) -> object:
    """A value as JSON can hold it: arrays of up to `longest` numbers as lists, longer ones by their shape, no infinity."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name), longest) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        if value.size > longest:
            return {"shape": list(value.shape), "sum": plain(value.sum().item())}
        return plain(value.tolist(), longest)
    if isinstance(value, dict):
        return {str(key): plain(each, longest) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each, longest) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _tree(value, arrays):
    if dataclasses.is_dataclass(value):
        fields = {f.name: _tree(getattr(value, f.name), arrays) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": fields}
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": [[key, _tree(each, arrays)] for key, each in value.items()]}
    if isinstance(value, tuple | list):
        return {"tuple": [_tree(each, arrays) for each in value]}
    return value.item() if isinstance(value, np.generic) else value


def _value(tree, held, kinds):
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return held[tree["array"]]
    if "tuple" in tree:
        return tuple(_value(each, held, kinds) for each in tree["tuple"])
    if "dict" in tree:
        return {key: _value(each, held, kinds) for key, each in tree["dict"]}
    return kinds[tree["kind"]](**{name: _value(each, held, kinds) for name, each in tree["fields"].items()})
