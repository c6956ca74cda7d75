"""Run a chapter with papermill, collect what it found, and assemble the executed chapters into a site.

The Makefile calls this; by hand: python -m labutils.book run chapters/01_power_laws.ipynb --output out.ipynb -p n_seeds 2
"""

import ast
import base64
import datetime
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError, strip_color

from labutils import data, results
from labutils.data import check_choice

ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": (list, tuple)}
LAUNCH = {"colab_url": "https://colab.research.google.com", "binderhub_url": "https://mybinder.org"}


# ---------------------------------------------------------------- one chapter


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


def facts():
    """Return where and when this runs: date, commit, versions, processor, cores and GPU."""
    cpu = re.search(r"model name\s*: (.*)", _output("cat", "/proc/cpuinfo"))
    packages = {
        name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")
    }
    return {
        "date": today().isoformat(),
        "commit": commit(),
        "versions": {"python": platform.python_version()} | packages,
        "machine": cpu[1] if cpu else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "gpu": _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
    }


def today():
    """Return the date of the build, which SOURCE_DATE_EPOCH (seconds since 1970) may fix."""
    seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()


def commit():
    """Return the short hash of the checkout, with a + where tracked files differ from it; "" without git."""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return _output("git", "rev-parse", "--short", "HEAD") + ("+" if changed else "")


def repository():
    """Return the URL of the book's GitHub repository, or "" where it is not known."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"https://github.com/{name}"
    found = re.search(r"github\.com[:/](.+?/.+?)(\.git)?$", _output("git", "remote", "get-url", "origin"))
    return f"https://github.com/{found[1]}" if found else ""


def _output(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


# ---------------------------------------------------------------- the site


def check_executed(mirror, toc):
    """Raise RuntimeError unless every notebook of the table of contents was executed, to its end, without an error."""
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    for name in files:
        if (ROOT / "chapters" / f"{name}.md").is_file():
            continue
        path = mirror / "chapters" / f"{name}.ipynb"
        if not path.is_file():
            raise RuntimeError(f"{name}: has not been executed; make book does that")
        cells = nbformat.read(path, as_version=4).cells
        if any(output.output_type == "error" for cell in cells for output in cell.get("outputs", [])):
            raise RuntimeError(f"{name}: holds an error; not published")


def site_config(config, runs):
    """Return the book's configuration with the footer of this build and, where the URL is known, launch buttons."""
    url, where = repository(), commit()
    linked = f'<a href="{url}/commit/{where.rstrip("+")}">{where}</a>' if url and where else where
    parts = [
        f"Version {importlib.metadata.version('labutils')}",
        where and f"commit {linked}",
        f"built on {today()}",
    ]
    parts += sorted({f"profile {run['profile']}" for run in runs})
    parts += sorted({f"data {Path(run['dataset']).name}" for run in runs if run["dataset"]})
    config["html"]["extra_footer"] = f'<p class="build">{", ".join(filter(None, parts))}</p>'
    if url:
        config["repository"] = {"url": url, "branch": "main", "path_to_book": "chapters"}
        config["html"] |= {"use_repository_button": True, "use_issues_button": True}
        config["launch_buttons"] = {"notebook_interface": "jupyterlab"} | LAUNCH
    return config


def save_main_figure(chapters):
    """Write the picture of the first cell tagged `main-figure` to `_static/main_figure.png`, for the index page."""
    cells = [cell for nb in results.chapters(chapters).values() for cell in nb.cells]
    tagged = [cell for cell in cells if "main-figure" in cell.metadata.get("tags", [])]
    pictures = [
        out.data["image/png"] for cell in tagged for out in cell.outputs if "image/png" in out.get("data", {})
    ]
    if not pictures:
        raise RuntimeError(f"{chapters}: no chapter has a cell tagged main-figure with a picture")
    (chapters / "_static" / "main_figure.png").write_bytes(base64.b64decode(pictures[0]))


def assemble(mirror, site="_build/html"):
    """Build the site from a folder of executed chapters, put it, whole, at `site`, and return its index page.

    Raises RuntimeError where a chapter is missing or holds an error, and where Jupyter Book warns of anything.
    """
    mirror, site = Path(mirror).resolve(), Path(site)
    pages, old = mirror / "chapters", site.with_name(f"{site.name}.old")
    check_executed(mirror, yaml.safe_load((ROOT / "_toc.yml").read_text()))
    for page in (ROOT / "chapters").glob("*.md"):
        shutil.copy(page, pages)
    for folder in (pages / "_static", mirror / "_build", old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "chapters" / "_static", pages / "_static")
    save_main_figure(pages)
    shutil.copy(ROOT / "references.bib", mirror)
    config = site_config(yaml.safe_load((ROOT / "_config.yml").read_text()), results.run_times(pages))
    results.write(mirror / "_config.yml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    command = [Path(sys.executable).with_name("jupyter-book"), "build", pages, "--path-output", mirror]
    command += ["--config", mirror / "_config.yml", "--toc", ROOT / "_toc.yml", "-W", "-n", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True)
    results.write(mirror / "jupyter-book.log", done.stdout + done.stderr)
    if done.returncode:
        lines = strip_color(done.stdout + done.stderr).splitlines()
        problems = [line for line in lines if re.search(r"WARNING|ERROR|Error:", line)]
        print("\n".join(dict.fromkeys(problems or lines[-20:])), file=sys.stderr)
        raise RuntimeError(
            f"the site: Jupyter Book reports the above; its whole output is {mirror}/jupyter-book.log"
        )
    results.write(mirror / "_build" / "html" / "built-from", mirror.name)
    site.parent.mkdir(parents=True, exist_ok=True)
    if site.exists():
        site.replace(old)
    (mirror / "_build" / "html").replace(site)
    shutil.rmtree(old, ignore_errors=True)
    return site / "index.html"


# ---------------------------------------------------------------- commands


@click.group(help="Run the chapters of the book and assemble them into a site.")
def main():
    for name in THREADS:  # chapters run side by side: the threads of one would only hold up those of another
        os.environ.setdefault(name, "1")


@main.command("run", help="Execute a chapter.")
@click.argument("notebook")
@click.option("--output", required=True, help="Where to write the executed notebook.")
@click.option("--profile", default="standard", show_default=True)
@click.option("--dataset", help="A name or a path, for a chapter with a parameter of this name.")
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter.")
def _run(notebook, output, profile, dataset, pairs):
    known = parameters_of(notebook)
    parameters = {name: value_of(text, known.get(name)) for name, text in pairs}
    execute(notebook, output, profile=profile, dataset=dataset, parameters=parameters)


@main.command("assemble", help="Build the site from the executed chapters in MIRROR/chapters.")
@click.argument("mirror")
@click.option("--site", default="_build/html", show_default=True)
def _assemble(mirror, site):
    print("site                 Jupyter Book, about half a minute", file=sys.stderr, flush=True)
    print(assemble(mirror, site).resolve())


@main.command("check-data", help="Load a data set, or say in one sentence what is wrong with it.")
@click.argument("name")
def _check_data(name):
    dataset = data.load(name)
    shape = f"{len(dataset.y_train):,} + {len(dataset.y_test):,} examples, {len(dataset.classes)} classes"
    print(f"data                 {dataset.name}: {shape}", file=sys.stderr)


for _name, _function in {"keep-full": results.keep_full, "readme": results.write_readme}.items():
    _command = click.Command(_name, callback=_function, params=[click.Argument(["folder"])])
    main.add_command(_command)


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit("stopped; finished chapters are kept")
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"FAILED {error}")
