"""The commands of the book; the Makefile calls them.

By hand: python -m labutils.book run chapters/01_power_laws.ipynb --output out.ipynb -p n_seeds 2
"""

import os
import sys
from pathlib import Path

import click

from labutils.book import reader_data, records
from labutils.book.execute import THREADS, execute, plain
from labutils.book.parameters import parameters_of, value_of
from labutils.book.provenance import ROOT
from labutils.book.site import assemble

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


for _name, _function in {"keep-full": records.keep_full, "readme": records.write_readme}.items():
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
