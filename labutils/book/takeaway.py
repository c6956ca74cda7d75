"""What a page offers to take along: its claims and the values of its figures as csv, its figures' panels apart."""

import base64
import csv
import hashlib
import io
from pathlib import Path

import nbformat

from labutils import figures
from labutils.book import records

CLAIMS = (
    "id",
    "kind",
    "statement",
    "source",
    "published",
    "here",
    "low",
    "high",
    "unit",
    "from",
    "to",
    "verdict",
)


def write(chapters: dict[str, nbformat.NotebookNode], static: Path) -> tuple[dict, dict]:
    """Write the csv files and pictures of executed chapters below the site's folder `static`.

    Returns {SHA-256 of a figure's PNG: [(title, path of a panel)]} and {chapter: [(text, path of a csv)]}, paths
    counted from the pages.
    """
    (static / "numbers").mkdir(parents=True)
    (static / "panels").mkdir()
    panels, links = {}, {}
    for name, nb in chapters.items():
        links[name] = []
        for words, rows in {"claims": _claims(nb), "figures": _values(nb)}.items():
            if len(rows) > 1:
                file = f"numbers/{name}-{words}.csv"
                (static / file).write_text(_csv(rows), encoding="utf-8")
                links[name].append((f"{words} (csv)", f"_static/{file}"))
        for _, data in _figures(nb):
            digest = hashlib.sha256(base64.b64decode(data["image/png"])).hexdigest()
            panels[digest] = []
            for i, panel in enumerate(data.get(figures.PANELS, {}).get("panels", [])):
                file = f"panels/{digest[:16]}-{i}.png"
                (static / file).write_bytes(base64.b64decode(panel["png"]))
                panels[digest].append((panel["title"], f"_static/{file}"))
    return panels, links


def _figures(nb):
    """(name, outputs by MIME type) of each picture in a notebook; its name is that of its target, or its number."""
    number = 0
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                number += 1
                name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name", f"figure {number}")
                yield name, output["data"]


def _values(nb):
    """The header and rows of all values that a notebook's figures draw."""
    rows = [["figure", *figures.COLUMNS]]
    for name, data in _figures(nb):
        found = list(csv.reader(io.StringIO(data.get(figures.VALUES, ""))))
        rows += [[name, *row] for row in found[1:]]
    return rows


def _claims(nb):
    """The header and a row for each claim that a notebook judged."""
    rows = [CLAIMS]
    for output in [output for cell in nb.cells for output in cell.get("outputs", [])]:
        for r in records.claims_in(output):
            about = (r["id"], r["kind"], r["statement"], r["source"], r["reference"])
            rows.append([*about, r["value"], *r["interval"], r["unit"], *r["accept"], r["verdict"]])
    return rows


def _csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
