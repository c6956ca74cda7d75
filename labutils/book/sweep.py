"""A chapter executed over a grid of parameters, side by side here or on a Dask cluster; finished runs are kept.

Each run is a process of its own, so that the death of one costs that run alone. An executed notebook appears under its
name only when it is whole, and the name is a hash of all that decides its content: so what is there is finished.
"""

import ast
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from labutils.book import reader_data, workers
from labutils.book.dependencies import needed
from labutils.book.parameters import check_parameters, parameters_of, profile_overrides, value_of

SPAN = re.compile(r"(-?\d+)\.\.(-?\d+)")


@dataclass(frozen=True)
class Run:
    """One execution: its parameters in words, where the executed notebook goes, and the command that makes it."""

    parameters: dict
    output: Path
    command: tuple[str, ...]

    @property
    def words(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.parameters.items())


def values_of(text: str, parameter: dict | None) -> list:
    """The values that `0.2,0.3`, `0..4` (both ends included), `mlp,forest` or `[1,2],[3,4]` stand for, each once."""
    written = SPAN.sub(_numbers, text)
    try:
        values = list(ast.literal_eval(f"({written},)"))
    except (ValueError, SyntaxError):
        values = [value_of(part.strip(), parameter) for part in written.split(",")]
    return [value for i, value in enumerate(values) if value not in values[:i]]


def _numbers(span):
    low, high = int(span[1]), int(span[2])
    if low > high:
        raise ValueError(f"{span[0]} holds no values; allowed: from low to high, as in 0..4")
    return ",".join(map(str, range(low, high + 1)))


def grid(notebook: Path, pairs: list[str], file: Path | None = None) -> list[dict]:
    """All combinations of the values in `pairs` ("name=v1,v2") and in a YAML file ({name: [v1, v2]}), which pairs override.

    Raises ValueError for a pair without a name or value, a name that the notebook does not have, and a value of
    another type or outside its range.
    """
    known, axes = parameters_of(notebook), {}
    if file is not None:
        read = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        if not isinstance(read, dict) or not read:
            raise ValueError(
                f"grid file {file} holds {type(read).__name__}; allowed: name: [value, value], a line each"
            )
        axes = {name: values if isinstance(values, list) else [values] for name, values in read.items()}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals and text.strip()):
            raise ValueError(f"-p {pair!r}; allowed: name=value,value or name=0..4")
        axes[name] = values_of(text, known.get(name))
    empty = [name for name, values in axes.items() if not values]
    if empty or not axes:
        raise ValueError(
            f"grid has no values{f' for {empty[0]}' if empty else ''}; allowed: at least one value a name"
        )
    combinations = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    for parameters in combinations:
        check_parameters(notebook, parameters)
    return combinations


def plan(
    notebook: Path,
    combinations: list[dict],
    folder: Path,
    *,
    profile: str = "standard",
    dataset: str | None = None,
) -> list[Run]:
    """The runs of a sweep. An output's name hashes the notebook, the modules it imports, its data and all parameters."""
    notebook, runs = Path(notebook), []
    code = hashlib.sha256(
        b"".join(path.read_bytes() for path in [notebook, *sorted(needed(notebook))])
    ).hexdigest()
    content = reader_data.mirror(profile, dataset).name if dataset else None  # another name for other content
    if dataset and Path(dataset).expanduser().exists():
        dataset = str(Path(dataset).expanduser().resolve())
    for parameters in combinations:
        what = [code, profile, profile_overrides(notebook, profile), content, parameters]
        name = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
        output = Path(folder).resolve() / f"{name}.ipynb"
        command = [
            sys.executable,
            "-m",
            "labutils.book",
            "run",
            str(notebook.resolve()),
            "--profile",
            profile,
        ]
        command += ["--output", str(output)] + (["--dataset", dataset] if dataset else [])
        for key, value in parameters.items():
            command += ["-p", key, value if isinstance(value, str) else repr(value)]
        runs.append(Run(parameters, output, tuple(command)))
    return runs


def perform(run: Run) -> str:
    """Make one run in a process of its own; returns "" or, where it failed, the last line of what it said.

    What it said is kept beside the output, as a log, until a run succeeds.
    """
    log = run.output.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as said:
        environment = {name: value for name, value in os.environ.items() if name != "DATASET"}
        code = subprocess.run(
            run.command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment
        ).returncode
    if code == 0 and run.output.is_file():
        log.unlink()
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"exit code {code}: {lines[-1] if lines else 'it said nothing'}"


def sweep(
    runs: list[Run], *, jobs: int = 2, backend: str = "local", address: str | None = None
) -> dict[str, str]:
    """Perform the runs that are not there yet, saying how far it is; returns {words: failure} of those that failed."""
    missing = [run for run in runs if not run.output.is_file()]
    if runs:
        runs[0].output.parent.mkdir(parents=True, exist_ok=True)
    print(
        f"sweep  {len(runs)} runs, {len(runs) - len(missing)} of them there already",
        file=sys.stderr,
        flush=True,
    )
    failed = {}
    ended = workers.each(perform, missing, jobs=jobs, backend=backend, address=address, threads=True)
    for done, (place, outcome) in enumerate(ended, 1):
        run, failure = missing[place], str(outcome)
        print(f"sweep  {done}/{len(missing)} {run.words}: {failure or 'done'}", file=sys.stderr, flush=True)
        if failure:
            failed[run.words] = failure
    return failed
