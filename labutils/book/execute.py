"""Execute a chapter with papermill: parameters checked first, progress shown, the result whole or not at all."""

import ast
import os
import sys
import threading
import time
from pathlib import Path

import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError, strip_color

from labutils.book.provenance import facts
from labutils.checks import check_choice

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": (list, tuple)}


def parameters_of(notebook):
    """Return {name: {"inferred_type_name", "default", "help"}} of a notebook's cell tagged `parameters`."""
    if not Path(notebook).is_file():
        raise FileNotFoundError(f"notebook: there is no {notebook}")
    return papermill.inspect_notebook(str(notebook))


def profile_overrides(notebook, profile):
    """Return the parameters a profile sets for a notebook; the notebook's defaults are the profile `standard`."""
    folder = Path(notebook).parent / "profiles"
    check_choice("profile", profile, ["standard", *sorted(path.stem for path in folder.glob("*.yml"))])
    path = folder / f"{profile}.yml"
    overrides = yaml.safe_load(path.read_text()) if path.is_file() else None
    return dict((overrides or {}).get(Path(notebook).stem) or {})


def fits(value, annotation):
    """Return whether a value fits an annotation such as `int`, `list[float]` or `tuple[int, int]`."""
    base, _, inner = annotation.partition("[")
    if base not in TYPES:  # not annotated, or a type that this function does not know
        return True
    if not isinstance(value, TYPES[base]) or (isinstance(value, bool) and base != "bool"):
        return False
    item = inner.rstrip("]").split(",")[0]
    return not item or all(fits(element, item) for element in value)


def check_parameters(notebook, values):
    """Raise ValueError for a value whose name the notebook's parameters do not have, or whose type is not theirs."""
    known = parameters_of(notebook)
    for name, value in values.items():
        check_choice(f"parameter of {Path(notebook).name}", name, known)
        wanted = known[name]["inferred_type_name"]
        if not fits(value, wanted):
            raise ValueError(f"parameter {name} of {Path(notebook).name} is {value!r}; allowed: {wanted}")


def value_of(text, parameter):
    """Return the Python value that a text of the command line stands for; a text for a parameter of type str."""
    if parameter and parameter["inferred_type_name"] == "str":
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text  # and `check_parameters` will say what was expected


def execute(notebook, output, *, profile="standard", dataset=None, parameters=None):
    """Execute a notebook with papermill, write it, tidied, to `output`, and return the seconds it took.

    `parameters` (name to value) win over the profile. `dataset` goes only to a notebook with a parameter of that
    name; `executed`, the folder of the output, to the pages that sum up the other chapters. Raises ValueError or
    FileNotFoundError for bad arguments before any work, and RuntimeError naming chapter, cell and error when a
    cell fails; `output` is not written then.
    """
    notebook, output = Path(notebook), Path(output)
    known = parameters_of(notebook)
    values = profile_overrides(notebook, profile) | (parameters or {})
    ran = ", ".join(
        [profile, *(f"{name}={value}" for name, value in (parameters or {}).items())]
    )  # for the records
    if dataset and "dataset" in known:
        values["dataset"] = str(Path(dataset).resolve()) if Path(dataset).exists() else dataset
    if "executed" in known:
        values.setdefault("executed", os.path.relpath(output.parent, notebook.parent))
    check_parameters(notebook, values)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)  # what an earlier run left must not pass for the result of this one
    partial = output.with_name(f".{output.stem}.partial.ipynb")
    cells = nbformat.read(notebook, as_version=4).cells
    injected = next(
        (i for i, c in enumerate(cells, 1) if values and "parameters" in c.metadata.get("tags", [])), None
    )
    cell, n_cells, start, stop = 0, len(cells), time.perf_counter(), threading.Event()

    def say(text):
        print(f"{notebook.stem:<20} {text}", file=sys.stderr, flush=True)

    def enter(cell_index, **_):
        nonlocal cell  # counted as in the source, without the cell that papermill puts after the parameters
        cell = cell_index + 1 - (injected is not None and cell_index >= injected)

    def report():  # a line now and then, which reads as well in a log as with several chapters side by side
        while not stop.wait(5 if sys.stderr.isatty() else 20):
            say(f"cell {cell}/{n_cells}, {time.perf_counter() - start:.0f} s")

    say(f"{n_cells} cells, profile {profile}")
    threading.Thread(target=report, daemon=True).start()
    quiet = {"progress_bar": False, "autosave_cell_every": 0, "extra_arguments": ["--log-level=CRITICAL"]}
    where = {"cwd": str(notebook.parent), "kernel_name": "python3", "on_cell_start": enter}
    try:
        papermill.execute_notebook(str(notebook), str(partial), parameters=values, **quiet, **where)
        seconds = round(time.perf_counter() - start, 1)
        nb = tidy(nbformat.read(partial, as_version=4), profile=ran, overrides=values)
        nb.metadata.labutils |= {"seconds": seconds, "dataset": values.get("dataset")}
        nbformat.write(nb, partial)
        partial.replace(output)
    except PapermillExecutionError as error:
        print(strip_color("\n".join(error.traceback)), file=sys.stderr)
        problem = f"{error.ename}: {strip_color(error.evalue)}"
        raise RuntimeError(f"{notebook.stem}: cell {cell} of {n_cells}: {problem}") from None
    except Exception as error:  # the kernel did not start, or died
        raise RuntimeError(f"{notebook.stem}: cell {cell} of {n_cells}: {error}") from error
    finally:
        stop.set()
        partial.unlink(missing_ok=True)
    say(f"done in {seconds:.0f} s")
    return seconds


def tidy(nb, *, profile, overrides):
    """Return an executed notebook with one parameters cell, and nothing in its cells that differs from run to run.

    What papermill measured, and where and when it ran, goes to `nb.metadata.labutils` for the page of run times.
    """
    seconds = [round(cell.metadata.get("papermill", {}).get("duration") or 0, 2) for cell in nb.cells]
    nb.metadata.pop("papermill", None)
    nb.metadata["labutils"] = {"profile": profile, "cell_seconds": seconds} | facts()
    nb.cells = [cell for cell in nb.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "parameters" in cell.metadata.get("tags", []):
            labels = {"code_prompt_show": "Parameters used for this page", "code_prompt_hide": "Parameters"}
            cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | labels
            cell.metadata.tags = sorted({*cell.metadata.tags, "hide-input"})
            cell.id = "parameters"
            if overrides:
                cell.source += f"\n\n# set by the profile {profile} or on the command line\n"
                cell.source += "\n".join(f"{name} = {value!r}" for name, value in overrides.items())
    return nb
