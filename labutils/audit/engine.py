"""The audit itself: five answers about a data set, one after another, each from what the test rows have not seen."""

import dataclasses
import hashlib
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from labutils.audit import (
    confirm,
    examples,
    fewer,
    inputs,
    judges,
    keep,
    label_errors,
    learners,
    more_data,
    source,
    store,
)
from labutils.audit.report import Report
from labutils.audit.source import Source
from labutils.checks import check_at_least
from labutils.laws.regimes import Diagnosis

KEPT = (
    inputs.Inputs,
    label_errors.LabelErrors,
    more_data.MoreData,
    examples.Examples,
    fewer.Fewer,
    confirm.Confirmed,
    Diagnosis,
)


@dataclass(frozen=True)
class _Scores:
    left_out: np.ndarray  # (N, C) float32
    probabilities: np.ndarray  # (N, C), empty for a regression


def run(
    x: np.ndarray,
    y: np.ndarray,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    classes: tuple[str, ...] | None = None,
    kind: str | None = None,
    name: str = "your data",
    learner: str | Callable = "linear",
    target_share: float = 0.95,
    target_error: float | None = None,
    repeats: int = 5,
    seed: int = 0,
    progress: bool = False,
) -> Report:
    """Audit rows x (N, ...) with labels or numbers y (N,): a `Report`.

    `test` (x, y) are rows to confirm by (default: a quarter, held out); `kind` says what x holds ("rows", "images",
    "features": see `source.from_arrays`), `classes` how they are called. `learner` is "linear", "forest", "mlp",
    "mine.py:make" or a function (size, seed) -> object with fit and predict. `target_share` is how much of what there is
    to gain over guessing must be kept, `target_error` the error asked for (default: half of the present one), `repeats`
    the number of splits behind every interval. Nothing that is chosen depends on a test row. Raises ValueError for what
    cannot be audited, before any work.
    """
    check_options(learner, target_share, target_error, repeats)
    found = source.from_arrays(x, y, test=test, classes=classes, kind=kind, name=name, seed=seed)
    return audit(
        found,
        learner=learner,
        target_share=target_share,
        target_error=target_error,
        repeats=repeats,
        seed=seed,
        progress=progress,
    )


def check_options(
    learner: str | Callable, target_share: float, target_error: float | None, repeats: int
) -> None:
    """Raise ValueError or FileNotFoundError for an option out of range, before anything is read."""
    check_at_least(2, repeats=repeats)
    if not 0 < target_share <= 1:
        raise ValueError(f"the share is {target_share}; allowed: above 0 to 1")
    if target_error is not None and not 0 < target_error < 1:
        raise ValueError(f"the error asked for is {target_error}; allowed: between 0 and 1")
    learners.choose(learner)


def audit(
    found: Source,
    *,
    learner: str | Callable = "linear",
    target_share: float = 0.95,
    target_error: float | None = None,
    repeats: int = 5,
    seed: int = 0,
    progress: bool = False,
    steps: pathlib.Path | None = None,
    each: Callable | None = None,
) -> Report:
    """Audit a `Source`: a `Report`. Arguments as in `run`; finished `steps` are kept in that folder and found again there.

    `each` is `book.workers.each` with its options set: splits are then compared side by side.
    """
    check_options(learner, target_share, target_error, repeats)
    chosen = learners.choose(learner, regression=not found.classes)
    x, y, n_classes = found.features.train, found.y[found.train], found.n_classes
    seconds = {}
    with tqdm(total=6 + 2 * repeats, disable=not progress, unit="step") as bar:

        def step(name, make):
            bar.set_description(name)
            began, path = time.process_time(), steps and pathlib.Path(steps) / f"{name.replace(' ', '_')}.npz"
            value = path and store.load(path, (*KEPT, _Scores))
            if value is None:
                value = make()
                if path:
                    store.save(path, value)
            seconds[name] = time.process_time() - began
            bar.update()
            return value

        there = step("what is there", lambda: _examine(found, x, y, n_classes, seed))
        single = there.single
        inputs.check_different(len(single), len(y))
        scores = step("rows unseen", lambda: _left_out(chosen, x, y, n_classes, seed))
        errors = step("label errors", lambda: _errors(scores.left_out, x, y, n_classes, seed))
        more = step(
            "more data",
            lambda: more_data.measure(
                x[single],
                y[single],
                chosen,
                n_classes=n_classes,
                repeats=repeats if chosen.heavy else 2 * repeats,
                target=target_error,
                seed=seed,
                tick=lambda: bar.update(1 if chosen.heavy else 0.5),
            ),
        )
        probabilities = scores.probabilities if n_classes else None
        which = step(
            "which examples", lambda: examples.score(x, y, scores.left_out, probabilities, seed=seed)
        )
        few = step(
            "how few",
            lambda: _fewer(
                found, chosen, x, y, single, errors, there, target_share, repeats, seed, bar, each
            ),
        )
    kept = single[_kept(few, x, y, single, errors, n_classes, seed)]
    mask, said = keep.reasons(found.train, len(found.y), there, errors, few, kept, found.label)
    said_not = refusals(found, chosen, more, few)
    return Report(
        found,
        chosen.words,
        target_share,
        seed,
        said_not,
        there,
        errors,
        more,
        which,
        few,
        mask,
        said,
        seconds,
    )


