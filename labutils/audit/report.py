"""What an audit found: the five answers with all that is behind them."""

import json
import pathlib
from dataclasses import dataclass

import numpy as np

from labutils.audit import page, sentences, store
from labutils.audit.examples import Examples
from labutils.audit.fewer import Fewer
from labutils.audit.inputs import Inputs
from labutils.audit.keep import write_csv
from labutils.audit.label_errors import LabelErrors
from labutils.audit.more_data import MoreData
from labutils.audit.source import Source
from labutils.book.records import write


@dataclass(frozen=True, eq=False)
class Report:
    """The five answers about `source`, and what was set. `write` puts page, list and numbers into a folder."""

    source: Source
    learner: str  # in words
    share: float
    seed: int
    refusals: tuple[str, ...]  # what was not done, and why
    inputs: Inputs
    errors: LabelErrors
    more: MoreData
    examples: Examples
    fewer: Fewer
    keep: np.ndarray  # (R,) bool
    reasons: list[str]  # R
    seconds: dict[str, float]  # of CPU, each step

    @property
    def score(self) -> np.ndarray:
        """Hardness of every row of the file (R,), NaN for those held out."""
        out = np.full(len(self.source.y), np.nan)
        out[self.source.train] = self.examples.hardness
        return out

    def answers(self) -> tuple[str, ...]:
        """The five answers, a few sentences each."""
        return (
            sentences.there(self.inputs, self.errors, self.source),
            sentences.more(self.more, self.source),
            sentences.matters(self.examples),
            sentences.few(self.fewer, self.source),
            sentences.kept(self.keep, self.reasons),
        )

    def __str__(self) -> str:
        heads = [
            f"{place}. {title} {text}"
            for place, (title, text) in enumerate(zip(page.TITLES, self.answers()), 1)
        ]
        return "\n".join([*heads, *(f"Not done: {each}" for each in self.refusals)])

    def write(self, folder: str | pathlib.Path) -> pathlib.Path:
        """Write keep.csv, audit.json and report.html into a folder, each whole or not at all; the path of the page.

        Raises OSError where there is no room or no permission.
        """
        folder = pathlib.Path(folder)
        write_csv(folder / "keep.csv", self.score, self.keep, self.reasons)
        numbers = {
            "name": self.source.name,
            "learner": self.learner,
            "seed": self.seed,
            "answers": self.answers(),
            "not done": self.refusals,
            "cpu seconds": self.seconds,
            **{name: getattr(self, name) for name in ("inputs", "errors", "more", "examples", "fewer")},
        }
        write(folder / "audit.json", json.dumps(store.plain(numbers), indent=1, ensure_ascii=False) + "\n")
        write(folder / "report.html", page.build(self))
        return folder / "report.html"
