"""Every page of the built site, opened from its files in a real browser: complete, quiet, legible, and on its own.

The site is the one that `make book` left in `_build/html`; without one, a site of the smoke profile is built first.
"""

import csv
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from conftest import PAGES

VIEWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
}
each_page = pytest.mark.parametrize("name", PAGES)

# What axe finds in markup that others generate and no style sheet can mend: (rule, part of the target) and why.
THEIRS = {
    (
        "aria-required-children",
        ".citation-list",
    ): "docutils gives bibliographies role=list, and entries another role",
}


@pytest.fixture(scope="session")
def look_at(browser):
    """A function that opens a file in a view and returns everything wrong with it, by kind of problem."""
    contexts = {view: browser.new_context(**options) for view, options in VIEWS.items()}
    return lambda path, view: inspect(contexts[view], path, accessibility=view != "phone")


def inspect(context, path, *, accessibility):
    """Open a page and return {kind of problem: [what is wrong]}; the lists are empty for a good page."""
    page, found = context.new_page(), {"requests": [], "console": []}
    page.on(
        "request", lambda request: outside(request.url, path.parent) and found["requests"].append(request.url)
    )
    page.on("requestfailed", lambda request: found["requests"].append(f"failed: {request.url}"))
    page.on("console", lambda message: message.type == "error" and found["console"].append(message.text))
    page.on("pageerror", lambda error: found["console"].append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function(
        "!window.MathJax?.startup?.promise || document.querySelector('mjx-container, body')"
    )
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.evaluate(LOAD)
    found |= {kind: page.evaluate(f"() => {{{script}}}") for kind, script in SCRIPTS.items()}
    if accessibility:  # the slowest check, of markup and colours that the phone's view has too
        found["axe"] = axe(page)
    page.close()
    return found


# Pictures come when they are scrolled to: ask for all of them.
LOAD = """async () => {
    const images = [...document.querySelectorAll('article img')]
    images.forEach(image => image.loading = 'eager')
    await Promise.all(images.map(image => image.decode().catch(() => null)))
}"""


def outside(url, folder):
    return not url.startswith((folder.as_uri() + "/", "data:", "blob:", "about:"))


# Each returns a list of what is wrong.
SCRIPTS = {
    "overflow": """
        const root = document.scrollingElement
        if (root.scrollWidth <= root.clientWidth) return []
        return [`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`]""",
    "math": """
        const sources = [...document.querySelectorAll('.math')]
        const bare = sources.filter(e => !e.querySelector('mjx-container')).map(e => e.textContent.slice(0, 80))
        const errors = [...document.querySelectorAll('mjx-merror, [data-mjx-error]')].map(e => e.textContent)
        return [...bare, ...errors]""",
    "images": """
        return [...document.querySelectorAll('article img')].filter(image => {
            const alt = image.getAttribute('alt') ?? ''
            const written = alt.trim().split(/\\s+/).length >= 4 && !/\\.(png|svg|jpe?g|gif)\\b/i.test(alt)
            return !written || image.naturalWidth == 0
        }).map(image => `${image.getAttribute('src').slice(0, 80)}: ${image.getAttribute('alt')}`)""",
    "figures": """
        return [...document.querySelectorAll('article figure img, article .cell_output img')].filter(image => {
            const style = getComputedStyle(image)
            return style.filter != 'none' || style.backgroundColor != 'rgb(255, 255, 255)'
        }).map(image => image.src.slice(-60) + ': not a white card')""",
}


def axe(page):
    """Serious and critical findings of axe-core, without those listed in THEIRS."""
    axe_core = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {
        "resultTypes": ["violations"],
        "preload": False,
    }  # preloading would read style sheets by request
    violations = axe_core.run(page, options=options).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
        if not any(violation["id"] == rule and part in str(node["target"]) for rule, part in THEIRS)
    ]


