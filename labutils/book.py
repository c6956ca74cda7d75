"""Run a chapter with papermill, collect its claims, and assemble the executed chapters into a site.

The Makefile calls this module; by hand, from the root of the repository:

    python -m labutils.book run chapters/01_power_laws.ipynb --profile smoke --output /tmp/01.ipynb -p n_seeds 2
    python -m labutils.book assemble _build/standard
"""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from base64 import b64decode
from pathlib import Path

import click
import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError, strip_color

from labutils import claims
from labutils.data import check_choice

ROOT = Path(__file__).resolve().parents[1]
FULL = ROOT / "chapters" / "records" / "full.json"
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": (list, tuple)}


# ---------------------------------------------------------------- parameters


def parameters_of(notebook):
    """Return {name: {"inferred_type_name", "default", "help"}} of a notebook's cell tagged `parameters`."""
    if not Path(notebook).is_file():
        raise FileNotFoundError(f"notebook: {notebook} does not exist")
    return papermill.inspect_notebook(str(notebook))


def profile_overrides(notebook, profile):
    """Return the parameters that a profile sets for a notebook; the defaults are the profile `standard`."""
    folder = Path(notebook).parent / "profiles"
    names = ["standard", *(path.stem for path in folder.glob("*.yml"))]
    check_choice("profile", profile, names)
    path = folder / f"{profile}.yml"
    overrides = yaml.safe_load(path.read_text()) if path.is_file() else None
    return dict((overrides or {}).get(Path(notebook).stem) or {})


def fits(value, annotation):
    """Return whether a value fits an annotation such as `int`, `list[float]` or `tuple[int, int]`."""
    base, _, inner = annotation.partition("[")
    kind = TYPES.get(base.strip())
    if kind is None:  # not annotated, or a type this function does not know
        return True
    if isinstance(value, bool) and base != "bool":
        return False
    first = inner.rstrip("] ").split(",")[0].strip()
    return isinstance(value, kind) and (not first or all(fits(item, first) for item in value))


def check_parameters(notebook, values):
    """Raise ValueError for a value whose name or type the notebook's parameters do not have."""
    known = parameters_of(notebook)
    for name, value in values.items():
        check_choice(f"parameter of {Path(notebook).name}", name, known)
        annotation = known[name]["inferred_type_name"]
        if not fits(value, annotation):
            raise ValueError(f"{Path(notebook).name}: parameter {name} takes {annotation}, got {value!r}")


def parse(notebook, pairs):
    """Return {name: value} of (name, text) pairs, read as YAML unless the parameter is a string."""
    known = parameters_of(notebook)
    is_text = {name for name, parameter in known.items() if parameter["inferred_type_name"] == "str"}
    return {name: text if name in is_text else yaml.safe_load(text) for name, text in pairs}


# ---------------------------------------------------------------- one chapter


