"""Parameters: read with name, type and range, and refused before a run where they do not fit."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from labutils.book import parameters

DEFAULTS = """n_seeds: int = 3  # independent runs, in [2, 100]
rate: float = 0.5  # learning rate, in (0, 1]
sizes: list[int] = [16, 32]  # training-set sizes, at least 2 values in [4, 1000]
primes: list[int] = [5, 7]  # two moduli, 2 values in [3, 31]
dataset: str = "digits"  # what to learn"""


@pytest.fixture
def notebook(tmp_path):
    cells = [new_code_cell(DEFAULTS, metadata={"tags": ["parameters"]})]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "toy.ipynb")
    return tmp_path / "toy.ipynb"


def test_parameters_come_with_type_default_and_comment(notebook):
    parameter = parameters.parameters_of(notebook)["sizes"]
    assert parameter["inferred_type_name"] == "list[int]"
    assert parameter["default"] == "[16, 32]"
    assert parameter["help"] == "training-set sizes, at least 2 values in [4, 1000]"


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, "int", True),
        (3.0, "int", False),
        (True, "int", False),
        (True, "bool", True),
        (3, "float", True),
        ("3", "float", False),
        ([1, 2], "list[int]", True),
        ([1, 2.5], "list[int]", False),
        ([], "list[int]", True),
        ([[1], [2]], "list[list[int]]", True),
        ([[1], ["2"]], "list[list[int]]", False),
        ((1, 2), "tuple[int, int]", True),
        ("mnist", "str", True),
        (None, "str", False),
        (object(), "Anything", True),
    ],
)
def test_fits(value, annotation, expected):
    assert parameters.fits(value, annotation) is expected


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_seeds", 1, r"n_seeds of toy.ipynb is 1; allowed: int, in \[2, 100\]"),
        ("n_seeds", -1, r"in \[2, 100\]"),
        ("rate", 0.0, r"in \(0, 1\]"),
        ("rate", float("nan"), r"in \(0, 1\]"),
        ("rate", float("inf"), r"in \(0, 1\]"),
        ("sizes", [], "at least 2 values"),
        ("sizes", [16], "at least 2 values"),
        ("sizes", [16, 3], r"in \[4, 1000\]"),
        ("sizes", [16, "x"], r"allowed: list\[int\]"),
        ("primes", [17], "2 values in"),
        ("primes", [5, 7, 11], "2 values in"),
        ("n_sedes", 2, "Did you mean 'n_seeds'"),
    ],
)
def test_a_value_outside_its_stated_range_is_refused_with_the_range(notebook, name, value, message):
    with pytest.raises(ValueError, match=message):
        parameters.check_parameters(notebook, {name: value})


def test_values_inside_are_accepted(notebook):
    parameters.check_parameters(
        notebook, {"n_seeds": 2, "rate": 1, "sizes": [4, 1000, 5], "primes": [3, 31], "dataset": "x"}
    )
