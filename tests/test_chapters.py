"""Every chapter keeps the book's rules, and its smoke run leaves a finite record of each of its claims."""

import math
import re

import nbformat
import pytest
import yaml
from conftest import CHAPTERS, ROOT, SUMMARIES

from labutils.book import cards, claims, parameters, records

GROUND = {"checks", "data", "intervals", "plotting"}  # and what is in book/ and networks/
PROFILES = sorted((ROOT / "chapters" / "profiles").glob("*.yml"))
LABEL = re.compile(r"^\(([\w-]+)\)=|^:label: (\S+)|^\$\$ \(([\w-]+)\)", re.MULTILINE)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
each_notebook = pytest.mark.parametrize("path", [*CHAPTERS, *SUMMARIES], ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


@each_notebook
def test_is_committed_without_outputs(path):
    for cell in code_cells(path):
        assert cell.outputs == [], cell.source
        assert cell.execution_count is None, cell.source


@each_notebook
def test_has_one_parameters_cell_with_types_and_comments(path):
    assert sum("parameters" in tags(cell) for cell in code_cells(path)) == 1
    stated = parameters.parameters_of(path)
    assert stated
    parameters.check_parameters(
        path,
        {
            n: parameters.value_of(p["default"], p)
            for n, p in stated.items()
            if p["inferred_type_name"] != "str"
        },
    )
    for name, parameter in stated.items():
        assert parameter["inferred_type_name"] != "None", f"{name} has no annotation"
        assert len(parameter["help"].split()) >= 2, f"{name} has no comment that explains it"
        if re.search("int|float", parameter["inferred_type_name"]):
            assert parameters.RANGE.search(parameter["help"]), f"{name} has no range, such as: in [1, 100]"
        assert parameters.fits(
            parameters.value_of(parameter["default"], None), parameter["inferred_type_name"]
        ), name


@each_notebook
def test_cells_are_short_and_draw_through_the_books_style(path):
    for cell in code_cells(path):
        assert len(cell.source.splitlines()) <= 20, cell.source
        assert not re.search(r"\b(import|from) matplotlib|\bplt\b", cell.source), cell.source


@each_chapter
def test_figures_have_a_name_a_caption_and_an_alternative_text(path):
    figures = [
        cell.metadata.mystnb for cell in code_cells(path) if "figure" in cell.metadata.get("mystnb", {})
    ]
    assert figures
    for figure in figures:
        assert figure["figure"]["name"].startswith("fig-")
        assert len(figure["figure"]["caption"].split()) >= 8
        assert len(figure["image"]["alt"].split()) >= 8
    assert len({figure["figure"]["name"] for figure in figures}) == len(figures)


def test_labels_are_used_once_in_the_whole_book():
    """Figures, equations, exercises and headings share one name space; the site's build stops at the second."""
    labels = []
    for path in CHAPTERS:
        for cell in nbformat.read(path, as_version=4).cells:
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            found = [figure["name"]] if "name" in figure else []
            if cell.cell_type == "markdown":
                for groups in LABEL.findall(cell.source):
                    found += [name for name in groups if name]
            labels += [(name, path.stem) for name in found]
    names = [name for name, _ in labels]
    assert not [label for label in labels if names.count(label[0]) > 1]


@each_chapter
def test_has_its_module_and_the_module_its_test(path):
    source = "\n".join(cell.source for cell in code_cells(path))
    imported = re.findall(r"^from labutils(?:\.(\w+))? import (\([^)]+\)|.+)$", source, re.MULTILINE)
    modules = {(part, name) for part, names in imported for name in re.findall(r"\w+", names)}
    parts = {part for part, name in modules} - {"", "book", "networks"}
    assert parts, "a chapter computes with a module of its subject"
    assert {name for part, name in modules if not part} <= GROUND
    for part, name in modules:
        assert (ROOT / "labutils" / part / f"{name}.py").is_file()
        assert (ROOT / "tests" / part / f"test_{name}.py").is_file()


@each_chapter
def test_is_in_the_table_of_contents_and_on_the_map(path):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    assert path.stem in [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert f":link: {path.stem}\n" in (ROOT / "chapters" / "index.md").read_text()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_profiles_set_parameters_that_exist(profile):
    for name in yaml.safe_load(profile.read_text()) or {}:
        notebook = ROOT / "chapters" / f"{name}.ipynb"
        parameters.check_parameters(notebook, parameters.profile_overrides(notebook, profile.stem))


@each_chapter
def test_smoke_run_leaves_a_finite_record_of_every_claim(path, mirror):
    expected = [claim.id for claim in claims.read().values() if claim.chapter == path.stem]
    found = [record for record in records.records(mirror / "chapters") if record["chapter"] == path.stem]
    assert sorted(record["id"] for record in found) == sorted(expected)
    for record in found:
        assert all(map(math.isfinite, [record["value"], *record["interval"]])), record["id"]
        assert record["verdict"] in cards.VERDICTS


def test_every_claim_belongs_to_a_chapter_that_is_written_or_on_the_map():
    written = {path.stem for path in CHAPTERS}
    page = (ROOT / "chapters" / "index.md").read_text()
    planned = {int(number) for number in re.findall(r"card\} (\d+) · .*\n:class-card: planned", page)}
    for claim in claims.read().values():
        assert claim.chapter in written or int(claim.chapter[:2]) in planned, claim.id


@each_chapter
def test_first_screen_shows_the_main_figure(path, mirror):
    cells = records.chapters(mirror / "chapters")[path.stem].cells
    main = [cell for cell in cells if "main-figure" in tags(cell)]
    assert len(main) == 1
    assert any("image/png" in output.get("data", {}) for output in main[0].outputs)
