"""The command as its users meet it: files written, bad input said before any work, stopped and gone on, no room left."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT

from labutils.audit import __main__ as command
from labutils.audit import engine

RNG = np.random.default_rng(0)


def csv(path, n=90, target="label"):
    y = RNG.integers(3, size=n)
    x = 2 * np.eye(3)[y] + RNG.standard_normal((n, 3))
    rows = [",".join([*(f"{v:.4f}" for v in row), f"class {c}"]) for row, c in zip(x, y)]
    path.write_text("\n".join([f"a,b,c,{target}", *rows]) + "\n")
    return path


def call(*arguments):
    return CliRunner().invoke(command.main, list(map(str, arguments)))


def test_writes_the_three_files_and_says_what_it_found(tmp_path):
    file, out = csv(tmp_path / "mine.csv"), tmp_path / "out"
    found = call(file, "--target", "label", "--output", out, "--repeats", 2)
    assert found.exit_code == 0, found.exception
    assert {"report.html", "keep.csv", "audit.json"} <= {path.name for path in out.iterdir()}
    assert "1. What is there?" in found.output and str(out / "report.html") in found.output
    assert str(tmp_path) not in (out / "report.html").read_text() + (out / "audit.json").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--learner", "tree"], "learner is 'tree'"),
        (["--share", "1.5"], "the share is 1.5"),
        (["--error", "0"], "the error asked for is 0"),
        (["--target", "lable"], "it has no column 'lable' \\(is it 'label'\\?\\)"),
        (["--embedding", "absent.npy"], "there is no such file"),
    ],
)
def test_bad_options_are_said_before_anything_is_written(tmp_path, change, said):
    found = call(csv(tmp_path / "mine.csv"), "--target", "label", "--output", tmp_path / "out", *change)
    assert re.search(said, str(found.exception)) and not (tmp_path / "out").exists()


def test_too_many_classes_and_missing_files(tmp_path):
    lines = "\n".join(f"{i},{i // 2}x" for i in range(60))
    (tmp_path / "many.csv").write_text(f"a,target\n{lines}\n")
    assert "30 classes in 60 rows" in str(call(tmp_path / "many.csv").exception)
    assert "there is no such file" in str(call(tmp_path / "absent.csv").exception)


def test_a_file_that_changes_meanwhile_leaves_nothing(tmp_path, monkeypatch):
    file, out = csv(tmp_path / "mine.csv"), tmp_path / "out"
    audit = engine.audit

    def slow(*given, **options):
        file.write_text(file.read_text() + "1,2,3,class 0\n")
        return audit(*given, **options)

    monkeypatch.setattr(engine, "audit", slow)
    found = call(file, "--target", "label", "--output", out, "--repeats", 2)
    assert "changed while it was read; nothing was written" in str(found.exception)
    assert not (out / "report.html").exists() and not (out / "keep.csv").exists()


def test_no_room_is_said_and_nothing_is_left_half_written(tmp_path, monkeypatch):
    file, out = csv(tmp_path / "mine.csv"), tmp_path / "out"
    call(file, "--target", "label", "--output", out, "--repeats", 2)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}

    def full(self, *given, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(out), "write_text", full)
    found = call(file, "--target", "label", "--output", out, "--repeats", 2)
    assert isinstance(found.exception, OSError)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    file, out = csv(tmp_path / "mine.csv", 400), tmp_path / "out"
    line = [
        sys.executable,
        "-m",
        "labutils.audit",
        file,
        "--target",
        "label",
        "--output",
        out,
        "--repeats",
        "40",
    ]
    where = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(list(map(str, line)), **where)
    until = time.monotonic() + 300
    while not list(out.rglob("more_data.npz")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    steps = {path.name: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    assert steps and not (out / "report.html").exists()
    found = call(file, "--target", "label", "--output", out, "--repeats", 40)
    assert found.exit_code == 0 and (out / "report.html").exists()
    after = {path.name: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    assert all(after[name] == stamp for name, stamp in steps.items()) and len(after) == 6
    assert not [path for path in out.rglob(".*") if path.is_file()]
