"""Claims: the verdict follows from the interval alone, and a careless contract or value is refused."""

import json
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labutils.book import claims


def test_the_books_own_contract_is_well_formed():
    for claim in claims.read().values():
        assert claim.why and claim.source and claim.statement.endswith((".", "?")), claim.id


@pytest.mark.parametrize(
    ("value", "interval", "verdict"),
    [
        (0.1, (0.09, 0.11), "reproduced"),
        (0.13, (0.115, 0.14), "inconclusive"),  # overlaps, but the value is outside
        (0.115, (0.1, 0.14), "reproduced"),
        (0.13, (0.125, 0.14), "not reproduced"),
        (0.05, (0.01, 0.079), "not reproduced"),
        (0.1, (0.05, 0.15), "inconclusive"),
        (0.1, None, "reproduced"),
        (0.5, None, "not reproduced"),
    ],
)
def test_verdict(contract, value, interval, verdict):
    assert claims.check("slope", (value, interval) if interval else value, path=contract).verdict == verdict


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_verdict_against_its_definition(low, width, accept_low, accept_width, widest):
    accept = (accept_low, accept_low + accept_width)
    value = low + width / 2
    verdict = claims.judge(value, (low, low + width), accept, widest)
    overlap = max(low, accept_low) <= min(low + width, accept_low + accept_width)
    assert (verdict == "not reproduced") == (not overlap)
    if overlap:
        inside = accept_low <= value <= accept_low + accept_width
        assert (verdict == "reproduced") == (inside and (low + width) - low <= widest)


def test_a_record_shows_itself_and_survives_json(contract):
    record = claims.check("open", (0.1, (0.09, 0.11)), path=contract)
    shown = record._repr_mimebundle_()
    assert json.loads(json.dumps(shown[claims.MIME], allow_nan=True))["verdict"] == "reproduced"
    assert "0.1 [0.09, 0.11]" in shown["text/html"] and "0.1 [0.09, 0.11]" in shown["text/plain"]
    assert 'id="claim-open"' in shown["text/html"] and "−∞ to 0.12" in shown["text/html"]


def test_refusals(contract, entry, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'slope'"):
        claims.check("slop", 1, path=contract)
    with pytest.raises(ValueError, match="must be finite"):
        claims.check("slope", math.nan, path=contract)
    with pytest.raises(ValueError, match="outside its own interval"):
        claims.check("slope", (1, (2, 3)), path=contract)
    broken = tmp_path / "broken.yml"
    broken.write_text(entry.format(id="a").replace("why:", "because:"))
    with pytest.raises(ValueError, match=r"claim 'a': missing \['why'\], not known \['because'\]"):
        claims.read(broken)
    broken.write_text(entry.format(id="a").replace("[0.08, 0.12]", "[2, 1]"))
    with pytest.raises(ValueError, match="must not exceed"):
        claims.read(broken)
    broken.write_text(entry.format(id="a").replace("replication", "replicaton"))
    with pytest.raises(
        ValueError, match=r"claim 'a': kind is 'replicaton'; allowed: .* Did you mean 'replication'"
    ):
        claims.read(broken)


def test_a_miss_says_why_and_a_hit_does_not(entry, tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(entry.format(id="slope") + "  miss: The run is too short < by half.\n")
    shown = {v: claims.check("slope", v, path=path)._repr_mimebundle_()["text/html"] for v in (0.1, 0.5)}
    assert "too short &lt; by half" in shown[0.5] and "too short" not in shown[0.1]


def test_a_scoreboard_stores_every_record_and_is_the_target_of_links(contract):
    scoreboard = claims.check_all({"slope": (0.1, (0.09, 0.11)), "open": 0.5}, path=contract)
    shown = scoreboard._repr_mimebundle_()
    assert [r["verdict"] for r in shown[claims.MIME]] == ["reproduced", "not reproduced"]
    assert 'id="claim-slope"' in shown["text/html"] and "href" not in shown["text/html"]


def test_width_of_the_accepted_range_is_the_default_limit(entry, tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(entry.format(id="slope").replace("  widest: 0.05\n", ""))
    assert claims.read(path)["slope"].widest == pytest.approx(0.04)
    assert claims.check("slope", (0.1, (0.07, 0.13)), path=path).verdict == "inconclusive"


def test_on_the_readers_data_a_claim_about_a_papers_becomes_an_observation(entry, tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(entry.format(id="slope") + "  observe: The exponent on {examples} of {data}.\n")
    mine = SimpleNamespace(of_reader=True, name="<mine>", examples="images")
    record = claims.check("slope", (0.5, (0.4, 0.6)), data=mine, path=path)
    assert record.verdict == "observation" and record.claim.statement == "The exponent on images of <mine>."
    shown = record._repr_mimebundle_()["text/html"]
    assert "&lt;mine&gt;" in shown and "not judged" in shown and "0.08" not in shown
    own = SimpleNamespace(of_reader=False, name="digits", examples="images")
    assert claims.check("slope", 0.1, data=own, path=path).verdict == "reproduced"
