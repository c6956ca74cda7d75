"""The parameters of a notebook: names, types and ranges, read from its one annotated cell and checked before a run.

A comment says what a parameter means and, at its end, what it may be: `n_seeds: int = 3  # runs per point, in [2, 100]`.
A list may say how many: `sizes: list[int] = [16, 32]  # training sizes, at least 2 values in [4, 10000]`.
"""

import ast
import math
import re
from pathlib import Path

import papermill
import yaml

from labutils.checks import check_choice

TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": (list, tuple)}
RANGE = re.compile(
    r"(?:(?P<least>at least )?(?P<count>\d+) values? )?in (?P<open>[\[(])(?P<low>[^,\]]+), (?P<high>[^,\]]+)(?P<close>[\])])$"
)


def parameters_of(notebook: Path) -> dict[str, dict]:
    """{name: {"inferred_type_name", "default", "help"}} of a notebook's cell tagged `parameters`."""
    if not Path(notebook).is_file():
        raise FileNotFoundError(f"notebook: there is no {notebook}")
    return papermill.inspect_notebook(str(notebook))


def profile_overrides(notebook: Path, profile: str) -> dict:
    """The parameters a profile sets for a notebook; the notebook's defaults are the profile `standard`."""
    folder = Path(notebook).parent / "profiles"
    check_choice("profile", profile, ["standard", *sorted(path.stem for path in folder.glob("*.yml"))])
    path = folder / f"{profile}.yml"
    overrides = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return dict((overrides or {}).get(Path(notebook).stem) or {})


def fits(value: object, annotation: str) -> bool:
    """Whether a value fits an annotation such as `int`, `list[float]` or `tuple[int, int]`."""
    base, _, inner = annotation.partition("[")
    if base not in TYPES:  # not annotated, or a type that this function does not know
        return True
    if not isinstance(value, TYPES[base]) or (isinstance(value, bool) and base != "bool"):
        return False
    item = inner.rstrip("]").split(",")[0]
    return not item or all(fits(element, item) for element in value)


def out_of_range(value: object, help: str) -> str | None:
    """The range that a parameter's comment states, if the value, or a number in its lists, lies outside it."""
    stated = RANGE.search(help.strip())
    if not stated:
        return None
    low, high = float(stated["low"]), float(stated["high"].replace("∞", "inf"))
    numbers = list(_numbers(value))
    wrong = [v for v in numbers if not (math.isfinite(v) and low <= v <= high)]
    wrong += [
        v for v in numbers if (stated["open"] == "(" and v == low) or (stated["close"] == ")" and v == high)
    ]
    count = int(stated["count"] or 1)
    few = isinstance(value, list | tuple) and len(value) < count
    many = isinstance(value, list | tuple) and stated["count"] and not stated["least"] and len(value) > count
    return stated[0] if wrong or few or many else None


def check_parameters(notebook: Path, values: dict) -> None:
    """Raise ValueError for a name the notebook does not have, a value of another type, or outside its stated range."""
    known, name_of_it = parameters_of(notebook), Path(notebook).name
    for name, value in values.items():
        check_choice(f"parameter of {name_of_it}", name, known)
        wanted = known[name]["inferred_type_name"]
        if not fits(value, wanted):
            raise ValueError(f"parameter {name} of {name_of_it} is {value!r}; allowed: {wanted}")
        if allowed := out_of_range(value, known[name]["help"]):
            raise ValueError(f"parameter {name} of {name_of_it} is {value!r}; allowed: {wanted}, {allowed}")


def value_of(text: str, parameter: dict | None) -> object:
    """The Python value that a text of the command line stands for; a text for a parameter of type str."""
    if parameter and parameter["inferred_type_name"] == "str":
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text  # and `check_parameters` will say what was expected


def _numbers(value):
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
