"""The cell that makes a chapter run in Colab: the same in every chapter, silent elsewhere, and there it fetches the book."""

import http.server
import json
import os
import sys
import threading
import types
from urllib.parse import quote

import pytest
from conftest import CHAPTERS


def source(path):
    cell = json.loads(path.read_text())["cells"][1]
    assert cell["id"] == "colab" and cell["metadata"]["tags"] == ["remove-cell"], (
        f"{path.name}: no Colab cell"
    )
    return "".join(cell["source"])


CELL = source(CHAPTERS[0])


@pytest.fixture
def colab(monkeypatch):
    """A stand-in for Colab: its module, the server that knows what is open, and the commands that a cell gives."""
    ran, opened = [], {}

    class Sessions(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps([{"path": f"fileId={quote(opened['address'], safe='')}"}]).encode())

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Sessions)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setenv("COLAB_JUPYTER_IP", "127.0.0.1")
    monkeypatch.setenv("COLAB_JUPYTER_PORT", str(server.server_port))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("os.chdir", lambda folder: ran.append(f"cd {folder}"))

    def execute(address):
        opened["address"] = address
        exec(CELL, {"get_ipython": lambda: types.SimpleNamespace(system=ran.append)})
        return ran

    yield execute
    server.shutdown()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_is_the_same_in_every_chapter(path):
    assert source(path) == CELL


def test_does_nothing_elsewhere():
    assert "google.colab" not in sys.modules
    exec(CELL, {})


def test_fetches_the_book_the_notebook_was_opened_from(colab):
    ran = colab("https://github.com/some-one/a.book/blob/main/chapters/01_power_laws.ipynb")
    assert (
        "git clone --quiet --depth 1 https://github.com/some-one/a.book " in ran[0] and "papermill" in ran[0]
    )
    assert ran[1] == "cd book/chapters" and sys.path[0] == os.path.abspath("book")


def test_says_what_to_do_where_the_address_is_not_known(colab):
    with pytest.raises(SystemExit, match="by its address on GitHub"):
        colab("https://drive.google.com/x")
