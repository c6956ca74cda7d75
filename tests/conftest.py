"""What several test files share: the chapters, and a folder of them executed with the smoke profile."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from labutils.book import execute

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
SUMMARIES = [ROOT / "chapters" / f"{name}.ipynb" for name in ("scoreboard", "run_times")]

for name in execute.THREADS:  # as the Makefile does; the chapters' kernels inherit it
    os.environ.setdefault(name, "1")

# 200 random examples of each property; a night of 10,000: HYPOTHESIS_PROFILE=nightly make test
settings.register_profile("quick", max_examples=200, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("nightly", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def mirror(tmp_path_factory):
    """A folder whose `chapters/` holds every chapter, and then the pages that sum them up, executed as smoke."""
    folder = tmp_path_factory.mktemp("smoke")
    for notebook in [*CHAPTERS, *SUMMARIES]:
        execute.execute(notebook, folder / "chapters" / notebook.name, profile="smoke")
    return folder
