"""One look for every figure: a style, a fixed colour and marker for each method, and helpers for axes."""

import html

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython import get_ipython
from IPython.core.formatters import BaseFormatter
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from labutils import figures
from labutils.checks import check_choice

# Okabe and Ito's colours: told apart by people with any of the common colour blindnesses.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#AA4499", "#56B4E9"
INK, GREY, PALE = "#222222", "#757575", "#DDDDDD"

METHODS = {  # a method looks the same through the whole book, and no two look alike
    "nearest neighbours": (BLUE, "o"),
    "logistic regression": (ORANGE, "s"),
    "random forest": (GREEN, "^"),
    "MLP": (RED, "D"),
    "CNN": (PURPLE, "v"),
    "ridge": (SKY, "h"),
    "LDA": (PURPLE, "p"),
    "power law": (BLUE, "<"),
    "power law + floor": (RED, ">"),
    "exponential": (ORANGE, "p"),
    "last value": (GREY, "X"),
    "measured": (INK, "o"),
    "theory": (INK, ""),
    "published": (INK, "*"),
    "training": (GREY, "s"),
    "test": (SKY, "o"),
    "fresh": (GREEN, "P"),
    "repeated": (PURPLE, "X"),
    "AdamW": (BLUE, "d"),
    "Grokfast": (ORANGE, "P"),
    "orthogonal gradient": (GREEN, "h"),
    "Muon": (PURPLE, "<"),
    "no weight decay": (RED, "X"),
    "random": (GREY, "x"),
    "hard": (RED, "v"),
    "easy": (BLUE, "^"),
    "EL2N": (ORANGE, "D"),
    "forgetting": (GREEN, "s"),
    "prototypes": (PURPLE, "o"),
    "memorisation": (INK, "s"),
    "CCS": (SKY, "^"),
    "CCS, by class": (PURPLE, "P"),
    "pilot run": (ORANGE, "v"),
    "cleaned": (GREEN, "D"),
    "uniform": (GREY, "+"),
    "lightweight": (ORANGE, "o"),
    "sensitivity": (BLUE, "v"),
    "leverage": (INK, "D"),
    "k-center": (BLUE, "p"),
    "herding": (ORANGE, "^"),
    "facility location": (GREEN, "v"),
    "graph cut": (PURPLE, "s"),
    "CRAIG": (SKY, "s"),
    "GradMatch": (SKY, "v"),
    "D2": (INK, "P"),
    "middle": (SKY, "D"),
    "influence": (RED, "s"),
    "hard, by class": (RED, "P"),
    "features": (ORANGE, "X"),
    "importance": (SKY, "X"),
    "gradients": (PURPLE, "^"),
    "gradients, loosely": (INK, "v"),
    "any target": (GREY, "D"),
}
# Series that are no methods (two panels, three noise levels ...): colours of their own, Tol's muted ones.
SERIES = tuple(zip(("#332288", "#CC6677", "#117733", "#999933", "#882255", "#44AA99"), "o^sDvP"))


def use_style() -> None:
    """Set the book's figure style for this process."""
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 4.0),
            "figure.dpi": 100,
            "savefig.dpi": 200,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 11.5,
            "axes.titlesize": 11.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": GREY,
            "axes.grid": True,
            "grid.color": "#E6E6E6",
            "grid.linewidth": 0.7,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, ORANGE, PURPLE, SKY]),
            "legend.frameon": False,
            "legend.fontsize": 10.5,
            "lines.linewidth": 1.8,
            "lines.markersize": 5.5,
            "mathtext.fontset": "cm",
        }
    )
    try:  # in a notebook: pictures sharp enough for a telephone's screen, and what else goes with a figure
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png", dpi=200)
        for mime, make in {figures.VALUES: figures.values, figures.PANELS: figures.panels}.items():
            kind = type("Formatter", (BaseFormatter,), {"format_type": mime, "_return_type": (str, dict)})
            formatter = get_ipython().display_formatter.formatters[mime] = kind()
            formatter.for_type(Figure, make)
    except (ImportError, AttributeError):  # no notebook
        pass


def style(method: str) -> dict[str, str]:
    """The colour and marker of a method, as keywords for matplotlib; unknown: a ValueError names the nearest."""
    check_choice("method", method, METHODS)
    return dict(zip(("color", "marker"), METHODS[method]))


def series(place: int) -> dict[str, str]:
    """The colour and marker of a series that is no method, by its place in the figure; six differ."""
    return dict(zip(("color", "marker"), SERIES[place % len(SERIES)]))


def axes(columns: int = 1, *, rows: int = 1, height: float = 4.0, **keywords) -> Axes | np.ndarray:
    """A new figure's axes: one, or an array of them side by side; `height` in inches, width that of the page."""
    width = 6.4 if columns == 1 else 8.4
    return plt.subplots(rows, columns, figsize=(width, height), **keywords)[1]


def close(ax: Axes) -> None:
    """Forget the figure that holds these axes, outside a notebook, which does so itself."""
    plt.close(ax.figure)


