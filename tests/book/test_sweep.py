"""A sweep performs every combination once, survives failures and killed workers, and gathers what was found."""

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labutils.book import sweep

PARAMETERS = """seed: int = 0  # draws, in [0, 1000]
rate: float = 0.5  # what the claim comes to, over five, in (0, 2]
sizes: list[int] = [16]  # sizes
learner: str = "mlp"  # who learns"""
WORK = """import os, time
from pathlib import Path
from labutils.book import claims
Path({marks!r}, f"{{rate}}-{{seed}}").write_text(str(os.getpid()))
time.sleep({seconds})
if rate == 0.13:
    raise ValueError("unlucky")
claims.check("kaplan_eightfold", (5 * rate + seed / 100, (5 * rate - 1, 5 * rate + 1)))"""


@pytest.fixture
def notebook(tmp_path):
    return write(tmp_path)


def write(folder, seconds=0.0):
    (folder / "marks").mkdir(exist_ok=True)
    work = WORK.format(marks=str(folder / "marks"), seconds=seconds)
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(work)]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "toy.ipynb")
    return folder / "toy.ipynb"


def command(notebook, folder, *words):
    line = [sys.executable, "-m", "labutils.book", "sweep", notebook, "--output", folder, *words]
    return subprocess.run(list(map(str, line)), capture_output=True, text=True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.2,0.3,0.4", [0.2, 0.3, 0.4]),
        ("0..4", [0, 1, 2, 3, 4]),
        ("-1..1,7,7", [-1, 0, 1, 7]),
        ("[1,2],[3]", [[1, 2], [3]]),
        ("mlp, forest", ["mlp", "forest"]),
        ("'a,b'", ["a,b"]),
        ("5", [5]),
    ],
)
def test_values_are_read_as_they_are_written(text, values):
    assert sweep.values_of(text, None) == values


def test_grid_combines_a_file_and_pairs_which_override_it(notebook, tmp_path):
    (tmp_path / "grid.yml").write_text("rate: [0.2, 0.4]\nseed: 3\nsizes: [[1, 2], [3]]\n")
    found = sweep.grid(notebook, ["seed=1..2"], tmp_path / "grid.yml")
    assert len(found) == len({str(each) for each in found}) == 8
    assert {"rate": 0.4, "seed": 2, "sizes": [3]} in found


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["sede=1"], "sede.*seed"),
        (["seed=1.5"], "parameter seed of toy.ipynb is 1.5; allowed: int"),
        (["rate=0.5,3"], r"rate of toy.ipynb is 3; allowed: float, in \(0, 2\]"),
        (["rate"], "allowed: name=value"),
        (["seed=5..1"], "5..1 holds no values"),
        ([], "at least one value"),
    ],
)
def test_bad_grids_are_refused_before_any_work(notebook, tmp_path, pairs, message):
    with pytest.raises(ValueError, match=message):
        sweep.grid(notebook, pairs)
    if pairs == ["rate"]:  # and so by the command, of which one is enough
        done = command(notebook, tmp_path / "out", "-p", "rate")
        assert done.returncode != 0 and "FAILED" in done.stderr and not (tmp_path / "out").exists()


def test_failures_are_named_at_the_end_and_the_others_go_on(notebook, tmp_path):
    out = tmp_path / "out"
    done = command(notebook, out, "-p", "rate=0.1,0.13", "-p", "seed=0..1", "--jobs", 2)
    assert done.returncode != 0
    assert (
        "2 of 4 runs" in done.stderr
        and "rate=0.13, seed=1: exit code 1" in done.stderr
        and "unlucky" in done.stderr
    )
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [(row["rate"], row["seed"], row["value"]) for row in rows] == [
        ("0.1", "0", "0.5"),
        ("0.1", "1", "0.51"),
    ]
    assert {row["verdict"] for row in rows} == {"not reproduced"}
    assert [path.name for path in (out / "plots").iterdir()] == [
        "kaplan_eightfold.png"
    ]  # over the seed, which alone differs
    assert len(list(out.glob("*.log"))) == 2  # of the runs that failed alone


def test_finished_runs_are_skipped_and_half_written_or_outdated_ones_redone(notebook, tmp_path):
    runs = sweep.plan(notebook, sweep.grid(notebook, ["rate=0.1,0.2"]), tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".{runs[0].output.name}.123").write_text(
        '{"cells": ['
    )  # what a killed writer leaves
    assert sweep.sweep(runs, jobs=2) == {}
    first = [path.stat().st_mtime_ns for path in (tmp_path / "marks").iterdir()]
    assert sweep.sweep(runs, jobs=2) == {} and len(first) == 2
    assert [path.stat().st_mtime_ns for path in (tmp_path / "marks").iterdir()] == first
    other = write(tmp_path, seconds=0.01)  # an edited notebook has other outputs
    again = sweep.plan(other, sweep.grid(other, ["rate=0.1,0.2"]), tmp_path / "out")
    assert not {run.output for run in again} & {run.output for run in runs}


def test_a_killed_run_costs_that_run_alone(tmp_path):
    notebook = write(tmp_path, seconds=2.0)
    runs = sweep.plan(notebook, sweep.grid(notebook, ["rate=0.1,0.2"]), tmp_path / "out")
    failed = {}
    thread = threading.Thread(target=lambda: failed.update(sweep.sweep(runs, jobs=2)))
    thread.start()
    os.kill(
        int(wait_for(tmp_path / "marks" / "0.1-0").read_text()), signal.SIGKILL
    )  # the kernel of the first run
    thread.join()
    assert list(failed) == ["rate=0.1"] and [run.output.is_file() for run in runs] == [False, True]
    assert sweep.sweep(runs, jobs=2) == {} and all(run.output.is_file() for run in runs)


def test_dask_loses_nothing_when_one_of_two_workers_is_killed(tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    notebook = write(tmp_path, seconds=3.0)
    runs = sweep.plan(notebook, sweep.grid(notebook, ["seed=0..2"]), tmp_path / "out")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        failed = {}
        options = {"backend": "dask", "address": cluster.scheduler_address}
        thread = threading.Thread(target=lambda: failed.update(sweep.sweep(runs, **options)))
        thread.start()
        while len(list((tmp_path / "marks").iterdir())) < 2:  # one on each worker
            assert thread.is_alive()
            time.sleep(0.05)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        thread.join(timeout=300)
    assert not thread.is_alive() and failed == {} and all(run.output.is_file() for run in runs)


def wait_for(path, seconds=300):
    until = time.monotonic() + seconds
    while not (path.is_file() and path.read_text()):
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.05)
    return path


def test_dask_without_dask_is_refused(notebook, tmp_path):
    done = command(notebook, tmp_path / "out", "-p", "seed=0", "--address", "tcp://x:1")
    assert done.returncode != 0 and re.search("--address goes with --backend dask", done.stderr)
