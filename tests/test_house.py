"""The house keeps its rules: read off the imports themselves, not off what anybody says of them."""

import ast
import tomllib

import pytest
from conftest import ROOT

from labutils.book import dependencies

PACKAGE = ROOT / "labutils"
PARTS = ("laws", "budget", "selection", "geometry")
# The ground, and what each of it may import of ours
GROUND = {"atomic": set(), "checks": set(), "intervals": set(), "rows": {"checks"}}
DRAWING = ("plotting", "figures")  # nothing that computes needs them
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
NAMES = {path: path.relative_to(PACKAGE).with_suffix("").as_posix() for path in MODULES}
each_module = pytest.mark.parametrize("path", MODULES, ids=NAMES.get)


def room(path):
    """The folder of a module in the package, or "" for one on its ground floors."""
    return "" if path.parent == PACKAGE else path.parent.name


def imported(path):
    """The modules of ours that a module imports itself."""
    return {file for file in dependencies.imports(path) if file in NAMES}


def foreign(path):
    """The first names of everything else it imports, inside its functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@each_module
def test_arrows_run_down(path):
    """A part imports no part and nothing that publishes, the networks no part, the ground nothing of ours."""
    above = {"": {*PARTS, "networks", "book", "audit"}, "networks": {*PARTS, "book", "audit"}}
    above |= {part: {*PARTS, "book", "audit"} - {part} for part in PARTS}
    above |= {"book": {*PARTS, "audit"}, "audit": set()}
    assert not {NAMES[file] for file in imported(path) if room(file) in above[room(path)]}
    if NAMES[path] in GROUND:
        assert {NAMES[file] for file in imported(path)} <= GROUND[NAMES[path]]


@each_module
def test_nothing_that_computes_draws(path):
    assert ("matplotlib" in foreign(path)) == (NAMES[path] == "plotting")
    if room(path) not in ("book", "audit") and NAMES[path] not in DRAWING:
        assert not {NAMES[file] for file in dependencies.needed(path)} & set(DRAWING)


@each_module
def test_no_circle(path):
    assert not [NAMES[file] for file in imported(path) if path in dependencies.needed(file)]


@each_module
def test_is_one_idea_and_has_its_test_in_the_same_folder(path):
    assert len(path.read_text().splitlines()) <= 300
    if path.stem != "__main__":
        assert (ROOT / "tests" / path.parent.relative_to(PACKAGE) / f"test_{path.stem}.py").is_file()


def test_tests_mirror_the_package():
    for path in (ROOT / "tests").glob("*/test_*.py"):
        assert (PACKAGE / path.parent.name / f"{path.stem.removeprefix('test_')}.py").is_file(), path


def test_the_map_names_every_room():
    words = set(ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text())).replace(",", " ").split())
    for path in MODULES:
        assert path.stem in words or path.stem == "__main__", f"{NAMES[path]} is not on the map"
    for folder in {path.parent for path in MODULES} - {PACKAGE}:
        assert f"{folder.name}/" in words


@each_module
def test_every_public_function_says_what_it_takes_and_gives(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node) or "__main__" in path.name, f"{node.name} has no docstring"
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [argument.arg for argument in arguments if argument.annotation is None]
            assert not bare and node.returns is not None, (
                f"{node.name}: no type for {bare or 'what it returns'}"
            )


def test_an_installed_package_holds_every_folder_and_the_data():
    """The packages in pyproject.toml are those there are, and `data/` goes with them as `labutils.files`."""
    setting = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {
        path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in PACKAGE.rglob("__init__.py")
    }
    assert {*folders, "labutils.files"} == set(setting["packages"])
    assert setting["package-dir"]["labutils.files"] == "data" and (ROOT / "data" / "README.md").is_file()
