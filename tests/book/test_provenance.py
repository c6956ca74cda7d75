"""Provenance: the repository, the day and the machine of a build."""

import datetime
import tomllib

import yaml
from conftest import ROOT

from labutils.book import provenance


def test_the_repository_is_the_environments_or_the_remotes(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    assert provenance.repository() == "https://github.com/owner/name"
    monkeypatch.delenv("GITHUB_REPOSITORY")
    monkeypatch.setattr(provenance, "_output", lambda *command: "git@github.com:some/where.git")
    assert provenance.repository() == "https://github.com/some/where"
    monkeypatch.setattr(provenance, "_output", lambda *command: "/a/folder")
    assert provenance.repository() == ""


def test_the_day_can_be_fixed_and_the_facts_name_versions(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    facts = provenance.facts()
    assert provenance.today() == datetime.date(1970, 1, 2) and facts["date"] == "1970-01-02"
    assert (
        set(facts["versions"]) == {"python", "torch", "numpy", "scipy", "scikit-learn"}
        and facts["cores"] >= 1
    )


def test_a_changed_checkout_has_a_plus(monkeypatch):
    monkeypatch.setattr(provenance, "_output", lambda *c: " M file" if "status" in c else "abc1234")
    assert provenance.commit() == "abc1234+"


def test_what_to_cite_is_the_same_wherever_it_stands():
    cite = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    index = (ROOT / "chapters" / "index.md").read_text()
    assert f"{{{cite['title']}}}" in index and f"version = {{{cite['version']}}}" in index
    assert cite["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
