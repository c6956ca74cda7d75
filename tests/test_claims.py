"""Claims: the verdict follows from the interval alone, and a careless contract or value is refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labutils import claims

ENTRY = """
{id}:
  chapter: 01_power_laws
  statement: Loss falls as D^-0.1
  source: Someone 2020
  reference: 0.1
  unit: ""
  accept: [0.08, 0.12]
  widest: 0.05
  why: the printed interval
"""


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(
        ENTRY.format(id="slope") + ENTRY.format(id="open").replace("[0.08, 0.12]", "[-.inf, 0.12]")
    )
    return path


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
    assert claims.check("slope", value, interval=interval, path=contract).verdict == verdict


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_verdict_against_its_definition(low, width, accept_low, accept_width, widest):
    claim = claims.Claim("a", "01", "s.", "p", 0.0, "", (accept_low, accept_low + accept_width), "w", widest)
    value = low + width / 2
    verdict = claims.judge(claim, value, (low, low + width))
    overlap = max(low, accept_low) <= min(low + width, accept_low + accept_width)
    assert (verdict == "not reproduced") == (not overlap)
    if overlap:
        inside = accept_low <= value <= accept_low + accept_width
        assert (verdict == "reproduced") == (inside and (low + width) - low <= widest)


def test_a_record_shows_itself_and_survives_json(contract):
    record = claims.check("open", 0.1, interval=(0.09, 0.11), path=contract)
    shown = record._repr_mimebundle_()
    assert json.loads(json.dumps(shown[claims.MIME], allow_nan=True))["verdict"] == "reproduced"
    assert "0.1 [0.09, 0.11]" in shown["text/html"] and "0.1 [0.09, 0.11]" in shown["text/plain"]
    assert 'id="claim-open"' in shown["text/html"] and "−∞ to 0.12" in shown["text/html"]


def test_refusals(contract, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'slope'"):
        claims.check("slop", 1, path=contract)
    with pytest.raises(ValueError, match="must be finite"):
        claims.check("slope", math.nan, path=contract)
    with pytest.raises(ValueError, match="outside its own interval"):
        claims.check("slope", 1, interval=(2, 3), path=contract)
    broken = tmp_path / "broken.yml"
    broken.write_text(ENTRY.format(id="a").replace("why:", "because:"))
    with pytest.raises(ValueError, match=r"claim 'a': missing \['why'\], not known \['because'\]"):
        claims.read(broken)
    broken.write_text(ENTRY.format(id="a").replace("[0.08, 0.12]", "[2, 1]"))
    with pytest.raises(ValueError, match="must not exceed"):
        claims.read(broken)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.30103, "0.301"),
        (12345.6, "12,346"),
        (2.0, "2"),
        (0.1, "0.1"),
        (1e-5, "1.00 × 10^-5"),
        (3.2e8, "3.20 × 10^8"),
        (1450, "1,450"),
        (99.96, "100"),
    ],
)
def test_numbers_for_people(value, text):
    assert claims.number(value) == text


def test_table_links_each_claim_and_escapes_html(contract):
    record = claims.as_json(claims.check("slope", 0.1, interval=(0.09, 0.11), path=contract))
    record["statement"] = "a < b at 10^7"
    page = claims.table([record], full=[record | {"value": 0.11}])
    assert 'href="01_power_laws.html#claim-slope"' in page and "a &lt; b at 10<sup>7</sup>" in page
    assert "0.11 [0.09, 0.11]" in page and page.count("<th ") == 7
    assert claims.table([record]).count("<th ") == 6


def test_a_board_stores_every_record_and_is_the_target_of_links(contract):
    board = claims.check_all({"slope": (0.1, (0.09, 0.11)), "open": (0.5, None)}, path=contract)
    shown = board._repr_mimebundle_()
    assert [r["verdict"] for r in shown[claims.MIME]] == ["reproduced", "not reproduced"]
    assert 'id="claim-slope"' in shown["text/html"] and "href" not in shown["text/html"]


def test_estimate_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = sum(
        low <= 3 <= high for _, (low, high) in (claims.estimate(rng.normal(3, 2, 5)) for _ in range(2000))
    )
    assert abs(hits / 2000 - 0.9) < 3 * np.sqrt(0.9 * 0.1 / 2000)
    with pytest.raises(ValueError, match="at least 2 finite runs"):
        claims.estimate([1.0])


def test_width_of_the_accepted_range_is_the_default_limit(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(ENTRY.format(id="slope").replace("  widest: 0.05\n", ""))
    assert claims.read(path)["slope"].widest == pytest.approx(0.04)
    assert claims.check("slope", 0.1, interval=(0.07, 0.13), path=path).verdict == "inconclusive"


def test_resampled_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [claims.resample(rng.exponential(size=(40, 3)), np.median, n_boot=200) for _ in range(300)]
    hits = sum(low <= np.log(2) <= high for _, (low, high) in found)
    assert abs(hits / 300 - 0.9) < 3 * np.sqrt(0.9 * 0.1 / 300) + 0.02
    with pytest.raises(ValueError, match="at least 2 runs"):
        claims.resample([[1.0]], np.median)