def execute(notebook, output, *, profile="standard", dataset=None, parameters=None):
    """Execute a notebook with papermill and write it, tidied, to `output`; return the seconds it took.

    `parameters` win over the profile. `dataset` is passed on only where the notebook has a parameter of that
    name, and likewise `executed`, the folder of the output, to the pages that summarise the other chapters.
    Raises ValueError or FileNotFoundError for bad arguments before any work, and RuntimeError naming
    chapter, cell and error when a cell fails; nothing is left at `output` then.
    """
    notebook, output = Path(notebook), Path(output)
    known = parameters_of(notebook)
    values = profile_overrides(notebook, profile) | (parameters or {})
    if dataset is not None and "dataset" in known:
        values["dataset"] = str(Path(dataset).resolve()) if Path(dataset).exists() else dataset
    if "executed" in known:
        values.setdefault("executed", os.path.relpath(output.parent, notebook.parent))
    check_parameters(notebook, values)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.stem}.partial.ipynb")
    n_cells = len(nbformat.read(notebook, as_version=4).cells) + bool(values)
    state, start = {"cell": 0}, time.perf_counter()
    stop = threading.Event()
    every = 5 if sys.stderr.isatty() else 20

    def say(text):
        print(f"{notebook.stem:<20} {text}", file=sys.stderr, flush=True)

    def beat():
        while not stop.wait(every):
            say(f"cell {state['cell']:>2}/{n_cells}   {time.perf_counter() - start:4.0f} s")

    say(f"started, {n_cells} cells, profile {profile}")
    threading.Thread(target=beat, daemon=True).start()
    try:
        papermill.execute_notebook(
            str(notebook),
            str(partial),
            parameters=values,
            cwd=str(notebook.parent),
            kernel_name="python3",
            progress_bar=False,
            autosave_cell_every=0,
            extra_arguments=["--log-level=CRITICAL"],
            on_cell_start=lambda cell, cell_index: state.update(cell=cell_index + 1),
        )
        seconds = time.perf_counter() - start
        nb = tidy(nbformat.read(partial, as_version=4), values, profile=profile)
        nb.metadata.labutils |= {
            "seconds": round(seconds, 1),
            "dataset": dataset if "dataset" in known else None,
        }
        nbformat.write(nb, partial)
        partial.replace(output)
    except PapermillExecutionError as error:
        print(strip_color("\n".join(error.traceback)), file=sys.stderr)
        where = f"{notebook.stem}: cell {state['cell']} of {n_cells}"
        raise RuntimeError(f"{where}: {error.ename}: {strip_color(error.evalue)}") from None
    except Exception as error:  # the kernel died or never started
        raise RuntimeError(f"{notebook.stem}: cell {state['cell']} of {n_cells}: {error}") from error
    finally:
        stop.set()
        partial.unlink(missing_ok=True)
    say(f"done in {seconds:.0f} s")
    return seconds


def tidy(nb, overrides, *, profile):
    """Return an executed notebook with one parameters cell and nothing in it that differs from run to run.

    What papermill measured (seconds per cell), and where and when, moves to `nb.metadata.labutils`.
    """
    cell_seconds = [round(cell.metadata.get("papermill", {}).get("duration") or 0, 2) for cell in nb.cells]
    nb.metadata.pop("papermill", None)
    nb.metadata["labutils"] = {"profile": profile, "cell_seconds": cell_seconds} | facts()
    for cell in nb.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
    injected = [cell for cell in nb.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    nb.cells = [cell for cell in nb.cells if cell not in injected]
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.id = "parameters"
            cell.metadata.setdefault("mystnb", {})["code_prompt_show"] = "Parameters used for this page"
            cell.metadata.mystnb["code_prompt_hide"] = "Hide the parameters"
            cell.metadata.tags = sorted({*cell.metadata.tags, "hide-input"})
            lines = [f"{name} = {value!r}" for name, value in overrides.items()]
            if lines:
                cell.source += "\n".join(
                    ["", "", f"# set by the profile `{profile}` or on the command line", *lines]
                )
    return nb


def facts():
    """Return where and when this runs: date, commit, versions, processor, cores and GPU."""
    cpu = (
        re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        if sys.platform == "linux"
        else None
    )
    gpu = shutil.which("nvidia-smi") and _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return {
        "date": today().isoformat(),
        "commit": commit(),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")},
        "machine": cpu[1] if cpu else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "gpu": gpu or None,
    }


def today():
    """Return the date of the build; SOURCE_DATE_EPOCH (seconds) sets it for reproducible builds."""
    return datetime.datetime.fromtimestamp(
        float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), datetime.UTC
    ).date()


def _output(*command):
    """Return what a command prints, or "" where it fails or does not exist."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def commit():
    """Return the short hash of the checkout, with a + where tracked files differ from it; "" without git."""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no")
    return _output("git", "rev-parse", "--short", "HEAD") + ("+" if changed else "")


def repository():
    """Return the URL of the book's GitHub repository where it is known, else ""."""
    if name := os.environ.get("GITHUB_REPOSITORY"):
        return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    found = re.search(r"github\.com[:/](.+?/.+?)(\.git)?$", _output("git", "remote", "get-url", "origin"))
    return f"https://github.com/{found[1]}" if found else ""


# ---------------------------------------------------------------- all chapters


