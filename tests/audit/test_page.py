import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.datasets import load_digits

from labutils import audit
from labutils.audit import engine, page, source

HOSTILE = '<img src=x onerror="alert(1)"> & $x$'


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def images():
    x, y = load_digits(return_X_y=True)
    names = tuple(f"{HOSTILE}{i}" for i in range(10))
    return audit.run(x[:300].reshape(-1, 8, 8) / 16, y[:300], classes=names, name=HOSTILE, repeats=2)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=120)
    rows = [
        f"{a:.3f},{HOSTILE.replace(chr(34), '')} {i % 3},{'ab'[c]}"
        for i, (a, c) in enumerate(zip(rng.standard_normal(120) + y, y))
    ]
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text("\n".join(["size,<b>name</b>,target", *rows]) + "\n")
    return engine.audit(source.from_file(path), repeats=2)


@pytest.mark.parametrize("name", ["images", "table"])
def test_the_page_stands_alone_and_what_the_data_say_is_text(name, request):
    text = page.build(request.getfixturevalue(name))
    tags = Tags(text)
    assert not tags.open and len(text.encode()) < 2_000_000
    assert {tag for tag, _ in tags.found} <= set(
        [
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "h1",
            "h2",
            "h3",
            "p",
            "ol",
            "ul",
            "li",
            "a",
            "strong",
            "small",
            "section",
            "figure",
            "img",
            "figcaption",
            "div",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ]
    )
    assert not [attrs for _, attrs in tags.found if any(key.startswith("on") for key in attrs)]
    sources = [attrs["src"] for tag, attrs in tags.found if tag == "img"]
    assert len(sources) >= 5 and all(src.startswith("data:image/png;base64,") for src in sources)
    assert all(len(attrs["alt"].split()) >= 4 for tag, attrs in tags.found if tag == "img")
    links = [attrs["href"] for tag, attrs in tags.found if tag == "a"]
    ids = {attrs.get("id") for _, attrs in tags.found}
    assert links and all(link[1:] in ids for link in links)
    assert not re.search(r"https?://|@import|url\(", text)


def test_five_answers_in_order_with_what_was_not_done(images):
    text = page.build(images)
    places = [text.index(f">{title}</h2>") for title in page.TITLES]
    assert places == sorted(places) and text.index("What was not done, and why") > places[-1]
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text
