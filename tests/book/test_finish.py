"""The finished pages: one of each, pictures with their size and panels, nothing that no page loads."""

import hashlib
import re

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from labutils.book import finish
from labutils.figures import PANELS

PAGE = """<head><meta name="viewport" content="a" /><meta name="viewport" content="b"/>
<title>Book &#8212; Book</title><meta property="og:url" content="x.html" />
<script>window.MathJax = {"a": {"b": 1}}</script>
<script defer="defer" src="_static/mathjax/tex-chtml.js"></script>
</head><article>%s</article>"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "_static" / "mathjax" / "sre" / "mathmaps").mkdir(parents=True)
    for name in ("tex-chtml.js", "tex-svg.js", "sre/mathmaps/en.json", "sre/mathmaps/de.json"):
        (tmp_path / "_static" / "mathjax" / name).touch()
    (tmp_path / "_static" / "x.css.map").touch()
    for name, size in {"whole.png": (80, 40), "a.png": (30, 20), "b.png": (30, 21)}.items():
        Image.new("RGB", size).save(tmp_path / name)
    return tmp_path


def finished(folder, body, **options):
    (folder / "x.html").write_text(PAGE % body)
    finish.pages(folder, **options)
    return (folder / "x.html").read_text()


def test_one_viewport_one_title_and_no_script_for_formulas_that_are_not_there(folder):
    page = finished(folder, "no formula")
    assert page.count("viewport") == 1 and 'content="a"' in page and "<title>Book</title>" in page
    assert "athjax" not in page.lower() and "og:url" not in page
    assert not (folder / "robots.txt").exists()


def test_a_page_with_formulas_keeps_their_script_and_a_site_with_an_address_says_it(folder):
    page = finished(folder, '<span class="math notranslate">x</span>', url="https://a.b/c/")
    assert page.count("mathjax/tex-chtml.js") == 1 and "og:url" in page
    assert "Sitemap: https://a.b/c/sitemap.xml" in (folder / "robots.txt").read_text()


def test_pictures_have_their_size_and_come_when_needed_with_their_panels(folder):
    digest = hashlib.sha256((folder / "whole.png").read_bytes()).hexdigest()
    page = finished(
        folder,
        '<img alt="two &amp; more" src="whole.png" />',
        panels={digest: [('"l"', "a.png"), ("r", "b.png")]},
    )
    sizes = re.findall(r'<img loading="lazy" decoding="async" width="(\d+)" height="(\d+)"', page)
    assert sizes == [("80", "40"), ("30", "20"), ("30", "21")]
    assert 'alt="Panel 1 of 2: &quot;l&quot;"' in page and '<span class="told">two &amp; more</span>' in page


def test_a_picture_without_panels_stays_alone_and_one_in_the_page_is_left(folder):
    page = finished(folder, '<img src="b.png"><img src="data:image/png;base64,AA"><img src="gone.png">')
    assert page.count("<img") == 3 and page.count("lazy") == 1 and "panels" not in page


def test_pictures_become_webp_of_the_same_pixels_unless_a_page_names_them_otherwise(folder):
    drawn = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    Image.fromarray(drawn).save(folder / "a.png")
    page = finished(folder, '<img src="a.png"><img src="a.png"><img src="b.png"><a href="b.png">large</a>')
    assert page.count('src="a.webp"') == 2 and page.count('src="b.webp"') == 1
    with Image.open(folder / "a.webp") as picture:
        seen = np.array(picture.convert("RGBA"))
    opaque = drawn[..., 3] > 0
    assert (seen[..., 3] == drawn[..., 3]).all() and (seen[opaque] == drawn[opaque]).all()
    assert not (folder / "a.png").exists() and (folder / "b.png").exists()


def test_what_no_page_loads_is_gone(folder):
    finished(folder, "")
    left = {p.relative_to(folder).as_posix() for p in (folder / "_static").rglob("*") if p.is_file()}
    assert left == {"_static/mathjax/tex-chtml.js", "_static/mathjax/sre/mathmaps/en.json"}


def test_what_is_offered_to_take_along_ends_the_article(folder):
    page = finished(folder, "text", links={"x": [("claims (csv)", "_static/numbers/x.csv")]})
    assert '<a href="_static/numbers/x.csv" download>claims (csv)</a></p></article>' in page


LIBRARY = 'x={sun:[1,2,[3],"f0","OUTLINE"]},y={sun:[512,512,[9,"a"],"f1","M0 1"],"arrow-up":[384,512,[],"f2","M2 3"]}'
SCRIPT = '<script defer src="_static/scripts/fontawesome.js?digest=1"></script>'


def test_icons_are_drawn_in_the_page_and_their_script_goes():
    icons = '<i class="theme fa-solid fa-sun fa-lg" data-mode="light" title="Light"></i><span class="fa-solid fa-arrow-up"></span>'
    page = finish.with_icons(SCRIPT + icons, LIBRARY)
    assert "<script" not in page and "<i" not in page and "title" not in page
    assert 'class="icon theme fa-solid fa-sun fa-lg" data-mode="light"' in page
    assert '<path d="M0 1"/>' in page and '<path d="M2 3"/>' in page


def test_a_page_with_an_unknown_icon_keeps_the_script():
    page = SCRIPT + '<i class="fa-solid fa-sun"></i><i class="fa-solid fa-nothing"></i>'
    assert finish.with_icons(page, LIBRARY) == page


def test_the_notebook_to_take_along_has_no_panels(folder):
    (folder / "_sources").mkdir()
    data = {"image/png": "AA==", PANELS: {"panels": []}}
    nb = new_notebook(cells=[new_code_cell("1", outputs=[new_output("display_data", data=data)])])
    nbformat.write(nb, folder / "_sources" / "x.ipynb")
    finished(folder, "")
    assert set(nbformat.read(folder / "_sources" / "x.ipynb", 4).cells[0].outputs[0].data) == {"image/png"}
