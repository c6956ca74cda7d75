"""The audit from the command line: python -m labutils.audit my.csv --target label."""

import os
import pathlib
import sys
from functools import partial

import click

from labutils.book.execute import THREADS

for _name in THREADS:  # more threads than idle cores hold each other up
    os.environ.setdefault(_name, "1")

from labutils.audit import engine, learners, source, store  # noqa: E402
from labutils.book import console, workers  # noqa: E402
from labutils.book.reader_data import mirror  # noqa: E402


def state(*files: str | None) -> str:
    """A name for the content of the files: another one for other content."""
    return " ".join(
        mirror("", file).name for file in files if file and pathlib.Path(file).expanduser().exists()
    )


@click.command(
    help="Say of the data in FILE which examples are worth more than others, before training on them."
)
@click.argument("file")
@click.option("--target", help="The column to predict (default: target); for an .npy the .npy of its labels.")
@click.option("--learner", default="linear", show_default=True, help="linear, forest, mlp, or mine.py:make.")
@click.option("--embedding", help="An .npy of features computed elsewhere, a row for each row of FILE.")
@click.option("--output", help="Folder for report.html, keep.csv and audit.json (default: audit-NAME).")
@click.option(
    "--share", default=0.95, show_default=True, help="How much of the gain over guessing must be kept."
)
@click.option("--error", type=float, help="The error to ask the rows for (default: half of the present one).")
@click.option("--repeats", default=5, show_default=True, help="Splits behind every interval.")
@click.option("--seed", default=0, show_default=True)
@click.option("--jobs", default=1, show_default=True, help="Splits compared side by side.")
@click.option("--backend", type=click.Choice(workers.BACKENDS), default="local", show_default=True)
@click.option("--address", help="Of a Dask cluster, such as tcp://head:8786 (default: processes here).")
def main(
    file: str,
    target: str | None,
    learner: str,
    embedding: str | None,
    output: str | None,
    share: float,
    error: float | None,
    repeats: int,
    seed: int,
    jobs: int,
    backend: str,
    address: str | None,
) -> None:
    each = partial(workers.each, jobs=jobs, backend=backend, address=address)
    each(len, [])  # says what is wrong with these options, before anything is read
    engine.check_options(learner, share, error, repeats)
    before = state(file, target, embedding)
    say(f"reading {pathlib.Path(file).name}")
    found = source.from_file(file, target=target, embedding=embedding, seed=seed)
    folder = pathlib.Path(output or f"audit-{pathlib.Path(file).stem or 'data'}")
    store.check_room(folder)
    for line in before_work(found, learner):
        say(line)
    options = {"data": before or file, "target": target, "learner": learner, "share": share, "error": error}
    options |= {"own": state(learner.partition(":")[0]), "repeats": repeats, "seed": seed}
    steps = folder / ".steps" / engine.key(options)
    made = engine.audit(
        found,
        learner=learner,
        target_share=share,
        target_error=error,
        repeats=repeats,
        seed=seed,
        progress=True,
        steps=steps,
        each=each,
    )
    if state(file, target, embedding) != before:
        raise RuntimeError(f"{file} changed while it was read; nothing was written. Run it again")
    page = made.write(folder)
    print(made)
    print(page.resolve())


def before_work(found: source.Source, learner: str) -> list[str]:
    """What is there and what will not be done, a line each, before anything long begins."""
    task = f"{found.n_classes} classes" if found.n_classes else "a number to predict"
    lines = [f"{found.name}: {len(found.train):,} rows to learn from, {len(found.test):,} held out, {task}"]
    lines.append(f"learner: {learners.choose(learner, regression=not found.classes).words}")
    return lines + list(found.notes)


def say(text: str) -> None:
    """Print a line to standard error."""
    print(f"audit  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        console.run(main, stopped="stopped; finished steps are kept, and the same command goes on from there")
    except MemoryError:
        sys.exit(
            "FAILED there is not memory enough; give it fewer rows, or features in an .npy, which is mapped"
        )
