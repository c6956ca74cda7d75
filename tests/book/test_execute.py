"""A chapter runs with checked parameters or not at all, and what it leaves is the same every time."""

import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labutils.book import execute

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
        execute.execute(notebook, tmp_path / "out" / "toy.ipynb", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_profile_with_an_unknown_name_is_refused(notebook, tmp_path):
    (tmp_path / "profiles" / "smoke.yml").write_text("toy:\n  n_sedes: 1\n")
    with pytest.raises(ValueError, match=r"n_sedes.*n_seeds"):
        execute.execute(notebook, tmp_path / "out.ipynb", profile="smoke")


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ipynb"):
        execute.execute(tmp_path / "nowhere.ipynb", tmp_path / "out.ipynb")


def test_an_executed_chapter_is_tidy_and_the_same_every_time(notebook, tmp_path, capfd):
    values = {"rate": 2, "sizes": [8]}
    for out in ("one", "two"):
        execute.execute(
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
    execute.execute(notebook, tmp_path / "out.ipynb", dataset="mnist")
    assert printed(tmp_path / "out.ipynb") == "3\n"


def test_summary_pages_are_told_where_the_chapters_are(tmp_path):
    notebook = write(
        tmp_path, "print(executed)", defaults='executed: str = "there"  # folder of the chapters'
    )
    execute.execute(notebook, tmp_path / "mirror" / "toy.ipynb")
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


def test_a_notebook_is_not_overwritten_by_its_own_run(notebook):
    before = notebook.read_bytes()
    with pytest.raises(ValueError, match="the notebook itself; allowed: another file"):
        execute.execute(notebook, notebook)
    assert notebook.read_bytes() == before


def test_the_readers_path_is_not_published(tmp_path):
    (tmp_path / "secret folder").mkdir()
    mine = tmp_path / "secret folder" / "mine.csv"
    mine.write_text("a,target\n1,x\n")
    notebook = write(tmp_path, "print('read', dataset)", "dataset")
    execute.execute(notebook, tmp_path / "out.ipynb", dataset=str(mine))
    text = (tmp_path / "out.ipynb").read_text()
    assert "mine.csv" in text and "read mine.csv" in text and "executed on your data" in text
    assert "secret" not in text and str(tmp_path) not in text


def test_warnings_are_folded_into_a_note_without_paths(tmp_path):
    loud = "import sys, warnings\nwarnings.warn('too few rows')\nprint('/home/me/lib/x.py: odd', file=sys.stderr)"
    execute.execute(write(tmp_path, loud, "print('on')"), tmp_path / "out.ipynb")
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert not [o for c in cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert cells[-1].source.startswith("::::{dropdown}") and "too few rows" in cells[-1].source
    assert "x.py: odd" in cells[-1].source and "/home" not in cells[-1].source


def test_a_chapter_that_stops_on_the_readers_data_keeps_the_books_own(tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("a,target\n1,x\n")
    notebook = write(tmp_path, "assert dataset == 'digits', 'odd data'\nprint(dataset)")
    command = [sys.executable, "-m", "labutils.book", "run", notebook, "--output", tmp_path / "out.ipynb"]
    done = subprocess.run([*command, "--dataset", mine], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "keeps the book's own data" in done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert "keeps the book's own data" in cells[1].source and "odd data" in cells[1].source
    assert cells[-1].outputs[0].text == "digits\n"
