"""Whatever stops a build, and whatever runs beside it, nothing is lost and nothing half-written stays."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook

TARGETS = [f"_build/standard/chapters/0{n}_toy.ipynb" for n in (1, 2, 3)]
KERNEL = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}


@pytest.fixture
def toy(tmp_path):
    """A book of three small chapters, with the Makefile, the package and the environment of the real one."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "labutils", tmp_path / "labutils", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "chapters" / "profiles").mkdir(parents=True)
    (tmp_path / "chapters" / "claims.yml").write_text("")
    for name in ("01_toy", "02_toy", "03_toy"):
        first = new_code_cell("n: int = 3  # cells", metadata={"tags": ["parameters"]})
        cells = [first, *(new_code_cell(f"import time; time.sleep(0.3); print({i})") for i in range(3))]
        nbformat.write(new_notebook(cells=cells, metadata=KERNEL), tmp_path / "chapters" / f"{name}.ipynb")
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    for name in ("requirements.txt", "pyproject.toml"):
        os.utime(tmp_path / name, (1000, 1000))
    return tmp_path


def start(folder, *words):
    output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(["make", *words], cwd=folder, start_new_session=True, **output)


def kill(process, after):
    """Kill a process and its children without warning, after so many seconds."""
    time.sleep(after)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finished(folder):
    """{target: date} of the chapters that are there, each read and checked to have run to its end."""
    found = {}
    for path in (folder / "_build" / "standard" / "chapters").glob("[!.]*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert [o.text for cell in cells for o in cell.get("outputs", [])] == ["0\n", "1\n", "2\n"]
        found[path.name] = path.stat().st_mtime_ns
    return found


def test_a_killed_build_loses_no_finished_chapter_and_leaves_no_half(toy):
    rng, before = random.Random(0), {}
    for _ in range(4):
        kill(start(toy, "JOBS=2", "-j2", *TARGETS), rng.uniform(2, 8))
        after = finished(toy)
        assert before.items() <= after.items()  # nothing finished was executed again, or lost
        before = after
    assert start(toy, *TARGETS).wait() == 0
    assert len(finished(toy)) == 3 and before.items() <= finished(toy).items()
    assert not [p for p in (toy / "_build" / "standard" / "chapters").iterdir() if p.suffix != ".ipynb"]


def test_two_builds_at_once_do_not_touch_each_other(toy):
    both = [start(toy, "-j2", *TARGETS[:2]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(finished(toy)) == 2


def test_an_interrupted_making_of_the_environment_is_mended(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").write_text("# nothing to download\n")
    backend = "def build_editable(folder, *_, **__):\n    import zipfile, pathlib\n"
    backend += "    name = 'toy-1-py3-none-any.whl'\n    with zipfile.ZipFile(pathlib.Path(folder, name), 'w') as wheel:\n"
    for file, text in {
        "METADATA": "Metadata-Version: 2.1\\nName: toy\\nVersion: 1\\n",
        "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "RECORD": "",
    }.items():
        backend += f"        wheel.writestr('toy-1.dist-info/{file}', '{text}')\n"
    (tmp_path / "backend.py").write_text(backend + "    return name\n")
    build = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (tmp_path / "pyproject.toml").write_text(build + '[project]\nname = "toy"\nversion = "1"\n')
    rng = random.Random(1)
    for _ in range(3):
        kill(start(tmp_path, ".venv/installed"), rng.uniform(0.3, 4))
    assert start(tmp_path, ".venv/installed").wait() == 0
    pip = [tmp_path / ".venv" / "bin" / "python", "-m", "pip", "show", "toy"]
    assert "Version: 1" in subprocess.run(pip, capture_output=True, text=True).stdout
    shutil.rmtree(next((tmp_path / ".venv" / "lib").glob("*/site-packages/pip")))  # as a kill may leave it
    (tmp_path / ".venv" / "installed").unlink()
    assert start(tmp_path, ".venv/installed").wait() == 0
    assert "Version: 1" in subprocess.run(pip, capture_output=True, text=True).stdout
