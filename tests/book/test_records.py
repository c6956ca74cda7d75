"""Records are read from cell outputs, kept by chapter, and written into the README; nothing else is."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from labutils.book import claims, records


def record(id, chapter="01_toy", value=0.5, kind="replication"):
    published = {"statement": "Half | of it.", "source": "A paper", "reference": 0.5, "unit": "bits"}
    measured = {
        "value": value,
        "interval": [0.4, 0.6],
        "exact": False,
        "verdict": "reproduced",
        "accept": [0.3, 0.7],
        "why": "so",
    }
    return {"id": id, "chapter": chapter, "kind": kind, "miss": ""} | published | measured


def executed(folder, *data, name="01_toy", profile="full"):
    outputs = [new_output("display_data", data=each) for each in data]
    run = {"profile": profile, "seconds": 1.5, "cell_seconds": [1.5], "date": "2026-01-01", "commit": "abc"}
    nb = new_notebook(cells=[new_code_cell("1", outputs=outputs)], metadata={"labutils": run})
    nbformat.write(nb, folder / f"{name}.ipynb")


def test_records_are_single_or_of_a_scoreboard_and_only_in_chapters(tmp_path):
    executed(
        tmp_path, {claims.MIME: record("a"), "text/plain": ""}, {claims.MIME: [record("b"), record("c")]}
    )
    executed(tmp_path, {"text/plain": "no record"}, name="02_more")
    executed(tmp_path, {claims.MIME: record("d")}, name="scoreboard")
    assert [found["id"] for found in records.records(tmp_path)] == ["a", "b", "c"]
    assert records.records(tmp_path)[0] == record("a")


def test_run_times_name_chapter_and_seconds(tmp_path):
    executed(tmp_path)
    assert [(run["chapter"], run["seconds"]) for run in records.run_times(tmp_path)] == [("01_toy", 1.5)]


def test_keep_full_replaces_the_chapters_it_ran_and_no_others(tmp_path):
    path = tmp_path / "records" / "full.json"  # a folder that is not there yet
    executed(tmp_path, {claims.MIME: record("a", value=0.45)})
    executed(tmp_path, {claims.MIME: record("b", "02_more")}, name="02_more")
    records.keep_full(tmp_path, path)
    (tmp_path / "02_more.ipynb").unlink()
    executed(tmp_path, {claims.MIME: record("a", value=0.55)})
    records.keep_full(tmp_path, path)
    kept = records.kept(path)
    assert [kept[name]["claims"][0]["value"] for name in ("01_toy", "02_more")] == [0.55, 0.5]
    assert kept["01_toy"]["date"] == "2026-01-01"


def test_keep_full_refuses_another_profile(tmp_path):
    executed(tmp_path, {claims.MIME: record("a")}, profile="smoke")
    with pytest.raises(ValueError, match="'smoke'; allowed: 'full'"):
        records.keep_full(tmp_path, tmp_path / "full.json")
    assert records.kept(tmp_path / "full.json") == {}


def test_readme_table_stands_between_the_markers_however_often_it_is_written(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter\n")
    executed(tmp_path, {claims.MIME: [record("a"), record("b", kind="check")]})
    records.write_readme(tmp_path, readme)
    once = readme.read_text()
    records.write_readme(tmp_path, readme)
    assert readme.read_text() == once
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "old" not in once
    assert "| 01 toy | 1 | 1 | 0 | 0 |  | 1 of 1 |" in once
    assert (
        "| 01 | Half \\| of it. | 0.5 bits (A paper) | 0.5 [0.4, 0.6] bits | replication | reproduced |"
        in once
    )


def test_readme_without_markers_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("nothing to replace")
    with pytest.raises(ValueError, match="results:begin"):
        records.write_readme(tmp_path, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == "nothing to replace"


def test_readme_is_left_alone_where_nothing_was_executed(tmp_path):
    (tmp_path / "README.md").write_text("<!-- results:begin -->\nkept\n<!-- results:end -->\n")
    with pytest.raises(ValueError, match="run `make book` first"):
        records.write_readme(tmp_path, tmp_path / "README.md")
    assert "kept" in (tmp_path / "README.md").read_text()
