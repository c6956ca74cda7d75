"""The commands of the book; the Makefile calls them.

By hand: python -m labutils.book run chapters/01_power_laws.ipynb --output out.ipynb -p n_seeds 2
"""

import os
import sys

import click

from labutils import data
from labutils.book import records
from labutils.book.execute import THREADS, execute, parameters_of, value_of
from labutils.book.site import assemble


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
