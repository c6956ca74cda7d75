"""The site: only finished chapters are published, and its foot says what was built from what."""

import threading
import time

import nbformat
import pytest
import yaml
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output

from labutils.book import provenance, site


def mirror_of(folder, **outputs):
    """A mirror whose chapters are all executed, with the given outputs in place of none."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    (folder / "chapters").mkdir()
    for name in [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]:
        nb = new_notebook(cells=[new_code_cell("1", outputs=outputs.get(name, []))])
        nbformat.write(nb, folder / "chapters" / f"{name}.ipynb")
    return folder, toc


def test_only_chapters_executed_without_an_error_are_published(tmp_path):
    site.check_executed(*mirror_of(tmp_path))
    (tmp_path / "chapters" / "scoreboard.ipynb").unlink()
    with pytest.raises(RuntimeError, match="scoreboard"):
        site.assemble(tmp_path, tmp_path / "html")
    assert not (tmp_path / "html").exists()


def test_a_chapter_that_holds_an_error_is_not_published(tmp_path):
    error = new_output("error", ename="E", evalue="", traceback=[])
    folder, _ = mirror_of(tmp_path, scoreboard=[error])
    with pytest.raises(RuntimeError, match="scoreboard: holds an error"):
        site.assemble(folder, tmp_path / "html")


def test_the_footer_says_version_commit_date_profile_and_data(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    monkeypatch.setattr(site, "commit", lambda: "abc1234")
    runs = [{"profile": "smoke", "dataset": name} for name in (None, "/home/someone/mine.csv")]
    footer = site.site_config({"html": {}}, runs)["html"]["extra_footer"]
    assert "Version" in footer and "commit abc1234" in footer and "1970-01-02" in footer
    assert "profile smoke, data mine.csv" in footer and "someone" not in footer


@pytest.mark.parametrize("remote", ["git@github.com:owner/name.git", "https://github.com/owner/name"])
def test_launch_buttons_appear_where_the_repository_is_known(monkeypatch, remote):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(provenance, "_output", lambda *command: remote if "remote" in command else "abc1234")
    config = site.site_config({"html": {}}, [])
    assert config["repository"]["url"] == "https://github.com/owner/name"
    assert config["launch_buttons"]["colab_url"].startswith("https://colab")


def test_no_launch_buttons_where_the_repository_is_not_known(monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(provenance, "_output", lambda *command: "")
    config = site.site_config({"html": {}}, [])
    assert "launch_buttons" not in config and "repository" not in config
    assert "commit" not in config["html"]["extra_footer"]


def test_a_hostile_file_name_is_text_in_the_footer(monkeypatch):
    runs = [{"profile": "smoke", "dataset": "<img src=x onerror=alert(1)>.csv"}]
    footer = site.site_config({"html": {}}, runs)["html"]["extra_footer"]
    assert "<img" not in footer and "&lt;img src=x" in footer


def test_one_process_at_a_time_works_in_a_folder(tmp_path):
    order = []

    def work(name):
        with site.alone(tmp_path):
            order.append(f"{name} in")
            time.sleep(0.2)
            order.append(f"{name} out")

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.split()[1] for each in order] == ["in", "out", "in", "out"]


def test_the_index_opens_with_the_audit_of_the_readers_file_alone():
    cell = new_code_cell(
        "1", id="answers", outputs=[new_output("display_data", data={"text/html": "<table>7</table>"})]
    )
    audit = new_notebook(cells=[cell], metadata={"labutils": {"dataset": None}})
    assert site.opening(audit) == ""
    audit.metadata["labutils"]["dataset"] = "mine.csv"
    assert "<table>7</table>" in site.opening(audit) and "12_audit_your_data" in site.opening(audit)
    assert (ROOT / "chapters" / "index.md").read_text().count(site.OPENING) == 1


def test_addresses_appear_where_the_sites_is_known(monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://a.b/c")
    options = site.site_config({"html": {}}, [])["sphinx"]["config"]
    assert options["html_baseurl"] == options["ogp_site_url"] == "https://a.b/c/"
    assert options["notfound_urls_prefix"] == "/c/" and "sphinx_sitemap" in options["extensions"]
    monkeypatch.delenv("SITE_URL")
    assert "html_baseurl" not in site.site_config({"html": {}}, [])["sphinx"]["config"]
    monkeypatch.setenv("SITE_URL", "javascript:alert(1)")
    with pytest.raises(ValueError, match="SITE_URL"):
        site.site_config({"html": {}}, [])
