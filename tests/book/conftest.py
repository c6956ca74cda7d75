"""A contract of claims for the tests of claims and cards."""

import pytest

ENTRY = """
{id}:
  chapter: 01_power_laws
  kind: replication
  statement: Loss falls as D^-0.1
  source: Someone 2020
  reference: 0.1
  unit: ""
  accept: [0.08, 0.12]
  widest: 0.05
  why: the printed interval
"""


@pytest.fixture
def entry():
    """The text of one claim, its id to be filled in."""
    return ENTRY


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text(
        ENTRY.format(id="slope") + ENTRY.format(id="open").replace("[0.08, 0.12]", "[-.inf, 0.12]")
    )
    return path
