"""What each chapter depends on: the modules it imports, followed through, its claims and its part of the profile.

Reads everything as text and runs with Python alone, so that the Makefile can call it before anything is installed:
python labutils/book/dependencies.py FOLDER writes FOLDER/rules.mk, with a line for each notebook and profile, and
FOLDER/PROFILE/NN_topic.yml, the chapter's claims and parameters, whose date changes only when they do.
"""

import ast
import functools
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code_of(path: Path) -> str:
    """The Python of a module or of a notebook's code cells, without the lines that only IPython understands."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        cells = ["".join(cell["source"]) for cell in cells]
        text = "\n".join(cell for cell in cells if not cell.startswith("%%"))
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("%", "!")))
    return text


@functools.cache
def imports(path: Path, root: Path = ROOT) -> set[Path]:
    """The files under `root` that a module or notebook imports itself and that hold code (the map of the package does not)."""
    found = set()
    for node in ast.walk(ast.parse(code_of(path))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in filter(None, names):
            parts = name.split(".")
            for n in range(1, len(parts) + 1):
                place = root.joinpath(*parts[:n])
                found |= {f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()}
    docstring_only = {file for file in found if not ast.parse(file.read_text(encoding="utf-8")).body[1:]}
    return found - docstring_only - {path}


def needed(path: Path, root: Path = ROOT) -> set[Path]:
    """All files that a module or notebook imports, directly or through others."""
    found, new = set(), imports(path, root)
    while new:
        found |= new
        new = {file for module in new for file in imports(module, root)} - found
    return found - {path}


def sections(text: str, chapter: str) -> str:
    """The top-level entries of a YAML file that belong to a chapter, by their key or their `chapter:`."""
    blocks = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    own = re.compile(rf"^{chapter}:|^  chapter: {chapter}$", re.MULTILINE)
    return "".join(re.sub(r"^#.*\n?", "", b, flags=re.MULTILINE) for b in blocks if own.search(b))


def write(folder: Path, root: Path = ROOT) -> None:
    """Write the rules and each chapter's entries to `folder`; a file that would be the same is left as it is."""
    claims = (root / "chapters" / "claims.yml").read_text(encoding="utf-8")
    profiles = {
        path.stem: path.read_text(encoding="utf-8") for path in (root / "chapters/profiles").glob("*.yml")
    }
    files, rules = {}, []
    for notebook in sorted((root / "chapters").glob("*.ipynb")):
        files_read = [*needed(notebook, root), *explorers(notebook)]
        if root / "labutils" / "bundled.py" in files_read:
            files_read += [path for path in (root / "data").rglob("*.*z") if path.is_file()]
        modules = " ".join(sorted(file.relative_to(root).as_posix() for file in files_read))
        stated = f"{folder}/$(PROFILE)/{notebook.stem}.yml " if notebook.stem[:2].isdigit() else ""
        rules.append(f"$(MIRROR)/chapters/{notebook.name}: {stated}{modules}")
        for profile, text in ({"standard": ""} | profiles).items() if notebook.stem[:2].isdigit() else ():
            name = f"{profile}/{notebook.stem}.yml"
            files[name] = sections(claims, notebook.stem) + sections(text, notebook.stem)
    for name, text in (files | {"rules.mk": "\n".join(rules) + "\n"}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text or name == "rules.mk":
            path.write_text(text, encoding="utf-8")


def explorers(notebook: Path) -> list[Path]:
    """The scripts in `chapters/explorers/` that a notebook names."""
    code = code_of(notebook)
    return [path for path in (notebook.parent / "explorers").glob("*.js") if path.name in code]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