def _examine(found, x, y, n_classes, seed):
    test = found.features.test
    return inputs.examine(
        found.raw,
        found.train,
        found.test,
        x,
        test,
        y,
        n_classes=n_classes,
        missing=found.features.missing,
        seed=seed,
    )


def _left_out(chosen, x, y, n_classes, seed):
    scores = learners.left_out(chosen, x, y, n_classes=n_classes, seed=seed)
    p = learners.probabilities(scores, y, seed=seed) if n_classes else np.empty((0, 0), np.float32)
    return _Scores(scores, p)


def _errors(left_out, x, y, n_classes, seed):
    if n_classes:
        said = judges.judge(x, y, left_out, n_classes=n_classes, seed=seed)
        return label_errors.find(said, y, seed=seed)
    return label_errors.unlikely_numbers(left_out[:, 0], y)


def _fewer(found, chosen, x, y, single, errors, there, share, repeats, seed, bar, each):
    """Compare on the training rows, choose, and only then look at the test rows that are no copies of them."""
    n_classes, flagged = found.n_classes, errors.flagged[single]

    def doubts(rows):
        part = x[single[rows]], y[single[rows]]
        said = learners.left_out(chosen, *part, n_classes=n_classes, seed=seed)
        return _errors(said, *part, n_classes, seed).flagged

    made = fewer.compare(
        x[single],
        y[single],
        chosen,
        flagged,
        doubts=doubts if flagged.any() else None,
        n_classes=n_classes,
        share=share,
        repeats=repeats,
        seed=seed,
        tick=bar.update,
        each=each,
    )
    kept = _kept(made, x, y, single, errors, n_classes, seed)
    fresh = np.flatnonzero(there.leaks == 0)
    if len(fresh) < 2:
        return made
    test, y_test = found.features.test[fresh], found.y[found.test][fresh]
    looked = confirm.look(x[single], y[single], kept, test, y_test, chosen, n_classes=n_classes, seed=seed)
    return fewer.confirmed(made, looked)


def _kept(made, x, y, single, errors, n_classes, seed):
    return fewer.kept_rows(made, x[single], y[single], errors.flagged[single], n_classes=n_classes, seed=seed)


def refusals(
    found: Source, chosen: learners.Learner, more: more_data.MoreData, few: fewer.Fewer
) -> tuple[str, ...]:
    """What this audit does not do, and why, a sentence each."""
    said, n = list(found.notes), len(found.train)
    if not found.classes:
        said.append(
            "A number has no wrong class: in place of label errors, targets are listed that lie far from what the other rows say."
        )
    if few.n_pool < few.n_rows:
        said.append(
            f"Rules chose from {few.n_pool:,} random rows of {few.n_rows:,}: all of them would take too long, and random rows are compared at the same sizes."
        )
    if n > examples.MOST:
        said.append(
            f"Scores were compared on {examples.MOST:,} random rows of {n:,}; only hardness is there for all."
        )
    if n > learners.EXACT and not chosen.heavy:
        said.append(
            f"Each row was judged by a fit on {learners.EXACT:,} others, not by one on all others, of which there are {n - 1:,}."
        )
    if n > judges.MOST and found.classes:
        said.append(f"Labels were judged in five folds, by a kernel machine of {judges.MOST:,} rows.")
    if more.capped:
        said.append(f"The learning curve stops at {more.n[-1]:,.0f} rows: more would take too long.")
    if few.confirmed is None:
        said.append("Nothing was confirmed: hardly a test row is left that is no copy of a training row.")
    return tuple(said)


def key(options: dict) -> str:
    """A short name for a set of options, to tell the steps of one audit from those of another."""
    held = [[kind.__name__, *(field.name for field in dataclasses.fields(kind))] for kind in KEPT]
    text = repr(sorted(options.items())) + repr(held)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
