import json
from dataclasses import dataclass

import numpy as np
import pytest

from labutils.audit import store


@dataclass(frozen=True)
class Inner:
    name: str
    values: np.ndarray


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    table: dict
    pair: tuple
    number: float
    flag: bool


OUTER = Outer(
    Inner("a", np.arange(3)), {"x": np.eye(2), "y": (1.5, None)}, (1, (2.0, "b")), float("inf"), True
)


def test_what_was_kept_comes_back(tmp_path):
    store.save(tmp_path / "deep" / "step.npz", OUTER)
    found = store.load(tmp_path / "deep" / "step.npz", (Inner, Outer))
    assert found.pair == OUTER.pair and found.number == np.inf and found.flag is True
    assert np.array_equal(found.inner.values, np.arange(3)) and np.array_equal(found.table["x"], np.eye(2))
    assert list(tmp_path.rglob(".*")) == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half of one"])
def test_what_is_left_of_a_file_is_as_good_as_none(tmp_path, content):
    (tmp_path / "step.npz").write_bytes(content)
    assert store.load(tmp_path / "step.npz", (Inner, Outer)) is None
    assert store.load(tmp_path / "absent.npz", (Inner, Outer)) is None
    store.save(tmp_path / "other.npz", OUTER)
    whole = (tmp_path / "other.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    assert store.load(tmp_path / "cut.npz", (Inner, Outer)) is None
    assert store.load(tmp_path / "other.npz", (Inner,)) is None  # of a kind that is not known any more


def test_json_holds_no_infinity_and_no_long_array():
    text = json.dumps(
        store.plain({"a": OUTER, "long": np.zeros(1_000), "n": np.float64("nan")}), allow_nan=False
    )
    found = json.loads(text)
    assert (
        found["a"]["number"] is None and found["long"] == {"shape": [1000], "sum": 0.0} and found["n"] is None
    )


def test_a_failed_write_leaves_the_old_file_and_nothing_half_written(tmp_path, monkeypatch):
    store.write_bytes(tmp_path / "a.npz", b"old")

    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.pathlib.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        store.write_bytes(tmp_path / "a.npz", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"] and (
        tmp_path / "a.npz"
    ).read_text() == "old"
    with pytest.raises(OSError, match=r"can't be written to: No space left"):
        store.check_room(tmp_path)


def test_a_folder_that_is_a_file_is_said_and_the_parts_of_a_killed_run_go(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="the output folder"):
        store.check_room(tmp_path / "file" / "out")
    for name in (".keep.csv.123", ".how_few.npz.9", ".profile"):
        (tmp_path / name).write_text("")
    store.check_room(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".profile", "file"]
