"""The reader's data: which chapters take them, and a build of their own for every path and content."""

import json
from types import SimpleNamespace

import nbformat
import pytest
from conftest import CHAPTERS
from nbformat.v4 import new_markdown_cell, new_notebook

from labutils.book import reader_data

NEEDS = {"kinds": ["images", "rows"], "rows": 256, "classes": 3, "per_class": 10, "features": 2}


def found(**changes):
    facts = {"kind": "rows", "task": "classification", "n_train": 300, "n_classes": 3, "smallest_class": 90}
    return SimpleNamespace(**(facts | {"n_features": 4} | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"kind": "images"}, None),
        ({"kind": "text"}, "images or rows of numbers, and yours are texts"),
        ({"task": "regression"}, "your target is a number to predict"),
        ({"n_train": 255}, "at least 256 training rows, and yours have 255"),
        ({"n_classes": 2}, "at least 3 classes"),
        ({"smallest_class": 9}, "at least 10 training rows of every class"),
        ({"n_features": 1}, "at least 2 numbers an example"),
    ],
)
def test_a_chapter_says_why_it_keeps_its_own(changes, reason):
    said = reader_data.unfit(NEEDS, found(**changes))
    assert said is None if reason is None else reason in said
    assert "make their own" in reader_data.unfit(None, found())


def test_every_chapter_with_a_dataset_declares_what_it_takes():
    for path in CHAPTERS:
        takes = any("dataset: str" in "".join(c.source) for c in nbformat.read(path, as_version=4).cells)
        assert (reader_data.needs(path) is not None) == takes, path.stem
        assert not takes or set(reader_data.needs(path)) <= {*NEEDS, "tasks"}, path.stem


def test_another_path_or_other_content_is_another_build(tmp_path):
    names = ["日本語.csv", "数据.csv", "a-b.csv", "a/b.csv", "a b.csv", "<b>.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a,target\n1,x\n")
    folders = [reader_data.mirror("smoke", str(tmp_path / name)) for name in names]
    assert len(set(folders)) == len(names)
    assert all(folder.parent.name == "_build" and folder.name.isascii() for folder in folders)
    assert reader_data.mirror("smoke", str(tmp_path / "a b.csv")) == folders[4]
    (tmp_path / "a b.csv").write_text("a,target\n1,y\n")
    assert reader_data.mirror("smoke", str(tmp_path / "a b.csv")) != folders[4]
    before = reader_data.mirror("smoke", str(tmp_path))
    (tmp_path / "a" / "new.png").write_bytes(b"x")
    assert reader_data.mirror("smoke", str(tmp_path)) != before
    assert reader_data.mirror("full", "mnist").name == "full-mnist"


def test_a_borrowed_chapter_says_why(tmp_path):
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Toy")]), tmp_path / "toy.ipynb")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "own.json").write_text(json.dumps({"toy": "it needs more"}))
    output = tmp_path / "mirror" / "chapters" / "toy.ipynb"
    reader_data.borrow(tmp_path / "toy.ipynb", output, "/some/where/mi`ne.csv")
    cells = nbformat.read(output, as_version=4).cells
    assert "keeps the book's own data, not your `mi ne.csv`: it needs more." in cells[1].source
    assert "where" not in cells[1].source
