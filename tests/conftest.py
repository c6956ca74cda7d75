"""What several test files share: the chapters, executed with the smoke profile, the site of them, and a browser."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import settings

from labutils.book import execute
from labutils.book.site import assemble

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9][0-9]_*.ipynb"))
SUMMARIES = [ROOT / "chapters" / f"{name}.ipynb" for name in ("scoreboard", "run_times")]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]), "search"]
CHROMIUM = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
OPTIONS = [*QUIET, "--disable-component-update", "--disable-sync"]

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


@pytest.fixture(scope="session")
def site(request):
    """The folder of the built site."""
    built = ROOT / "_build" / "html"
    if not (built / "index.html").is_file():
        mirror = request.getfixturevalue("mirror")
        return assemble(mirror, mirror / "html").parent
    missing = [name for name in PAGES if not (built / f"{name}.html").is_file()]
    assert not missing, f"the site in _build/html is older than _toc.yml, without {missing}: run make book"
    return built


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, driven by Playwright."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        message = (
            "no Chromium found; get it with: sudo apt-get install chromium (or your system's equivalent)"
        )
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
    yield browser
    browser.close()
    playwright.stop()
