"""make refuses what it does not know, and executes anew only what an edit can change."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import ROOT


@pytest.mark.parametrize(
    ("option", "message"), [("PROFILE=smok", "did you mean smoke"), ("PROFILE=", "allowed: ")]
)
def test_make_refuses_an_unknown_profile(option, message):
    done = subprocess.run(["make", "book", option], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert message in done.stderr


def test_make_executes_the_named_chapters_alone():
    done = subprocess.run(
        ["make", "-n", "chapters", "PROFILE=smoke", "MIRROR=_build/none", "CHAPTERS=02 03"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (
        re.findall(r"run chapters/(\d\d)_", done.stdout) == ["02", "03"] and "scoreboard" not in done.stdout
    )
    done = subprocess.run(["make", "book", "CHAPTERS=02 3"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0 and "3 is no chapter; allowed: 01 02" in done.stderr


def test_make_verdicts_runs_the_named_chapters_on_each_seed():
    command = ["make", "-n", "verdicts", "SEEDS=3,5", "CHAPTERS=02", "JOBS=1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    runs = re.findall(r"-p seed (\d) --output (\S+)", done.stdout)
    assert runs == [(seed, f"_build/standard-seed-{seed}/chapters/02_capacity.ipynb") for seed in "35"]
    assert "keep-seeds _build/standard-seed-3/chapters _build/standard-seed-5/chapters" in done.stdout


def test_make_alone_lists_the_commands():
    done = subprocess.run(["make"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert {"book", "test", "serve", "bench", "clean"} <= {
        line.split()[0] for line in done.stdout.splitlines()
    }


@pytest.fixture
def tree(tmp_path):
    """A copy of what make reads, as if built with the profile smoke: every file old, every target a little younger."""
    for name in ("labutils", "chapters", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (
        "Makefile",
        "requirements.txt",
        "pyproject.toml",
        "_config.yml",
        "_toc.yml",
        "references.bib",
    ):
        shutil.copy(ROOT / name, tmp_path)
    targets = [f"_build/smoke/chapters/{path.name}" for path in (ROOT / "chapters").glob("*.ipynb")]
    for name in [".venv/installed", *targets]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for path in tmp_path.rglob("*"):
        os.utime(path, (2000, 2000) if "_build" in path.parts else (1000, 1000))
    make(tmp_path, "PROFILE=smoke", "--dry-run", "book")  # writes the dependencies
    for path in (tmp_path / "_build" / "dependencies").rglob("*"):
        os.utime(path, (1500, 1500))
    return tmp_path


def make(folder, *words):
    return subprocess.run(["make", *words], capture_output=True, text=True, cwd=folder)


def executed_anew(folder, name, edit=None):
    """The chapters that make would execute after an edit to a file, by their numbers."""
    path = folder / name
    before = path.read_text()
    path.write_text(edit(before) if edit else before)
    targets = [f"_build/smoke/chapters/{p.name}" for p in (ROOT / "chapters").glob("[0-9]*.ipynb")]
    done = make(folder, "PROFILE=smoke", "--dry-run", *targets)
    assert done.returncode == 0, done.stderr
    path.write_text(before)
    make(folder, "PROFILE=smoke", "--dry-run", *targets)  # so that the dependencies are as before, too
    os.utime(path, (1000, 1000))
    for file in (folder / "_build" / "dependencies").rglob("*"):
        os.utime(file, (1500, 1500))
    return sorted(re.findall(r"run chapters/(\d\d)_", done.stdout))


@pytest.mark.parametrize(
    ("name", "chapters"),
    [
        ("labutils/geometry/translation.py", ["10"]),
        ("labutils/laws/kernel_regression.py", ["01", "09"]),
        ("labutils/networks/gradient_norms.py", ["06", "12"]),
        ("labutils/book/site.py", []),
        ("labutils/book/execute.py", []),
        ("labutils/__init__.py", []),  # the map: it computes nothing
        ("chapters/04_easy_hard.ipynb", ["04"]),
    ],
)
def test_an_edit_executes_only_the_chapters_that_import_the_file(tree, name, chapters):
    assert executed_anew(tree, name) == chapters


def test_a_claim_or_a_parameter_executes_only_its_chapter(tree):
    widen = lambda text: text.replace("accept: [0.3010, 0.3011]", "accept: [0.3009, 0.3011]")  # noqa: E731
    assert executed_anew(tree, "chapters/claims.yml", widen) == ["01"]
    fewer = lambda text: text.replace("  perceptron_seeds: 500", "  perceptron_seeds: 400")  # noqa: E731
    assert executed_anew(tree, "chapters/profiles/smoke.yml", fewer) == ["02"]
    assert executed_anew(tree, "chapters/claims.yml", lambda text: "# a comment\n" + text) == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("JOBS=0", "JOBS=0; allowed: whole numbers from 1"),
        ("SEEDS=1,,2", "SEEDS=1,,2; allowed: whole numbers"),
        ("SEED=one", "SEED=one .*allowed: whole numbers"),
        ("JOBS=many", "JOBS=many; allowed: whole numbers from 1"),
        ("DATSET=mine.csv", "DATSET is no variable of this Makefile; allowed: .*DATASET"),
        ("PROFILE=smoke full", "not a profile"),
        ("PROFILE=$(shell touch pwned)", "not a profile"),
        ("JOBS=$(shell touch pwned)", "allowed: whole numbers"),
    ],
)
def test_make_says_what_it_does_not_know_and_runs_none_of_it(tree, option, message):
    done = make(tree, "book", option)
    assert done.returncode != 0 and re.search(message, done.stderr), done.stderr
    assert not (tree / "pwned").exists()


@pytest.mark.parametrize(
    "name",
    ["$(shell touch pwned).csv", "`touch pwned`.csv", "it's; touch pwned.csv", 'c:d$x "é.csv', "-dash.csv"],
)
def test_a_hostile_file_name_is_only_a_name(tree, name):
    shutil.rmtree(tree / ".venv")
    (tree / ".venv").symlink_to(ROOT / ".venv")
    (tree / name).write_text("a,b,target\n" + "".join(f"{i % 9},{i % 7},{'xy'[i % 2]}\n" for i in range(40)))
    done = make(tree, "PROFILE=smoke", "--dry-run", "book", f"DATASET={name}")
    assert done.returncode == 0, done.stderr
    assert "2 features" in done.stderr, done.stderr
    assert "used by" in done.stderr or "no chapter" in done.stderr
    assert not (tree / "pwned").exists() and not list(tree.rglob("pwned"))