def executed_notebooks(folder):
    """Return [(path, notebook)] of the executed notebooks in a folder, in the order of their names."""
    paths = sorted(path for path in Path(folder).glob("*.ipynb") if not path.name.startswith("."))
    return [(path, nbformat.read(path, as_version=4)) for path in paths]


def records(folder):
    """Return the claim records (dicts, as `claims.as_json` makes them) in a folder of executed notebooks."""
    return [
        output.data[claims.MIME]
        for _, nb in executed_notebooks(folder)
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if claims.MIME in output.get("data", {})
    ]


def run_times(folder):
    """Return [{"chapter", "seconds", "profile", "date", "machine", ...}], one of each executed notebook."""
    return [{"chapter": path.stem} | nb.metadata.labutils for path, nb in executed_notebooks(folder)]


def kept_records(path=FULL):
    """Return the kept records of runs of the full profile, each with the date, commit and machine of its run."""
    kept = json.loads(Path(path).read_text()) if Path(path).is_file() else {}
    return [record | {"run": run} for run in kept.values() for record in run["claims"]]


def keep_full(folder, path=FULL):
    """Write the claim records of a folder executed with the full profile to `path`, replacing those of its chapters.

    Raises ValueError where a notebook with claims was executed with another profile.
    """
    kept = json.loads(Path(path).read_text()) if Path(path).is_file() else {}
    for run in run_times(folder):
        found = [record for record in records(folder) if record["chapter"] == run["chapter"]]
        if found and run["profile"] != "full":
            raise ValueError(
                f"{run['chapter']} in {folder} was executed with the profile {run['profile']!r}, not 'full'"
            )
        if found:
            keep = ("date", "commit", "versions", "machine", "cores", "gpu", "seconds")
            kept[run["chapter"]] = {name: run[name] for name in keep} | {"claims": found}
    _write(path, json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=False) + "\n")


def results_table(folder):
    """Return the claims of a folder of executed notebooks as a Markdown table."""
    lines = ["| chapter | claim | published | this book | verdict |", "|---|---|---|---|---|"]
    for record in sorted(records(folder), key=lambda record: record["chapter"]):
        published = f"{claims.number(record['reference'])} ({record['source']})"
        cells = (
            record["chapter"][:2],
            record["statement"],
            published,
            claims.measured(record),
            record["verdict"],
        )
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def write_readme(folder, path=ROOT / "README.md"):
    """Replace the text between the markers `results:begin` and `results:end` of the README by the results table."""
    marked = re.compile(r"(?<=<!-- results:begin -->\n).*?(?=<!-- results:end -->)", re.DOTALL)
    text = Path(path).read_text()
    if not marked.search(text):
        raise ValueError(f"{path} has no line <!-- results:begin --> followed by <!-- results:end -->")
    _write(path, marked.sub(lambda _: results_table(folder) + "\n", text))


def _write(path, text):
    partial = Path(path).with_name(f".{Path(path).name}.partial")
    partial.write_text(text)
    partial.replace(path)


# ---------------------------------------------------------------- the site


def check_executed(mirror, toc):
    """Raise RuntimeError unless every notebook of the table of contents was executed without an error."""
    for name in pages(toc):
        if not (ROOT / "chapters" / f"{name}.ipynb").is_file():
            continue
        path = mirror / "chapters" / f"{name}.ipynb"
        if not path.is_file():
            raise RuntimeError(f"{name}: not executed yet; `make book` does it")
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, 1):
            if any(output.output_type == "error" for output in cell.get("outputs", [])):
                raise RuntimeError(f"{name}: cell {number} holds an error; not published")


def pages(toc):
    """Return the names of the pages of a Jupyter Book table of contents, the root first."""
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


def site_config(config):
    """Return the book's configuration with the footer of this build, and launch buttons where the URL is known."""
    version, where, url = importlib.metadata.version("labutils"), commit(), repository()
    built_from = f'<a href="{url}/commit/{where.rstrip("+")}">{where}</a>' if url and where else where
    parts = [f"version {version}", f"commit {built_from}" if where else "", f"built on {today().isoformat()}"]
    config["html"]["extra_footer"] = f'<p class="build">{" · ".join(filter(None, parts))}</p>'
    if url:
        config["repository"] = {"url": url, "branch": "main", "path_to_book": "chapters"}
        config["html"] |= {"use_repository_button": True, "use_issues_button": True}
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
        }
    return config