class Anchors(HTMLParser):
    """The ids of a page and the addresses it points to."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs.get("id"), attrs.get("name")} - {None}
        self.links += [attrs[name] for name in ("href", "src") if attrs.get(name)]


def dead_links(path, parsed):
    """Links of a page to files or anchors of the site that do not exist; `parsed` caches {path: Anchors}."""
    dead = []
    for link in parsed.setdefault(path, Anchors(path)).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            dead.append(link)
        elif parts.fragment and target.suffix == ".html":
            ids = parsed.setdefault(target, Anchors(target)).ids
            dead += [] if unquote(parts.fragment) in ids else [link]
    return dead


@each_page
@pytest.mark.parametrize("view", VIEWS)
def test_page(name, view, site, look_at):
    problems = look_at(site / f"{name}.html", view)
    assert not any(problems.values()), "\n".join(
        f"{kind}: {each}" for kind in problems for each in problems[kind]
    )


@each_page
def test_links(name, site, parsed={}):  # noqa: B006  the cache is meant to be shared
    assert dead_links(site / f"{name}.html", parsed) == []


@each_page
def test_footer_says_which_build_this_is(name, site):
    text = (site / f"{name}.html").read_text(encoding="utf-8")
    assert 'class="build">Version ' in text


@each_page
def test_head_and_pictures_are_as_light_as_they_can_be(name, site):
    """One viewport, the book's name once in the title, a description; pictures with their size, loaded when needed."""
    text = (site / f"{name}.html").read_text(encoding="utf-8")
    assert text.count('name="viewport"') == 1
    assert re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1].count("Training with Less Data") == 1
    assert name == "search" or '<meta name="description"' in text
    pictures = re.findall(r"<img\b[^>]*>", text.partition("<article")[2].partition("</article>")[0])
    assert all(
        'loading="lazy"' in p and "width=" in p and "height=" in p for p in pictures if "data:" not in p
    )
    assert ("mathjax/" in text) == bool(re.search(r'class="[^"]*\bmath\b', text))


@pytest.mark.parametrize("view, seen", [("desktop", ".whole"), ("phone", ".panels")])
def test_a_figure_comes_in_panels_on_a_telephone_and_whole_elsewhere(browser, site, view, seen):
    page = browser.new_context(**VIEWS[view]).new_page()
    page.goto((site / "06_pruning_methods.html").as_uri())
    assert page.locator("article .panels").first.is_visible() == (seen == ".panels")
    assert page.locator("article .whole:has(+ .panels)").first.is_visible() == (seen == ".whole")
    page.close()


def test_a_chapter_offers_its_claims_and_the_values_of_its_figures(site):
    text = (site / "06_pruning_methods.html").read_text(encoding="utf-8")
    for words in ("claims", "figures"):
        rows = list(csv.reader((site / "_static" / "numbers" / f"06_pruning_methods-{words}.csv").open()))
        assert (
            f"06_pruning_methods-{words}.csv" in text
            and len(rows) > 10
            and len({len(row) for row in rows}) == 1
        )


def test_the_first_use_of_a_word_links_to_the_glossary(site):
    text = (site / "06_pruning_methods.html").read_text(encoding="utf-8")
    terms = re.findall(r'href="glossary.html#(term-[^"]*)"', text)
    assert len(terms) > 5 and len(terms) == len(set(terms))


def test_search_finds_a_word(browser, site):
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=exponent")
    page.wait_for_selector("#search-results ul.search li a", timeout=10_000)
    titles = page.locator("#search-results ul.search li a").all_inner_texts()
    assert any("Power laws" in title or "exponent" in title for title in titles)
    page.close()


def test_a_chapter_shows_numbered_figures_equations_and_claims(browser, site):
    page = browser.new_page()
    page.goto((site / "01_power_laws.html").as_uri())
    assert page.locator("figcaption .caption-number").first.inner_text().startswith("Fig. 1.1")
    assert page.locator(".eqno").first.inner_text().startswith("(1.1)")
    assert page.locator(".claim, .scoreboard").count() > 0
    assert page.locator("details.dropdown, .admonition.dropdown").count() > 0
    page.close()


BAD = """<!doctype html><html lang="en"><head><title>Bad</title>
<script src="https://example.org/x.js"></script><script>console.error("oops")</script></head>
<body><article><p style="width: 3000px">wide</p><span class="math">\\(x\\)</span><img src="a.png" alt="a.png">
<p style="color: #ccc; background: #fff">faint text</p><a href="no.html">dead</a><a href="#no">dead</a>
<figure><img src="a.png" alt="a picture with enough words"></figure></article></body></html>"""


def test_a_bad_page_is_found_out(tmp_path, look_at):
    path = tmp_path / "bad.html"
    path.write_text(BAD)
    problems = look_at(path, "desktop")
    assert all(problems.values()), [kind for kind, found in problems.items() if not found]
    assert sorted(dead_links(path, {})) == ["#no", "a.png", "a.png", "no.html"]
