"""Dependencies: what a chapter imports, followed through, and the entries of the contract that are its own."""

import json

from conftest import ROOT

from labutils.book import dependencies


def test_imports_are_followed_through_and_maps_left_out():
    translation = ROOT / "labutils" / "geometry" / "translation.py"
    found = {p.relative_to(ROOT).as_posix() for p in dependencies.needed(translation)}
    assert "labutils/checks.py" in found and "labutils/geometry/__init__.py" not in found
    chapter = dependencies.needed(ROOT / "chapters" / "10_representation_convergence.ipynb")
    assert translation in chapter and ROOT / "labutils/networks/batched.py" in chapter
    assert not {p.stem for p in chapter} & {"site", "execute", "__main__"}


def test_lines_that_only_ipython_knows_are_passed_over(tmp_path):
    cells = [
        "%matplotlib inline\nimport labutils.data",
        "%%html\n<b>2px</b>",
        "!ls\nfrom labutils import rows",
    ]
    notebook = {"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}
    (tmp_path / "toy.ipynb").write_text(json.dumps(notebook))
    found = {p.stem for p in dependencies.imports(tmp_path / "toy.ipynb", ROOT)}
    assert found == {"data", "rows"}


def test_sections_are_the_chapters_own_without_comments():
    text = "# head\na:\n  chapter: 01_x\n  why: b\n# note\nc:\n  chapter: 02_y\n02_y:\n  n: 1\n"
    assert dependencies.sections(text, "01_x") == "a:\n  chapter: 01_x\n  why: b\n"
    assert dependencies.sections(text, "02_y") == "c:\n  chapter: 02_y\n02_y:\n  n: 1\n"
