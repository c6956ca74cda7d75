"""Execute a chapter with papermill: parameters checked first, progress shown, the result whole or not at all."""

import os
import re
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import papermill
from nbformat.v4 import new_markdown_cell
from papermill.exceptions import PapermillExecutionError, strip_color

from labutils.book.parameters import check_parameters, parameters_of, profile_overrides
from labutils.book.provenance import facts
from labutils.book.records import write

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
QUIET = {"progress_bar": False, "autosave_cell_every": 0, "extra_arguments": ["--log-level=CRITICAL"]}
FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\:'\"]+)+[/\\]")  # of a path: not to be published


def execute(
    notebook: Path,
    output: Path,
    *,
    profile: str = "standard",
    dataset: str | None = None,
    parameters: dict | None = None,
    note: str | None = None,
) -> float:
    """Execute a notebook with papermill, write it, tidied, to `output`, and return the seconds it took.

    `parameters` (name to value) win over the profile. `dataset` goes only to a notebook with a parameter of that
    name; `executed`, the folder of the output, to the pages that sum up the other chapters. A `note` is put below the
    title. Raises ValueError or FileNotFoundError for bad arguments before any work, and RuntimeError naming chapter,
    cell and error when a cell fails; there is no `output` then.
    """
    notebook, output = Path(notebook), Path(output)
    known, path = parameters_of(notebook), Path(dataset).expanduser() if dataset else None
    if output.exists() and output.samefile(notebook):
        raise ValueError(f"output is {str(output)!r}, the notebook itself; allowed: another file")
    values = profile_overrides(notebook, profile) | (parameters or {})
    changed = [f"{name}={value}" for name, value in (parameters or {}).items()]  # for the records
    if dataset and "dataset" in known:
        values["dataset"] = str(path.resolve()) if path.exists() else dataset
        if path.exists():
            note = note or f"This page was executed on your data, `{plain(path.name)}`."
    if "executed" in known:
        values.setdefault("executed", os.path.relpath(output.parent, notebook.parent))
    check_parameters(notebook, values)
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            nb = _run(notebook, Path(folder) / "executed.ipynb", values, profile)
        seconds = round(time.perf_counter() - start, 1)
        nb = tidy(nb, profile=", ".join([profile, *changed]), overrides=values, note=note)
        nb.metadata.labutils |= {"seconds": seconds, "dataset": values.get("dataset")}
        write(output, nbformat.writes(without_path(nb, path) if path else nb) + "\n")
    except BaseException:
        output.unlink(missing_ok=True)  # what an earlier run left must not pass for the result of this one
        raise
    _say(notebook, f"done in {seconds:.0f} s")
    return seconds


def _run(notebook, executed, values, profile):
    """Execute with papermill into the file `executed`, saying how far it is, and return what it wrote."""
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [i for i, c in enumerate(cells, 1) if values and "parameters" in c.metadata.get("tags", [])]
    cell, n_cells, start, stop = 0, len(cells), time.perf_counter(), threading.Event()

    def enter(cell_index, **_):
        nonlocal cell  # counted as in the source, without the cell that papermill puts after the parameters
        cell = cell_index + 1 - (bool(tagged) and cell_index >= tagged[0])

    def report():  # a line now and then, which reads as well in a log as with several chapters side by side
        while not stop.wait(5 if sys.stderr.isatty() else 20):
            _say(notebook, f"cell {cell}/{n_cells}, {time.perf_counter() - start:.0f} s")

    _say(notebook, f"{n_cells} cells, profile {profile}")
    threading.Thread(target=report, daemon=True).start()
    where = {"cwd": str(notebook.parent), "kernel_name": "python3", "on_cell_start": enter}
    try:
        papermill.execute_notebook(str(notebook), str(executed), parameters=values, **QUIET, **where)
    except PapermillExecutionError as error:
        print(strip_color("\n".join(error.traceback)), file=sys.stderr)
        problem = f"{error.ename}: {strip_color(error.evalue)}"
        raise RuntimeError(f"{notebook.stem}: cell {cell} of {n_cells}: {problem}") from None
    except Exception as error:  # the kernel did not start, or died
        raise RuntimeError(f"{notebook.stem}: cell {cell} of {n_cells}: {error}") from error
    finally:
        stop.set()
    return nbformat.read(executed, as_version=4)


def _say(notebook, text):
    print(f"{notebook.stem:<20} {text}", file=sys.stderr, flush=True)


def tidy(
    nb: nbformat.NotebookNode, *, profile: str, overrides: dict, note: str | None = None
) -> nbformat.NotebookNode:
    """An executed notebook with one parameters cell, and nothing in its cells that differs from run to run.

    What papermill measured, and where and when it ran, goes to `nb.metadata.labutils` for the page of run times; what
    libraries warned of on standard error goes to one folded note at the end; `note` goes below the title.
    """
    seconds = [round(cell.metadata.get("papermill", {}).get("duration") or 0, 2) for cell in nb.cells]
    nb.metadata.pop("papermill", None)
    nb.metadata["labutils"] = {"profile": profile, "cell_seconds": seconds} | facts()
    nb.cells = [cell for cell in nb.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    warned = ""
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        for output in [o for o in cell.get("outputs", []) if o.get("name") == "stderr"]:
            warned += output.text
            cell.outputs.remove(output)
        if "parameters" in cell.metadata.get("tags", []):
            _show_parameters(cell, profile, overrides)
    if warned:
        lines = FOLDERS.sub("", strip_color(warned)).replace("```", "'''").splitlines()
        said = "\n".join(dict.fromkeys(lines))
        fold = (
            f"::::{{dropdown}} What libraries warned of while this page was made\n```text\n{said}\n```\n::::"
        )
        nb.cells.append(new_markdown_cell(fold, id="warnings"))
    return noted(nb, note) if note else nb


def _show_parameters(cell, profile, overrides):
    """Label the fold of the parameters cell, and say in it what was set for this run."""
    labels = {"code_prompt_show": "Parameters used for this page", "code_prompt_hide": "Parameters"}
    cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | labels
    cell.metadata.tags = sorted({*cell.metadata.tags, "hide-input"})
    cell.id = "parameters"
    if overrides:
        cell.source += f"\n\n# set by the profile {profile} or on the command line\n"
        cell.source += "\n".join(f"{name} = {value!r}" for name, value in overrides.items())


def noted(nb: nbformat.NotebookNode, note: str) -> nbformat.NotebookNode:
    """The notebook with a note in Markdown below its title."""
    nb.cells.insert(1, new_markdown_cell(f":::{{note}}\n{note}\n:::", id="note"))
    return nb


def without_path(nb: nbformat.NotebookNode, path: Path) -> nbformat.NotebookNode:
    """The notebook with the base name of the reader's file wherever its path stood: pages are published."""
    forms = sorted({str(path.resolve()), str(path)} - {path.name}, key=len, reverse=True)

    def clean(value):
        if isinstance(value, dict):
            return {key: clean(each) for key, each in value.items()}
        if isinstance(value, list):
            return [clean(each) for each in value]
        for form in forms if isinstance(value, str) else ():
            value = value.replace(repr(form)[1:-1], path.name).replace(form, path.name)
        return value

    return nbformat.from_dict(clean(nb))


def plain(name: str) -> str:
    """A file's name as it can stand in inline code in Markdown: no back-ticks, no line breaks."""
    return re.sub(r"[`\s]+", " ", name)
