"""Figures: the values that leave with a picture are the values drawn, and its panels can be read on a telephone."""

import base64
import csv
import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from labutils import figures, plotting


@pytest.fixture
def panel():
    plotting.use_style()
    yield plotting.axes(2, sharey=True)
    plt.close("all")


def rows(fig):
    return list(csv.DictReader(io.StringIO(figures.values(fig))))


def test_values_are_those_that_were_drawn(panel):
    x = np.array([1.0, 10.0, 100.0])
    plotting.curve(panel[0], x, 1 / x, low=0.5 / x, high=2 / x, method="MLP")
    panel[0].axhline(0.3)
    plotting.scale(panel[0], xlabel="rows", ylabel="error", title="left, 1%")
    panel[1].errorbar(x, 2 * x, yerr=x, label="ours", linestyle="none")
    panel[1].bar([200], [7], width=2, label="bar")
    panel[1].scatter([3, 4], [5, 6], label="cloud")
    found = rows(panel[0].figure)
    of = lambda shape, series: [r for r in found if (r["shape"], r["series"]) == (shape, series)]  # noqa: E731
    assert [(float(r["x"]), float(r["y"])) for r in of("point", "MLP")] == [(1, 1), (10, 0.1), (100, 0.01)]
    assert [(float(r["low"]), float(r["high"])) for r in of("band", "")] == [
        (0.5, 2),
        (0.05, 0.2),
        (0.005, 0.02),
    ]
    assert {(float(r["low"]), float(r["high"])) for r in of("interval", "")} == {(1, 3), (10, 30), (100, 300)}
    assert [(r["x"], r["y"]) for r in of("bar", "bar")] == [("200", "7")]
    assert [(r["x"], r["y"]) for r in of("point", "cloud")] == [("3", "5"), ("4", "6")]
    assert {r["panel"] for r in of("point", "MLP")} == {"left, 1%"} and not [
        r for r in found if r["y"] == "0.3"
    ]


def test_a_figure_of_pictures_has_neither_values_nor_panels(panel):
    for ax in panel:
        ax.imshow(np.eye(3))
    assert figures.values(panel[0].figure) is None and figures.panels(panel[0].figure) is None


def test_panels_are_narrow_and_keep_what_they_shared(panel):
    for ax, name in zip(panel, "ab"):
        plotting.curve(ax, [1, 2], [1, 2], method="MLP")
        plotting.scale(
            ax, "linear", "linear", xlabel="rows", ylabel="error" if name == "a" else "", title=name
        )
    panel[0].figure.legend(*panel[0].get_legend_handles_labels(), loc="outside upper center", title="learner")
    size = panel[1].xaxis.label.get_fontsize()
    made = figures.panels(panel[0].figure)["panels"]
    assert [each["title"] for each in made] == ["a", "b"]
    assert panel[1].get_ylabel() == "error" and panel[0].get_legend().get_title().get_text() == "learner"
    for each in made:
        wide = Image.open(io.BytesIO(base64.b64decode(each["png"]))).width / 200
        assert 2.5 < wide < 4.2
        assert (
            figures.SMALLER * size / 72 * 350 / wide > 11 * 0.9
        )  # pixels, of the smallest, where 350 are shown
