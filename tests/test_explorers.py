"""The explorers in a real browser: what they say is what Python says, a keyboard moves them, and they fit a telephone."""

import itertools
import json
import re

import numpy as np
import pytest
from conftest import ROOT
from test_site import VIEWS, axe, outside

from labutils.book import explorer
from labutils.budget import capacity
from labutils.laws import forecasts, in_browser, regimes
from labutils.selection import easy_hard

CURVES = {
    "cannot tell": ([64, 128, 256, 512, 1024, 2048], [0.288, 0.2385, 0.2015, 0.169, 0.151, 0.1395]),
    "stop": (
        [100, 200, 400, 800, 1600, 3200, 6400, 12800],
        [0.5, 0.4, 0.35, 0.325, 0.3125, 0.3062, 0.3031, 0.3016],
    ),
    "rising": ([100, 200, 400, 800, 1600], [0.1, 0.13, 0.17, 0.2, 0.24]),
}


def eh_table():
    """The table of chapter 04 with few points: of the examples as they are at the slider's places 56 and 80."""
    kept = np.array([0.5 * 2 ** (7 * at / 100 - 1) for at in (40, 56, 80)])

    def logs(prefer):  # (who errs, angles, 1, kept)
        both = [
            easy_hard.test_error(kept / 0.5, 0.5, prefer=prefer, probe_angle=a, judge="both") for a in (0, 10)
        ]
        return np.log(np.swapaxes(both, 0, 1)[:, :, None]).tolist()

    errors = {prefer: logs(prefer) for prefer in easy_hard.PREFER}
    return {"logKept": np.log(kept).tolist(), "shares": [0.5], "angles": [0, 10], "logErrors": errors}


def made_up(name):
    """Data of the form that a chapter hands over, but small."""
    return json.loads((ROOT / "tests" / "explorers.json").read_text(encoding="utf-8"))[name]


def curve_data():
    n, loss = CURVES["cannot tell"]
    return {"laws": in_browser.constants(), "example": {"n": n, "errors": [loss]}}


