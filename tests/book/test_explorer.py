"""The explorers' scripts: what Python hands over arrives, and cannot end the script."""

import json
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

from labutils.book import explorer

SCRIPTS = sorted((ROOT / "chapters" / "explorers").glob("*.js"))
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node")
each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
DATA = {"words": "</script><!-- é \u2028", "numbers": [1.5, -2]}


def shown(folder, script, data=DATA):
    """The page of a script, and what lies between its script tags."""
    (folder / "one.js").write_text(script)
    page = explorer.show(folder / "one.js", data, "<b>hello</b>").data
    return page, re.fullmatch("<b>hello</b><script>(.*?)</script>", page, re.DOTALL)[1]


def test_data_cannot_end_the_script(tmp_path):
    page, inside = shown(tmp_path, "show(DATA) // the end")
    assert page.count("</script>") == 1 and "<!--" not in page
    assert json.loads(re.search("const DATA = (.*)\n", inside)[1]) == DATA
    assert "show(DATA)" in inside


@needs_node
def test_the_script_sees_its_data(tmp_path):
    script = "console.log(JSON.stringify(DATA))\n// no name is left behind\nconst local = 1"
    inside = shown(tmp_path, script + "\n")[1]
    done = subprocess.run(
        [NODE, "-e", inside + ";console.log(typeof DATA, typeof local)"], capture_output=True, text=True
    )
    assert json.loads(done.stdout.split("\n")[0]) == DATA
    assert done.stdout.split("\n")[1] == "undefined undefined"


@needs_node
def test_scripts_come_one_after_the_other(tmp_path):
    paths = [tmp_path / "one.js", tmp_path / "two.js"]
    for path, script in zip(paths, ("const helper = x => 2 * x", "console.log(helper(DATA.numbers[0]))")):
        path.write_text(script)
    inside = re.search("<script>(.*)</script>", explorer.show(paths, DATA).data, re.DOTALL)[1]
    assert subprocess.run([NODE, "-e", inside], capture_output=True, text=True).stdout == "3\n"


def test_a_box_says_what_it_is_without_scripts():
    assert explorer.box("one") == f'<form class="claim" id="one"><noscript>{explorer.STILL}</noscript></form>'


def test_numbers_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        shown(tmp_path, "", {"x": float("nan")})


@each_script
def test_is_said_what_it_is_and_does_not_end_itself(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("//") and "DATA" in text and "</script" not in text.lower()
    assert max(map(len, text.splitlines())) <= 120 and len(text.splitlines()) <= 150


@needs_node
@each_script
def test_is_javascript(path):
    done = subprocess.run([NODE, "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
