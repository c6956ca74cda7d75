"""Checkpoints: what was saved comes back, whole or not at all, and a file never runs code."""

import pickle

import numpy as np
import pytest
import torch

from labutils.networks import checkpoints


def test_what_is_saved_comes_back_as_it_was(tmp_path):
    state = {
        "w": {"a": torch.randn(3, 2)},
        ("basis", -1): torch.eye(2),
        "done": 7,
        "losses": [[0.5, 0.25]],
        "name": "x",
    }
    path = tmp_path / "deep" / "run.pt"
    assert checkpoints.load(path) is None
    checkpoints.save(path, state)
    found = checkpoints.load(path)
    assert torch.equal(found["w"]["a"], state["w"]["a"]) and torch.equal(found["basis", -1], torch.eye(2))
    assert (found["done"], found["losses"], found["name"]) == (7, [[0.5, 0.25]], "x")


def test_an_interrupted_save_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    checkpoints.save(path, {"done": 1})

    def half(state, partial):
        partial.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(path, {"done": 2})
    assert checkpoints.load(path) == {"done": 1} and list(tmp_path.iterdir()) == [path]


def test_settings_and_the_content_of_arrays_decide_the_file(tmp_path):
    x = np.arange(6).reshape(2, 3)
    same = checkpoints.path_for(tmp_path, 3, "soap", x)
    assert same == checkpoints.path_for(tmp_path, 3, "soap", x.copy()) and same.parent == tmp_path
    others = [
        (4, "soap", x),
        (3, "muon", x),
        (3, "soap", x + 1),
        (3, "soap", x.T),
        (3, "soap", x.reshape(6)),
        (3, "soap"),
    ]
    others += [("3", "soap", x), (3, "soap", x.astype(np.int32))]
    assert len({same, *(checkpoints.path_for(tmp_path, *each) for each in others)}) == 1 + len(others)


class Evil:
    def __reduce__(self):
        return print, ("this ran",)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(Evil()), None])
@pytest.mark.filterwarnings("ignore:Detected pickle")
def test_a_file_that_is_no_checkpoint_is_named_and_not_run(content, tmp_path, capsys):
    path = tmp_path / "run.pt"
    if content is None:
        torch.save({"x": Evil()}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt cannot be read; delete it"):
        checkpoints.load(path)
    assert "this ran" not in capsys.readouterr().out
