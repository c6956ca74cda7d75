"""Plotting: every method has its own look, and the helpers draw what they are given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from labutils import plotting


@pytest.fixture
def ax():
    plotting.use_style()
    yield plotting.axes()
    plt.close("all")


def test_unknown_method_names_the_nearest():
    assert plotting.style("MLP")["color"] == plotting.RED
    with pytest.raises(ValueError, match="Did you mean 'random forest'"):
        plotting.style("random forrest")


def contrast(colour):
    """Contrast with white as the web's accessibility guidelines define it."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_lines_stand_out_from_the_white_card():
    assert all(contrast(colour) > 2 for colour, _ in plotting.METHODS.values())
    assert contrast(plotting.INK) > 7 and contrast(plotting.GREY) > 4.5


def test_curve_of_seeds_is_mean_and_central_nine_tenths(ax):
    rng = np.random.default_rng(0)
    y = rng.uniform(1, 2, (50, 4))
    x = np.array([1, 2, 4, 8])
    plotting.curve(ax, x, y, method="MLP")
    assert np.allclose(ax.lines[0].get_ydata(), y.mean(0))
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(np.quantile(y, 0.05, axis=0).min())
    assert band[:, 1].max() == pytest.approx(np.quantile(y, 0.95, axis=0).max())


def test_scale(ax):
    plotting.scale(
        plotting.curve(ax, [1, 10], [2, 20], method="theory"),
        xlabel="examples",
        ylabel="loss (nats)",
        title="t",
    )
    assert ax.get_xscale() == ax.get_yscale() == "log" and ax.get_xlabel() == "examples"


def test_table_escapes_and_refuses_ragged_rows():
    page = plotting.table(["a", "b"], [["x < y", 1.5]]).data
    assert "x &lt; y" in page and '<td data-label="b">1.5</td>' in page and page.count("<th ") == 2
    with pytest.raises(ValueError, match="1 cells, the header 2"):
        plotting.table(["a", "b"], [[1]])


def test_shades_darken_evenly():
    light = [contrast(plotting.shade(s)) for s in (0, 0.25, 0.5, 0.75, 1)]
    assert (np.diff(light) > 0).all()


def test_percent_labels(ax):
    plotting.scale(ax, xlabel="n", ylabel="error")
    ax.set(xlim=(1, 10), ylim=(0.005, 0.9))
    plotting.percent(ax.yaxis)
    ax.figure.canvas.draw()
    shown = [tick.label1.get_text() for tick in ax.yaxis.get_major_ticks() if 0.005 <= tick.get_loc() <= 0.9]
    assert shown == ["0.5%", "1%", "2%", "5%", "10%", "20%", "50%"]


def test_no_two_methods_look_alike_and_series_have_colours_of_their_own():
    assert len(set(plotting.METHODS.values())) == len(plotting.METHODS)
    colours = {colour for colour, _ in plotting.METHODS.values()}
    assert not colours & {colour for colour, _ in plotting.SERIES} and len(set(plotting.SERIES)) == 6
    assert all(contrast(colour) > 2 for colour, _ in plotting.SERIES)


def test_heatmap_draws_a_square_for_each_text_and_pales_what_is_missing(ax):
    shares = [[0.0, 1.0], [np.nan, 0.5]]
    plotting.heatmap(ax, shares, [["a", "b"], ["–", None]], rows=["u", "v"], columns=["x", "y"], xlabel="n")
    assert [t.get_text() for t in ax.texts] == ["a", "b", "–"] and len(ax.patches) == 3
    faces = [patch.get_facecolor()[:3] for patch in ax.patches]
    assert contrast(faces[2]) < 1.2 < contrast(faces[0]) < contrast(faces[1])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["u", "v"] and ax.get_xlabel() == "n"


def test_reference_and_ticks(ax):
    plotting.reference(ax, x=2, y=3, label="limit")
    assert [tuple(line.get_xdata()) for line in ax.lines] == [(2, 2), (0, 1)]
    plotting.scale(ax, xlabel="n", ylabel="error")
    plotting.ticks(ax.xaxis, [1, 1000])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "1,000"]
    assert not len(ax.xaxis.get_minorticklocs())


def test_a_files_name_begins_no_formula(ax):
    plotting.scale(ax, xlabel="rows of a $x_$.csv", ylabel="error", title="$\\nosuch$")
    ax.figure.canvas.draw()  # a formula would fail here
    assert ax.get_title(loc="left") == "$\\nosuch$"