def assemble(mirror, site="_build/html"):
    """Build the site from a folder of executed chapters and put it, whole, at `site`; return its index page.

    Raises RuntimeError where a chapter is missing or holds an error, and where Jupyter Book warns.
    """
    mirror, site, source = Path(mirror).resolve(), Path(site), ROOT / "chapters"
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    check_executed(mirror, toc)
    for name in ("references.bib", "_toc.yml"):
        shutil.copy(ROOT / name, mirror)
    for page in source.glob("*.md"):
        shutil.copy(page, mirror / "chapters")
    shutil.rmtree(mirror / "chapters" / "_static", ignore_errors=True)
    shutil.copytree(source / "_static", mirror / "chapters" / "_static")
    main_figure(mirror / "chapters")
    config = site_config(yaml.safe_load((ROOT / "_config.yml").read_text()))
    (mirror / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    shutil.rmtree(mirror / "_build", ignore_errors=True)
    options = ["--config", mirror / "_config.yml", "--toc", mirror / "_toc.yml", "--path-output", mirror]
    command = [Path(sys.executable).with_name("jupyter-book"), "build", mirror / "chapters", *options]
    done = subprocess.run([*command, "-W", "-n", "--keep-going"], capture_output=True, text=True)
    (mirror / "jupyter-book.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        warnings = [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
        print("\n".join(warnings or done.stderr.splitlines()[-20:]), file=sys.stderr)
        raise RuntimeError(
            f"jupyter-book found the problems above; all of its output is in {mirror}/jupyter-book.log"
        )
    built = mirror / "_build" / "html"
    (built / "built-from").write_text(f"{mirror.name}\n")
    old = site.with_name(site.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    site.parent.mkdir(parents=True, exist_ok=True)
    if site.exists():
        site.replace(old)
    built.replace(site)
    shutil.rmtree(old, ignore_errors=True)
    return site / "index.html"


def main_figure(chapters):
    """Write the first picture of the first cell tagged `main-figure` to `_static/`, for the index page."""
    for _, nb in executed_notebooks(chapters):
        for cell in nb.cells:
            if "main-figure" in cell.metadata.get("tags", []):
                for output in cell.outputs:
                    if "image/png" in output.get("data", {}):
                        (chapters / "_static" / "main_figure.png").write_bytes(
                            b64decode(output.data["image/png"])
                        )
                        return
    raise RuntimeError(f"{chapters}: no chapter has a cell tagged main-figure that shows a picture")


# ---------------------------------------------------------------- commands


@click.group(help=__doc__.split("\n")[0])
def main():
    for name in ONE_THREAD:  # chapters run side by side; threads of one would fight those of another
        os.environ.setdefault(name, "1")


@main.command("run")
@click.argument("notebook")
@click.option("--output", required=True, help="Where to write the executed notebook.")
@click.option("--profile", default="standard", show_default=True)
@click.option("--dataset", help="Passed to a chapter that has a parameter of this name.")
@click.option(
    "--parameter", "-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter."
)
def _run(notebook, output, profile, dataset, pairs):
    """Execute one chapter."""
    execute(notebook, output, profile=profile, dataset=dataset or None, parameters=parse(notebook, pairs))


@main.command("assemble")
@click.argument("mirror")
@click.option("--site", default="_build/html", show_default=True)
def _assemble(mirror, site):
    """Build the site from executed chapters."""
    print("Jupyter Book: building the site (about half a minute)", file=sys.stderr, flush=True)
    print(assemble(mirror, site))


@main.command("keep-full")
@click.argument("mirror")
def _keep_full(mirror):
    """Keep the claims of a run of the full profile in chapters/records/full.json."""
    keep_full(Path(mirror) / "chapters")


@main.command("readme")
@click.argument("mirror")
def _readme(mirror):
    """Write the results table into README.md."""
    write_readme(Path(mirror) / "chapters")


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit("interrupted; finished chapters are kept")
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f"FAILED {error}")
