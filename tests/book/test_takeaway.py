"""What a page offers to take along: every claim and every drawn value of a chapter, as csv."""

import base64
import csv
import hashlib

from nbformat.v4 import new_code_cell, new_notebook, new_output

from labutils import figures
from labutils.book import claims, takeaway

RECORD = {
    "id": "a",
    "kind": "bar",
    "statement": 'says "x, y"',
    "source": "s",
    "reference": 3,
    "value": 3.5,
    "interval": [3, 4],
    "unit": "bits",
    "accept": [2, 5],
    "verdict": "reproduced",
}


def test_claims_values_and_panels_are_written(tmp_path):
    png, panel = (base64.b64encode(text).decode() for text in (b"whole", b"left"))
    drawn = {
        "image/png": png,
        figures.VALUES: ",".join(figures.COLUMNS) + "\np,point,s,1,2,,\n",
        figures.PANELS: {"panels": [{"title": "left", "png": panel}]},
    }
    cells = [
        new_code_cell("a", outputs=[new_output("display_data", data={claims.MIME: RECORD})]),
        new_code_cell("b", outputs=[new_output("display_data", data=drawn)]),
    ]
    panels, links = takeaway.write({"01_x": new_notebook(cells=cells)}, tmp_path)
    place = panels[hashlib.sha256(b"whole").hexdigest()][0]
    assert (
        place[0] == "left"
        and (tmp_path.parent / tmp_path.name / place[1].removeprefix("_static/")).read_bytes() == b"left"
    )
    assert [words for words, _ in links["01_x"]] == ["claims (csv)", "figures (csv)"]
    read = lambda name: list(csv.DictReader((tmp_path / "numbers" / f"01_x-{name}.csv").open()))  # noqa: E731
    assert read("claims")[0]["statement"] == 'says "x, y"' and read("claims")[0]["low"] == "3"
    assert read("figures") == [
        {
            "figure": "figure 1",
            "panel": "p",
            "shape": "point",
            "series": "s",
            "x": "1",
            "y": "2",
            "low": "",
            "high": "",
        }
    ]


def test_a_page_with_nothing_offers_nothing(tmp_path):
    assert takeaway.write({"01_x": new_notebook()}, tmp_path) == ({}, {"01_x": []})
