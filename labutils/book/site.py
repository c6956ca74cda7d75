"""Assemble executed chapters into a site: all that knows of Jupyter Book is here."""

import base64
import contextlib
import fcntl
import html
import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import yaml
from papermill.exceptions import strip_color
from PIL import Image

from labutils.book import finish, records, takeaway
from labutils.book.provenance import ROOT, commit, repository, site_url, today

FRONT = "06_pruning_methods"  # the chapter that answers the question of the index page
AUDIT = "12_audit_your_data"  # the chapter that answers it for the reader's own file
OPENING = "% audit\n"  # where the index says so
LAUNCH = {"colab_url": "https://colab.research.google.com", "binderhub_url": "https://mybinder.org"}


def check_executed(mirror: Path, toc: dict) -> None:
    """Raise RuntimeError unless every notebook of the table of contents was executed, to its end, without an error."""
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    for name in files:
        if (ROOT / "chapters" / f"{name}.md").is_file():
            continue
        path = mirror / "chapters" / f"{name}.ipynb"
        if not path.is_file():
            raise RuntimeError(f"{name}: has not been executed; make book does that")
        cells = nbformat.read(path, as_version=4).cells
        if any(output.output_type == "error" for cell in cells for output in cell.get("outputs", [])):
            raise RuntimeError(f"{name}: holds an error; not published")


def site_config(config: dict, runs: list[dict]) -> dict:
    """The book's configuration with the footer of this build and, where the URL is known, launch buttons."""
    url, where = repository(), commit()
    linked = f'<a href="{url}/commit/{where.rstrip("+")}">{where}</a>' if url and where else where
    parts = [
        f"Version {importlib.metadata.version('labutils')}",
        where and f"commit {linked}",
        f"built on {today()}",
    ]
    parts += sorted({f"profile {run['profile']}" for run in runs})
    parts += sorted({f"data {html.escape(Path(run['dataset']).name)}" for run in runs if run["dataset"]})
    config["html"]["extra_footer"] = f'<p class="build">{", ".join(filter(None, parts))}</p>'
    options = config.setdefault("sphinx", {}).setdefault("config", {})
    options["ogp_social_cards"] = {"enable": False}  # the main figure says more than a card of text
    if address := site_url():
        options |= {"html_baseurl": address, "sitemap_url_scheme": "{link}"}
        options |= {"ogp_site_url": address, "ogp_image": f"{address}_static/main_figure.png"}
        options |= {"notfound_urls_prefix": urlsplit(address).path}
        options["extensions"] = [*options.get("extensions", []), "sphinx_sitemap", "notfound.extension"]
    if url:
        config["repository"] = {"url": url, "branch": "main", "path_to_book": "chapters"}
        config["html"] |= {"use_repository_button": True, "use_issues_button": True}
        config["launch_buttons"] = {"notebook_interface": "jupyterlab"} | LAUNCH
    return config


def save_main_figure(chapters: Path, path: Path, width: int | None = None) -> None:
    """Write the picture of `FRONT`'s cell tagged `main-figure` to a PNG, at most `width` pixels wide."""
    cells = records.chapters(chapters)[FRONT].cells
    tagged = [cell for cell in cells if "main-figure" in cell.metadata.get("tags", [])]
    pictures = [
        out.data["image/png"] for cell in tagged for out in cell.outputs if "image/png" in out.get("data", {})
    ]
    if not pictures:
        raise RuntimeError(f"{chapters}: {FRONT} has no cell tagged main-figure with a picture")
    picture = base64.b64decode(pictures[0])
    if width:
        with Image.open(io.BytesIO(picture)) as image:
            image.thumbnail((width, image.height))
            small = io.BytesIO()
            image.convert("RGB").quantize(64).save(small, "PNG", optimize=True)
        picture = small.getvalue()
    path.write_bytes(picture)


def opening(audit: nbformat.NotebookNode) -> str:
    """What the index opens with where the audit ran on the reader's file: its answers, as MyST; "" on the book's data."""
    if not audit.metadata.get("labutils", {}).get("dataset"):
        return ""
    answers = next(cell for cell in audit.cells if cell.get("id") == "answers")
    table = next(out.data["text/html"] for out in answers.outputs if "text/html" in out.get("data", {}))
    link = f"The pictures, the reasons and the list of rows to keep: [](./{AUDIT}.ipynb)."
    return f"## What the audit found\n\n```{{raw}} html\n{table}\n```\n\n{link}\n\n## What it was judged by\n"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is at work in a folder, and hold it; the system lets go of it whatever happens."""
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def assemble(mirror: Path, site: Path = "_build/html") -> Path:
    """Build the site from a folder of executed chapters, put it, whole, at `site`, and return its index page.

    Raises RuntimeError where a chapter is missing or holds an error, and where Jupyter Book warns of anything.
    """
    mirror, site = Path(mirror).resolve(), Path(site)
    check_executed(mirror, yaml.safe_load((ROOT / "_toc.yml").read_text()))
    with alone(mirror):
        panels, links = _lay_out(mirror)
        _build(mirror)
        finish.pages(mirror / "_build" / "html", url=site_url(), panels=panels, links=links)
        site.parent.mkdir(parents=True, exist_ok=True)
        old = site.with_name(f"{site.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        if site.exists():
            site.replace(old)
        (mirror / "_build" / "html").replace(site)
        shutil.rmtree(old, ignore_errors=True)
    return site / "index.html"


def _lay_out(mirror):
    """Put what the pages need beside the executed chapters: texts, style, main figure, references, configuration.

    Returns what `takeaway.write` made.
    """
    pages = mirror / "chapters"
    seeds = records.kept(records.SEEDS)
    chapters = records.chapters(pages)
    for name, nb in chapters.items():
        before = nbformat.writes(nb)
        records.settle(nb, seeds)
        if nbformat.writes(nb) != before:
            records.write(pages / f"{name}.ipynb", nbformat.writes(nb) + "\n")
    for page in (ROOT / "chapters").glob("*.md"):
        shutil.copy(page, pages)
    index = pages / "index.md"
    records.write(index, index.read_text(encoding="utf-8").replace(OPENING, opening(chapters[AUDIT])))
    for folder in (pages / "_static", mirror / "_build"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "chapters" / "_static", pages / "_static")
    save_main_figure(pages, pages / "_static" / "main_figure.png")
    shutil.copy(ROOT / "references.bib", mirror)
    config = site_config(yaml.safe_load((ROOT / "_config.yml").read_text()), records.run_times(pages))
    records.write(mirror / "_config.yml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    return takeaway.write(chapters, pages / "_static")


def _build(mirror):
    """Run Jupyter Book; its output goes to a log, its problems into the error."""
    command = [
        Path(sys.executable).with_name("jupyter-book"),
        "build",
        mirror / "chapters",
        "--path-output",
        mirror,
    ]
    command += ["--config", mirror / "_config.yml", "--toc", ROOT / "_toc.yml", "-W", "-n", "--keep-going"]
    done = subprocess.run(command, capture_output=True, text=True)
    records.write(mirror / "jupyter-book.log", done.stdout + done.stderr)
    if done.returncode:
        lines = strip_color(done.stdout + done.stderr).splitlines()
        problems = [line for line in lines if re.search(r"WARNING|ERROR|Error:", line)]
        print("\n".join(dict.fromkeys(problems or lines[-20:])), file=sys.stderr)
        raise RuntimeError(
            f"the site: Jupyter Book reports the above; its whole output is {mirror}/jupyter-book.log"
        )