def curve(
    ax: Axes,
    x: np.ndarray,
    y: np.ndarray,
    *,
    method: str | None = None,
    label: str | None = None,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    line: str = "-",
    shade: float = 0.15,
    **keywords,
) -> Axes:
    """Draw y over x (both (T,)) in the method's colour and marker, with the band from `low` to `high`; returns ax.

    `y` of shape (seeds, T) is drawn as its mean with the central 90% of the seeds as the band. Without a `method`
    give `**series(place)` and a label. `line` is a matplotlib line style ("none" for markers alone), `shade` the
    opacity of the band.
    """
    y = np.asarray(y, float)
    if y.ndim == 2:
        low, high, y = *np.quantile(y, [0.05, 0.95], axis=0), y.mean(axis=0)
    keywords = {"linestyle": line} | (style(method) if method else {}) | keywords
    if low is not None:
        ax.fill_between(x, low, high, color=keywords["color"], alpha=shade, linewidth=0)
    ax.plot(x, y, label=method if label is None else label, **keywords)
    return ax


def reference(
    ax: Axes,
    *,
    x: float | None = None,
    y: float | None = None,
    label: str | None = None,
    color: str = GREY,
    line: str = "--",
) -> Axes:
    """Draw a thin line across the axes at `x`, at `y` or at both, which curves are to be held against; returns ax."""
    for draw, at in ((ax.axvline, x), (ax.axhline, y)):
        if at is not None:
            draw(at, color=color, lw=1.2, ls=line, label=label)
    return ax


def scale(
    ax: Axes, x: str = "log", y: str = "log", *, xlabel: str, ylabel: str, title: str | None = None
) -> Axes:
    """Set both scales ("log" or "linear") and the labels, units included; returns ax."""
    ax.set(xscale=x, yscale=y)
    for put, text in ((ax.set_xlabel, xlabel), (ax.set_ylabel, ylabel), (ax.set_title, title)):
        if text:
            put(
                text, parse_math=False
            )  # it may hold the name of a reader's file, in which $ begins no formula
    for axis, kind in ((ax.xaxis, x), (ax.yaxis, y)):
        if kind == "log" and np.log10(np.divide(*axis.get_view_interval()[::-1])) < 2:
            axis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
            axis.set_minor_formatter(mpl.ticker.NullFormatter())
    return ax


def ticks(axis: Axis, values: list, labels: list[str] | None = None) -> Axis:
    """Ticks at `values` alone, with their numbers or `labels`, on an axis (`ax.xaxis` or `ax.yaxis`); returns it."""
    axis.set_ticks(values, [f"{v:,g}" for v in values] if labels is None else labels)
    axis.set_minor_locator(mpl.ticker.NullLocator())
    return axis


def percent(axis: Axis) -> Axis:
    """Label an axis (`ax.xaxis` or `ax.yaxis`) of shares in per cent, at 1, 2 and 5 of each decade if logarithmic."""
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    if axis.get_scale() == "log":
        axis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(mpl.ticker.NullFormatter())
    return axis


def table(header: list, rows: list, *, style: str = "numbers", anchors: list[str] | None = None) -> HTML:
    """A table for the page: `header` a list of texts, `rows` lists of as many texts, numbers or pieces of HTML.

    `style` is its class in the style sheet, `anchors` a target of links for each row. Raises ValueError for a row of
    another length than the header.
    """
    wrong = next((row for row in rows if len(row) != len(header)), None)
    if wrong is not None:
        raise ValueError(
            f"row {wrong} has {len(wrong)} cells, the header {len(header)}; they must be as many"
        )
    cell = lambda value: value.data if isinstance(value, HTML) else html.escape(str(value))  # noqa: E731
    names = [cell(name) for name in header]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(f'<td data-label="{name}">{cell(value)}</td>' for name, value in zip(names, row))
        body += (f'<tr id="{anchors[i]}">' if anchors else "<tr>") + cells + "</tr>"
    return HTML(f'<table class="{style}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def shade(share: float) -> tuple:
    """A colour from light (0) to dark (1), even in grey, for an ordered family of curves."""
    return mpl.colormaps["viridis_r"](0.15 + 0.8 * share)


def heatmap(
    ax: Axes, shares: np.ndarray, texts: list, *, rows: list, columns: list, size: float = 10, **keywords
) -> Axes:
    """A map of squares, the first row of `shares` (R, C) at the bottom; returns ax.

    Each is coloured by `shade` of its share, pale where that is NaN, and says its text of `texts` (R, C); where a
    text is None nothing is drawn. `rows` and `columns` are the labels of the ticks, `keywords` go to `ax.set`.
    """
    for (i, j), text in np.ndenumerate(np.asarray(texts, object)):
        if text is None:
            continue
        share = np.nan_to_num(shares[i][j])
        fill = shade(share) if np.isfinite(shares[i][j]) else "#F2F2F2"
        ax.add_patch(mpl.patches.Rectangle((j - 0.5, i - 0.5), 1, 1, fc=fill, ec="white", lw=1.5))
        ax.text(j, i, text, ha="center", va="center", fontsize=size, color="white" if share > 0.45 else INK)
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5), **keywords)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.grid(visible=False)
    return ax
