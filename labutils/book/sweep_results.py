"""What a sweep found: every claim of every run in one tidy csv, and a plot for each."""

import csv
import io
from pathlib import Path

import nbformat
import numpy as np

from labutils import intervals, plotting
from labutils.book import records
from labutils.book.sweep import Run

FOUND = ("chapter", "claim", "value", "low", "high", "unit", "verdict", "seconds")


def rows_of(runs: list[Run]) -> list[dict]:
    """A dict for each claim of each finished run: its parameters, `FOUND` and the name of its notebook."""
    rows = []
    for run in [run for run in runs if run.output.is_file()]:
        nb = nbformat.read(run.output, as_version=4)
        outputs = records.settle(nb, {})
        seconds = nb.metadata["labutils"]["seconds"]
        for r in [record for output in outputs for record in records.claims_in(output)]:
            found = (r["chapter"], r["id"], r["value"], *r["interval"], r["unit"], r["verdict"], seconds)
            rows.append(run.parameters | dict(zip(FOUND, found)) | {"notebook": run.output.name})
    return rows


def write_csv(rows: list[dict], path: Path) -> None:
    """Write the rows to a csv, one line a claim and run; whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    records.write(path, text.getvalue())


def plot(rows: list[dict], folder: Path) -> list[Path]:
    """Draw each claim's value over the grid into `folder`/CLAIM.png, and return the paths.

    Across: the parameter with the most numbers, `seed` last; a curve for each combination of the others; runs that
    differ in `seed` alone are one point, their mean with its 90% interval.
    """
    names = [name for name in rows[0] if name not in (*FOUND, "notebook")]
    number = lambda value: isinstance(value, int | float) and not isinstance(value, bool)  # noqa: E731
    several = [n for n in names if all(number(row[n]) for row in rows) and len({row[n] for row in rows}) > 1]
    if not several:
        return []
    across = max(several, key=lambda name: (name != "seed", len({row[name] for row in rows})))
    others = [name for name in names if name not in (across, "seed")]
    paths = []
    for claim in sorted({row["claim"] for row in rows}):
        own = [row for row in rows if row["claim"] == claim]
        ax = plotting.axes()
        for place, rest in enumerate(sorted({tuple(str(row[name]) for name in others) for row in own})):
            curve = [row for row in own if tuple(str(row[name]) for name in others) == rest]
            label = ", ".join(f"{name}={value}" for name, value in zip(others, rest))
            _curve(ax, curve, across, label=label or None, **plotting.series(place))
        ax.set(xlabel=across, ylabel=f"value ({own[0]['unit']})" if own[0]["unit"] else "value")
        ax.set_title(claim, parse_math=False)
        if others:
            ax.legend()
        folder.mkdir(parents=True, exist_ok=True)
        paths.append(folder / f"{claim}.png")
        ax.figure.savefig(paths[-1])
        plotting.close(ax)
    return paths


def _curve(ax, rows, across, **look):
    xs = sorted({row[across] for row in rows})
    values = [[row["value"] for row in rows if row[across] == x] for x in xs]
    bands = [intervals.estimate(v)[1] if len(v) > 1 else (v[0], v[0]) for v in values]
    low, high = np.transpose(bands)
    plotting.curve(ax, xs, [np.mean(v) for v in values], low=low, high=high, **look)