PAGES = {  # the name of the box: its scripts, and the data of a test
    "curve": (("09_diagnosis", "09_curve"), curve_data),
    "eh": (("04_easy_or_hard",), eh_table),
    "budget": (("02_budget",), lambda: capacity.LAW),
    "grok": (("03_grokking",), lambda: made_up("grok")),
    "align": (("10_translation",), lambda: made_up("align")),
    "prune": (("06_pruning",), lambda: made_up("prune")),
}
CHAPTERS = {"curve": "09_four_regimes", "eh": "04_easy_hard", "budget": "02_capacity", "grok": "03_grokking"}
CHAPTERS |= {"align": "10_representation_convergence", "prune": "06_pruning_methods"}
each_box = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The file of a page with one explorer alone, {name: path}."""
    folder = tmp_path_factory.mktemp("explorers")
    style = (ROOT / "chapters" / "_static" / "custom.css").as_uri()
    for name, (scripts, data) in PAGES.items():
        paths = [ROOT / "chapters" / "explorers" / f"{script}.js" for script in ("draw", *scripts)]
        shown = explorer.show(paths, data(), explorer.box(name)).data
        (folder / f"{name}.html").write_text(
            f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{name}</title>'
            f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="{style}"><style>body '
            "{color: var(--pst-color-text-base); background: var(--pst-color-background, #fff)}</style></head>"
            f'<body class="bd-article"><main><h1>{name}</h1>{shown}</main></body></html>',
            encoding="utf-8",
        )
    return {name: folder / f"{name}.html" for name in PAGES}


@pytest.fixture
def opened(browser, pages):
    """A function that opens an explorer in a view; afterwards no page may have asked for anything or have failed."""
    contexts, wrong = [], []

    def open_page(name, view="desktop"):
        contexts.append(browser.new_context(**VIEWS[view]))
        page = contexts[-1].new_page()
        page.set_default_timeout(5_000)
        own = (pages[name].parent, ROOT / "chapters")
        page.on("request", lambda r: all(outside(r.url, each) for each in own) and wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(pages[name].as_uri())
        if view == "dark":
            page.evaluate("document.documentElement.dataset.theme = 'dark'")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def said(page):
    return page.locator("output").inner_text()


def control(page, label):
    """The control of a label that begins so."""
    return page.locator(f"#{page.locator('label', has_text=re.compile(f'^{label}')).get_attribute('for')}")


def alarm(page):
    return page.locator("[role=alert]").text_content()


def percents(text):
    return [float(each) / 100 for each in re.findall(r"([\d.]+)%", text)]


@each_box
@pytest.mark.parametrize("view", VIEWS)
def test_fits_the_screen_and_is_accessible(name, view, opened):
    page = opened(name, view)
    root = "document.scrollingElement"
    assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") <= 0
    assert axe(page) == []
    for drawing in page.locator("svg[role=img]").all():
        assert len(drawing.get_attribute("aria-label").split()) >= 8
        sizes = drawing.evaluate(
            "svg => [...svg.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize) * svg.getScreenCTM().a)"
        )
        assert min(sizes) >= 11, (name, view)
    assert page.locator("label").count() == page.locator("input, select, textarea").count() > 0


@pytest.mark.parametrize("name", [name for name in PAGES if name != "budget"])
def test_the_keyboard_moves_it_and_it_says_so(name, opened):
    page = opened(name)
    slider = page.locator("input[type=range]").first
    slider.focus()
    page.keyboard.press("Home")
    drawing = page.locator("svg[role=img]").first
    before = said(page), drawing.inner_html(), slider.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    after = said(page), drawing.inner_html(), slider.get_attribute("aria-valuetext")
    assert all(one != other for one, other in zip(before, after))
    assert page.locator("output[aria-live=polite]").count() == 1


@pytest.mark.parametrize("name", ["grok", "align"])
def test_plays_to_the_end_and_stops(name, opened):
    page = opened(name)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "document.querySelector('input[type=range]').value === document.querySelector('input[type=range]').max"
    )
    page.get_by_role("button", name="Play").wait_for()


def test_without_scripts_it_says_so(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["grok"].as_uri())
    assert explorer.STILL in page.locator("form").inner_text()
    context.close()


# --- What they say is what Python says -----------------------------------------------------------------------
@pytest.mark.parametrize("kind", CURVES)
def test_a_pasted_curve_is_diagnosed_in_pythons_words(kind, opened):
    page, (n, loss) = opened("curve"), CURVES[kind]
    control(page, "Examples, error").fill("\n".join(f"{a}, {b}" for a, b in zip(n, loss)))
    assert said(page).startswith(str(regimes.diagnose(n, loss)))


def test_the_forecast_is_pythons(opened):
    page, (n, loss) = opened("curve"), CURVES["cannot tell"]
    control(page, "Forecast for").fill("16")
    f = forecasts.forecast(n, loss, 4 * 2048)
    found = percents(said(page).split("With 8,192 examples, 4 times as many")[1])
    low, high = f.interval()
    assert found[:1] + found[2:] == pytest.approx(
        [f.value[0], low[0], high[0]], rel=0.06
    )  # two digits are shown


def test_a_csv_is_read_by_the_names_of_its_columns(opened, tmp_path):
    page, (n, loss) = opened("curve"), CURVES["stop"]
    path = tmp_path / "curve.csv"
    path.write_text(
        ",model,n_train,test error,error 2\n" + "".join(f"{a},mlp,{a},{b},{b}\n" for a, b in zip(n, loss))
    )
    control(page, "Or a csv file").set_input_files(path)
    page.wait_for_function("document.querySelector('textarea').value.startsWith(',model')")
    page.wait_for_function("document.querySelector('output').textContent.startsWith('Stop')")
    assert said(page).startswith(str(regimes.diagnose(n, loss)))


LINES = "100, 0.5\n200, 0.4\n400, 0.3\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 different sizes; a forecast needs at least 4"),
        (LINES, "3 different sizes; a forecast needs at least 4"),
        (LINES + "400, 0.28", "3 different sizes"),
        (LINES + "-800, 0.2", "Line 4: the number of examples is -800; it must be above 0"),
        (LINES + "800, 12", "Line 4: the error is 12; it must be a share, at most 1 (12% is 0.12)"),
        (LINES + "800, 0", "Line 4: the error is 0; it must be above 0"),
        (LINES + "many, 0.2", "Line 4: “many” is no number"),
        (LINES + "800", "Line 4 has one number"),
        ("size,accuracy\n" + LINES, "names no column n (or size, rows, examples) and no column error"),
        ("\n".join(f"{i} 0.5" for i in range(1, 300)), "299 lines; at most 200"),
    ],
)
def test_bad_lines_are_named(text, message, opened):
    page = opened("curve")
    control(page, "Examples, error").fill(text)
    assert message in alarm(page)
    assert said(page) == "" and page.locator("svg").count() == 0
    control(page, "Examples, error").fill(LINES + "800; 0,28")  # a decimal comma
    assert alarm(page) == "" and page.locator("svg").count() == 1


@pytest.mark.parametrize(("who", "off"), list(itertools.product((0, 1), (0, 1))))
def test_easy_or_hard_are_the_theorys(who, off, opened):
    page = opened("eh")
    control(page, "Who errs").select_option(str(who))
    control(page, "Wrong calls").fill(str(off))
    how = {"probe_angle": (0, 10)[off], "judge": easy_hard.JUDGES[who]}
    for place in (56, 80):
        control(page, "Examples per parameter").fill(str(place))
        alpha = 2 ** (7 * place / 100 - 1)
        ours = {p: easy_hard.test_error(alpha, 0.5, prefer=p, **how) for p in ("hard", "easy", "random")}
        theirs = {p: float(v) / 100 for p, v in re.findall(r"(hard|easy|random) ([\d.]+)%", said(page))}
        assert theirs == pytest.approx(ours, rel=0.05)  # two digits are shown
        assert f"keep the {min(ours, key=ours.get)}" in said(page)


def test_the_budget_is_the_laws(opened):
    page = opened("budget")
    for label, value in (("Parameters", "124"), ("Bits", "3.6"), ("Your data", "800"), ("Number", "50000")):
        control(page, label).fill(value)
    load = 800 * 8e6 / 124e6
    assert "The model holds 55.8 MB" in said(page) and f"At {load:.1f} bits" in said(page)
    f1 = float(re.search(r"F1 of at most ([\d.]+)", said(page))[1])
    assert f1 == pytest.approx(capacity.membership_law(load), abs=6e-4)
    control(page, "Parameters").fill("-1")
    assert "above zero" in alarm(page) and said(page) == ""


def test_pruning_shows_what_is_kept_and_its_error(opened):
    page = opened("prune")
    control(page, "Share kept").fill("1")
    assert percents(said(page)) == pytest.approx([0.3, 0.9, 0.25, 0.35, 0.2, 0.14])
    assert "1,000 of the 2,000 rows" in said(page)
    assert page.locator(".xp-kept").count() == 2 and page.locator(".xp-dropped").count() == 1
    control(page, "Rule").select_option("1")
    assert percents(said(page)) == pytest.approx([0.2, 0.9, 0.1, 0.3, 0.14])


def test_grokking_says_what_was_right_at_that_moment(opened):
    page = opened("grok")
    control(page, "Updates").fill("2")
    assert percents(said(page)) == pytest.approx([1, 0.8, 0.9, 0.9, 0.5])
    control(page, "Weight decay").select_option("1")  # whose way is shorter
    assert said(page).startswith("After 10 updates 50% of the training sums and 5%")


def test_alignment_says_what_was_found_and_what_can_be_seen(opened):
    page = opened("align")
    control(page, "Step").fill("2")
    assert (
        said(page).startswith("Sharpened: 50% of the inputs")
        and "0.70" in said(page)
        and "against 0.55" in said(page)
    )
    control(page, "Start").select_option("1")
    assert said(page).startswith("Sharpened: 0% of the inputs")


# --- In the built site ---------------------------------------------------------------------------------------
@each_box
def test_stands_in_its_chapter(name, browser, site):
    text = (site / f"{CHAPTERS[name]}.html").read_text(encoding="utf-8")
    assert f'id="{name}"' in text, (
        f"{CHAPTERS[name]} of the site in _build/html has no explorer {name}: run make book"
    )
    data = re.search(r"const DATA = (\{.*\})\n// What the explorers share", text)
    assert data and len(data[1]) < 150_000
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((site / f"{CHAPTERS[name]}.html").as_uri())
    box = page.locator(f"#{name}")
    assert len(box.locator("output").inner_text().split()) > 8 and box.locator("svg[role=img]").count() > 0
    assert box.evaluate("form => form.scrollWidth <= form.clientWidth")
    page.close()
