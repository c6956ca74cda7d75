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


def test_keep_full_keeps_what_a_chapter_wrote_beside_its_folder(tmp_path):
    (tmp_path / "full" / "chapters").mkdir(parents=True)
    executed(tmp_path / "full" / "chapters", {claims.MIME: record("a")})
    (tmp_path / "full" / "01_toy.json").write_text("[1]\n")
    (tmp_path / "full" / "other.json").write_text("[2]\n")
    records.keep_full(tmp_path / "full" / "chapters", tmp_path / "kept" / "full.json")
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"full.json", "01_toy.json"}


def test_keep_full_refuses_another_profile(tmp_path):
    executed(tmp_path, {claims.MIME: record("a")}, profile="smoke")
    with pytest.raises(ValueError, match="'smoke'; allowed: 'full'"):
        records.keep_full(tmp_path, tmp_path / "full.json")
    assert records.kept(tmp_path / "full.json") == {}


def test_readme_findings_stand_between_the_markers_however_often_they_are_written(tmp_path, monkeypatch):
    readme, table, told = (
        tmp_path / "README.md",
        tmp_path / "records" / "standard.md",
        tmp_path / "findings.yml",
    )
    readme.write_text("before\n<!-- findings:begin -->\nold\n<!-- findings:end -->\nafter\n")
    told.write_text("- {page: 01_toy, text: 'A row is worth {a}.'}\n")
    monkeypatch.setattr(records.findings, "__defaults__", (told,))
    executed(tmp_path, {claims.MIME: [record("a"), record("b", kind="check")]})
    records.write_readme(tmp_path, readme, table)
    once = readme.read_text()
    records.write_readme(tmp_path, readme, table)
    assert readme.read_text() == once
    assert once.startswith("before\n") and once.endswith("\nafter\n") and "old" not in once
    assert "- A row is worth 0.5 [0.4, 0.6]. [Chapter 1](chapters/01_toy.ipynb)" in once
    assert "Of 1 replications of published results, 1 reproduced, 0 inconclusive, 0 not reproduced" in once
    assert "| 01 toy | 1 | 1 | 0 | 0 |  | 1 of 1 |" in table.read_text()
    row = "| 01 | Half \\| of it. | 0.5 bits (A paper) | 0.5 [0.4, 0.6] bits | replication | reproduced |"
    assert row in table.read_text()


def test_a_finding_without_its_claim_is_refused(tmp_path):
    (tmp_path / "findings.yml").write_text("- {page: 01_toy, text: 'It is {b}.'}\n")
    with pytest.raises(ValueError, match="claim 'b', which no executed chapter holds"):
        records.findings([record("a")], tmp_path / "findings.yml")


def test_the_book_s_findings_name_claims_and_chapters_that_exist():
    contract = claims.read()
    found = [record(id, chapter=claim.chapter) for id, claim in contract.items()]
    told = records.findings(found)
    assert len(told) == 5 and all((records.ROOT / "chapters" / f"{page}.ipynb").is_file() for _, page in told)


def test_readme_without_markers_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("nothing to replace")
    with pytest.raises(ValueError, match="findings:begin"):
        records.write_readme(tmp_path, tmp_path / "README.md", tmp_path / "standard.md")
    assert (tmp_path / "README.md").read_text() == "nothing to replace"


def test_readme_is_left_alone_where_nothing_was_executed(tmp_path):
    (tmp_path / "README.md").write_text("<!-- findings:begin -->\nkept\n<!-- findings:end -->\n")
    with pytest.raises(ValueError, match="run `make book` first"):
        records.write_readme(tmp_path, tmp_path / "README.md", tmp_path / "standard.md")
    assert "kept" in (tmp_path / "README.md").read_text()


