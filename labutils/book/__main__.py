"""The commands of the book; the Makefile calls them.

By hand: python -m labutils.book run chapters/01_power_laws.ipynb --output out.ipynb -p n_seeds 2
         python -m labutils.book sweep chapters/03_grokking.ipynb -p fraction=0.2,0.3,0.4 -p seed=0..4
"""

import os
import sys
from pathlib import Path

import click

from labutils.book import console, reader_data, records, sweep, sweep_results
from labutils.book.execute import THREADS, execute, plain
from labutils.book.parameters import parameters_of, value_of
from labutils.book.provenance import ROOT
from labutils.book.site import assemble, save_main_figure

DATASET = {"envvar": "DATASET", "help": "A name or a path; default: the environment's DATASET."}


def say(text: str) -> None:
    """Print a line about the reader's data to standard error, in the columns of the chapters' progress."""
    print(f"{'data':<20} {text}", file=sys.stderr, flush=True)


@click.group(help="Run the chapters of the book and assemble them into a site.")
def main() -> None:
    for name in THREADS:  # chapters run side by side: the threads of one would only hold up those of another
        os.environ.setdefault(name, "1")


@main.command("run", help="Execute a chapter.")
@click.argument("notebook")
@click.option("--output", required=True, help="Where to write the executed notebook.")
@click.option("--profile", default="standard", show_default=True)
@click.option("--dataset", **DATASET)
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a parameter.")
def _run(notebook, output, profile, dataset, pairs):
    known = parameters_of(notebook)
    parameters = {name: value_of(text, known.get(name)) for name, text in pairs}
    options = {"profile": profile, "parameters": parameters}
    try:
        execute(notebook, output, dataset=dataset, **options)
    except RuntimeError as error:
        if not (dataset and "dataset" in known and Path(dataset).expanduser().exists()):
            raise
        say(f"{error}; the chapter keeps the book's own data")
        name = plain(Path(dataset).name)
        note = f"This chapter keeps the book's own data: on your `{name}` it stopped (`{plain(str(error))}`)."
        execute(notebook, output, note=note, **options)


@main.command(
    "borrow",
    help="Take an executed chapter that keeps the book's own data over into the build for a data set.",
)
@click.argument("executed")
@click.option("--output", required=True)
@click.option("--dataset", **DATASET)
def _borrow(executed, output, dataset):
    reader_data.borrow(executed, output, dataset)


@main.command("assemble", help="Build the site from the executed chapters in MIRROR/chapters.")
@click.argument("mirror")
@click.option("--site", default="_build/html", show_default=True)
def _assemble(mirror, site):
    print("site                 Jupyter Book, about half a minute", file=sys.stderr, flush=True)
    print(assemble(mirror, site).resolve())


@main.command(
    "check-data",
    help="Say what a data set holds and which chapters will use it; print the folder of its build.",
)
@click.argument("dataset", envvar="DATASET")
@click.option("--profile", default="standard", show_default=True)
def _check_data(dataset, profile):
    chapters = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
    folder, found, own = reader_data.plan(dataset, profile, chapters)
    target = f"{found.n_classes} classes" if found.n_classes else "a number to predict"
    kind = reader_data.KINDS[found.kind]
    say(f"{found.name}: {found.n_train:,} + {found.n_test:,} {kind}, {found.n_features:,} features, {target}")
    for warning in found.warnings:
        say(warning)
    used = [path.stem[:2] for path in chapters if path.stem not in own]
    say(f"used by chapters {', '.join(used)}" if used else "no chapter can use them")
    for name, reason in own.items():
        say(f"{name[:2]} keeps the book's own: {reason}")
    print(folder)


@main.command("keep-seeds", help="Keep the values found in folders of chapters executed on several seeds.")
@click.argument("folders", nargs=-1, required=True)
def _keep_seeds(folders):
    records.keep_seeds([Path(folder) for folder in folders])
    print(f"{'seeds':<20} {records.SEEDS}", file=sys.stderr)


@main.command(
    "sweep", help="Execute a chapter over a grid of parameters; finished runs are kept and skipped."
)
@click.argument("notebook")
@click.option(
    "-p", "pairs", multiple=True, metavar="NAME=V1,V2", help="Values of a parameter: 0.2,0.3 or 0..4."
)
@click.option("--grid", "file", type=click.Path(exists=True), help="A YAML file, name: [value, value].")
@click.option("--profile", default="standard", show_default=True)
@click.option("--dataset", **DATASET)
@click.option("--output", type=Path, help="Folder of the results; default: _build/sweeps/NOTEBOOK.")
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count(), show_default=True, help="Runs at a time."
)
@click.option("--backend", type=click.Choice(["local", "dask"]), default="local", show_default=True)
@click.option("--address", help="Of a Dask scheduler, tcp://host:port; default: a cluster on this machine.")
def _sweep(notebook, pairs, file, profile, dataset, output, jobs, backend, address):
    if address and backend != "dask":
        raise click.BadParameter("--address goes with --backend dask")
    folder = output or ROOT / "_build" / "sweeps" / Path(notebook).stem
    runs = sweep.plan(notebook, sweep.grid(notebook, pairs, file), folder, profile=profile, dataset=dataset)
    failed = sweep.sweep(runs, jobs=jobs, backend=backend, address=address)
    if rows := sweep_results.rows_of(runs):
        sweep_results.write_csv(rows, folder / "results.csv")
        pictures = sweep_results.plot(rows, folder / "plots")
        print(f"sweep  {len(pictures)} plots in {folder / 'plots'}", file=sys.stderr)
        print(folder / "results.csv")
    if failed:
        raise RuntimeError(
            "\n".join([f"{len(failed)} of {len(runs)} runs:", *(f"  {w}: {f}" for w, f in failed.items())])
        )


@main.command("keep-full", help="Keep the claims of a run of the full profile.")
@click.argument("folder")
def _keep_full(folder):
    records.keep_full(folder)


@main.command("readme", help="Write findings and picture of the README, and the table of all claims.")
@click.argument("folder")
def _readme(folder):
    records.write_readme(folder)
    save_main_figure(Path(folder), records.STANDARD.with_name("main_figure.png"), width=1000)


if __name__ == "__main__":
    console.run(main, stopped="stopped; finished chapters are kept")
