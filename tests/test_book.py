"""A chapter runs with checked parameters or not at all, and what it leaves is the same every time."""

import os
import subprocess
import sys

import nbformat
import pytest
import yaml
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labutils import book

DEFAULTS = """n_seeds: int = 3  # independent runs
rate: float = 0.5  # learning rate
sizes: list[int] = [16, 32]  # training-set sizes
dataset: str = "digits"  # what to learn"""


@pytest.fixture
def notebook(tmp_path):
    """A notebook that prints its parameters, beside a profile `smoke` that sets one of them."""
    return write(tmp_path, "print(n_seeds, rate, sizes, dataset)")


def write(folder, *sources, defaults=DEFAULTS):
    parameters = new_code_cell(defaults, metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# Toy"), parameters, *map(new_code_cell, sources)]
    nb = new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / "smoke.yml").write_text("toy:\n  n_seeds: 1\n")
    nbformat.write(nb, folder / "toy.ipynb")
    return folder / "toy.ipynb"


def printed(path):
    return "".join(o.text for cell in nbformat.read(path, as_version=4).cells[2:] for o in cell.outputs)


def test_parameters_come_with_type_default_and_comment(notebook):
    parameter = book.parameters_of(notebook)["sizes"]
    assert parameter["inferred_type_name"] == "list[int]"
    assert parameter["default"] == "[16, 32]"
    assert parameter["help"] == "training-set sizes"


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, "int", True),
        (3.0, "int", False),
        (True, "int", False),
        (True, "bool", True),
        (3, "float", True),
        ("3", "float", False),
        ([1, 2], "list[int]", True),
        ([1, 2.5], "list[int]", False),
        ([], "list[int]", True),
        ([[1], [2]], "list[list[int]]", True),
        ([[1], ["2"]], "list[list[int]]", False),
        ((1, 2), "tuple[int, int]", True),
        ("mnist", "str", True),
        (None, "str", False),
        (object(), "Anything", True),
    ],
)
def test_fits(value, annotation, expected):
    assert book.fits(value, annotation) is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": {"n_seed": 2}}, "n_seed.*n_seeds"),
        ({"parameters": {"n_seeds": "two"}}, "n_seeds.*'two'.*int"),
        ({"parameters": {"sizes": [1, "x"]}}, "sizes.*list"),
        ({"profile": "smok"}, "profile.*smok.*'smoke'"),
    ],
)
def test_bad_arguments_are_named_before_any_work(notebook, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        book.execute(notebook, tmp_path / "out" / "toy.ipynb", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_profile_with_an_unknown_name_is_refused(notebook, tmp_path):
    (tmp_path / "profiles" / "smoke.yml").write_text("toy:\n  n_sedes: 1\n")
    with pytest.raises(ValueError, match=r"n_sedes.*n_seeds"):
        book.execute(notebook, tmp_path / "out.ipynb", profile="smoke")


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ipynb"):
        book.execute(tmp_path / "nowhere.ipynb", tmp_path / "out.ipynb")


def test_an_executed_chapter_is_tidy_and_the_same_every_time(notebook, tmp_path, capfd):
    values = {"rate": 2, "sizes": [8]}
    for out in ("one", "two"):
        book.execute(
            notebook, tmp_path / out / "toy.ipynb", profile="smoke", dataset="mnist", parameters=values
        )
    one, two = (nbformat.read(tmp_path / out / "toy.ipynb", as_version=4) for out in ("one", "two"))
    assert printed(tmp_path / "one" / "toy.ipynb") == "1 2 [8] mnist\n"
    assert one.cells == two.cells
    parameters = [cell for cell in one.cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.id for cell in parameters] == ["parameters"]
    assert parameters[0].source.startswith(DEFAULTS) and "n_seeds = 1\n" in parameters[0].source
    assert parameters[0].metadata.mystnb.code_prompt_show == "Parameters used for this page"
    assert not any({"papermill", "execution"} & set(cell.metadata) for cell in one.cells)
    run = one.metadata.labutils
    assert run.profile == "smoke, rate=2, sizes=[8]"  # no run with changed parameters passes for the profile
    assert run.dataset == "mnist" and run.seconds > 0 and run.versions.torch
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["toy.ipynb"]
    assert "toy" in capfd.readouterr().err


def test_the_data_set_goes_only_to_chapters_that_take_one(tmp_path):
    notebook = write(tmp_path, "print(n_seeds)", defaults="n_seeds: int = 3  # independent runs")
    book.execute(notebook, tmp_path / "out.ipynb", dataset="mnist")
    assert printed(tmp_path / "out.ipynb") == "3\n"


def test_summary_pages_are_told_where_the_chapters_are(tmp_path):
    notebook = write(
        tmp_path, "print(executed)", defaults='executed: str = "there"  # folder of the chapters'
    )
    book.execute(notebook, tmp_path / "mirror" / "toy.ipynb")
    assert printed(tmp_path / "mirror" / "toy.ipynb") == "mirror\n"


def test_a_failing_cell_ends_with_one_clear_line_and_leaves_nothing(tmp_path):
    notebook = write(tmp_path, "print('fine')", "1 / 0", "print('never')")
    output = tmp_path / "out" / "toy.ipynb"
    output.parent.mkdir()
    output.write_text("of an earlier run")
    command = [
        sys.executable,
        "-m",
        "labutils.book",
        "run",
        notebook,
        "--output",
        output,
        "-p",
        "n_seeds",
        "2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "FAILED toy: cell 4 of 5: ZeroDivisionError: division by zero"
    assert list(output.parent.iterdir()) == []


def test_values_on_the_command_line_are_read_by_the_parameters_type(notebook, tmp_path):
    command = [sys.executable, "-m", "labutils.book", "run", notebook, "--output", tmp_path / "out.ipynb"]
    pairs = ["-p", "sizes", "[1, 2]", "-p", "dataset", "10", "-p", "rate", "1e-3"]
    done = subprocess.run([*command, *pairs], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert printed(tmp_path / "out.ipynb") == "3 0.001 [1, 2] 10\n"


def mirror_of(folder, **outputs):
    """A mirror whose chapters are all executed, with the given outputs in place of none."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    (folder / "chapters").mkdir()
    for name in [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]:
        nb = new_notebook(cells=[new_code_cell("1", outputs=outputs.get(name, []))])
        nbformat.write(nb, folder / "chapters" / f"{name}.ipynb")
    return folder, toc


def test_only_chapters_executed_without_an_error_are_published(tmp_path):
    book.check_executed(*mirror_of(tmp_path))
    (tmp_path / "chapters" / "scoreboard.ipynb").unlink()
    with pytest.raises(RuntimeError, match="scoreboard"):
        book.assemble(tmp_path, tmp_path / "html")
    assert not (tmp_path / "html").exists()


def test_a_chapter_that_holds_an_error_is_not_published(tmp_path):
    error = new_output("error", ename="E", evalue="", traceback=[])
    folder, _ = mirror_of(tmp_path, scoreboard=[error])
    with pytest.raises(RuntimeError, match="scoreboard: holds an error"):
        book.assemble(folder, tmp_path / "html")


def test_the_footer_says_version_commit_date_profile_and_data(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    monkeypatch.setattr(book, "commit", lambda: "abc1234")
    runs = [{"profile": "smoke", "dataset": name} for name in (None, "/home/someone/mine.csv")]
    footer = book.site_config({"html": {}}, runs)["html"]["extra_footer"]
    assert "Version" in footer and "commit abc1234" in footer and "1970-01-02" in footer
    assert "profile smoke, data mine.csv" in footer and "someone" not in footer


@pytest.mark.parametrize("remote", ["git@github.com:owner/name.git", "https://github.com/owner/name"])
def test_launch_buttons_appear_where_the_repository_is_known(monkeypatch, remote):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(book, "_output", lambda *command: remote if "remote" in command else "abc1234")
    config = book.site_config({"html": {}}, [])
    assert config["repository"]["url"] == "https://github.com/owner/name"
    assert config["launch_buttons"]["colab_url"].startswith("https://colab")


def test_no_launch_buttons_where_the_repository_is_not_known(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(book, "_output", lambda *command: "")
    config = book.site_config({"html": {}}, [])
    assert "launch_buttons" not in config and "repository" not in config
    assert "commit" not in config["html"]["extra_footer"]
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    assert book.repository() == "https://github.com/owner/name"


@pytest.mark.parametrize(
    ("option", "message"), [("PROFILE=smok", "did you mean smoke"), ("PROFILE=", "allowed: ")]
)
def test_make_refuses_an_unknown_profile(option, message):
    done = subprocess.run(["make", "book", option], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode != 0
    assert message in done.stderr


def test_make_alone_lists_the_commands():
    done = subprocess.run(["make"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0
    assert {"book", "test", "serve", "bench", "clean"} <= {
        line.split()[0] for line in done.stdout.splitlines()
    }


def test_make_runs_a_chapter_again_only_when_what_it_is_made_from_changed(tmp_path):
    target = "_build/smoke/chapters/01_toy.ipynb"
    sources = [
        "chapters/01_toy.ipynb",
        "chapters/claims.yml",
        "chapters/profiles/smoke.yml",
        "labutils/toy.py",
    ]
    for name in ["Makefile", "requirements.txt", "pyproject.toml", ".venv/installed", *sources, target]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes() if name == "Makefile" else b"")
        os.utime(tmp_path / name, (1000, 1000))

    def stale():
        command = ["make", "--question", "PROFILE=smoke", target]
        return subprocess.run(command, capture_output=True, cwd=tmp_path).returncode == 1

    assert not stale()
    for name in sources:
        os.utime(tmp_path / name, (2000, 2000))
        assert stale(), name
        os.utime(tmp_path / name, (1000, 1000))
    assert not stale()