def kept_seeds(tmp_path, values, ids=("a",)):
    """A folder for each seed, executed, in which the claims came to these values; and the file that keeps them."""
    folders = [tmp_path / f"seed-{seed}" for seed in range(len(values))]
    for seed, (folder, value) in enumerate(zip(folders, values, strict=True)):
        folder.mkdir()
        found = [record(id, value=value) | {"interval": [value - 0.1, value + 0.1]} for id in ids]
        executed(folder, {claims.MIME: found}, profile=f"standard, seed={seed}" if seed else "standard")
    records.keep_seeds(folders, tmp_path / "seeds.json")
    return folders[0], records.kept(tmp_path / "seeds.json")


def test_a_verdict_that_flips_with_the_seed_is_inconclusive_and_lists_the_values(tmp_path):
    folder, seeds = kept_seeds(tmp_path, [0.5, 0.5, 0.9])
    assert list(seeds["01_toy"]) == ["0", "1", "2"] and seeds["01_toy"]["2"]["found"]["a"][0] == 0.9
    (found,) = records.records(folder, seeds)
    assert found["verdict"] == "inconclusive" and found["seeds"] == {"0": 0.5, "1": 0.5, "2": 0.9}
    nb = records.chapters(folder)["01_toy"]
    (output,) = records.settle(nb, seeds)
    assert "0.5 on seed 0, 0.5 on seed 1, 0.9 on seed 2" in output["data"]["text/html"]
    assert "? inconclusive" in output["data"]["text/html"] and "inconclusive" in output["data"]["text/plain"]
    once = nbformat.writes(nb)
    records.settle(nb, seeds)
    assert nbformat.writes(nb) == once
    records.settle(nb, {})  # without other seeds the verdict is again the run's own
    assert records.claims_in(nb.cells[0].outputs[0])[0]["verdict"] == "reproduced"


def test_a_verdict_that_holds_on_every_seed_stays(tmp_path):
    folder, seeds = kept_seeds(tmp_path, [0.5, 0.52, 0.48])
    (found,) = records.records(folder, seeds)
    assert found["verdict"] == "reproduced" and "seeds" not in found


def test_seeds_are_judged_by_the_range_of_now(tmp_path):
    folder, seeds = kept_seeds(tmp_path, [0.5, 0.5, 0.9])
    wider = record("a") | {"accept": [0.3, 0.95], "interval": [0.4, 0.6]}
    executed(folder, {claims.MIME: wider}, profile="standard")
    assert records.records(folder, seeds)[0]["verdict"] == "reproduced"


@pytest.mark.parametrize("profile", ["smoke", "full", "standard, n_seeds=2"])
def test_runs_of_another_kind_are_neither_settled_nor_kept(tmp_path, profile):
    folder, seeds = kept_seeds(tmp_path, [0.5, 0.9])
    executed(folder, {claims.MIME: record("a")}, profile=profile)
    assert records.records(folder, seeds)[0]["verdict"] == "reproduced"
    with pytest.raises(ValueError, match="allowed: 'standard', on a seed"):
        records.keep_seeds([folder], tmp_path / "seeds.json")


def test_seeds_that_are_not_run_again_stay(tmp_path):
    _, before = kept_seeds(tmp_path, [0.5, 0.9])
    executed(tmp_path / "seed-1", {claims.MIME: record("a", value=0.7)}, profile="standard, seed=1")
    records.keep_seeds([tmp_path / "seed-1"], tmp_path / "seeds.json")
    after = records.kept(tmp_path / "seeds.json")["01_toy"]
    assert after["0"] == before["01_toy"]["0"] and after["1"]["found"]["a"][0] == 0.7


def test_only_chapters_that_ran_on_every_seed_are_kept_anew(tmp_path):
    folder, _ = kept_seeds(tmp_path, [0.5, 0.9])
    executed(folder, {claims.MIME: record("b", "02_more")}, name="02_more", profile="standard")
    records.keep_seeds([folder, tmp_path / "seed-1"], tmp_path / "seeds.json")
    assert list(records.kept(tmp_path / "seeds.json")) == ["01_toy"]
