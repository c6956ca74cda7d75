"""One look for every figure: a style, a fixed colour and marker for each method, and helpers for axes."""

import html

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

from labutils.data import check_choice

# Okabe and Ito's colours: told apart by people with any of the common colour blindnesses.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#AA4499", "#56B4E9"
INK, GREY, PALE = "#222222", "#757575", "#DDDDDD"

METHODS = {  # the same colour and marker for a method through the whole book
    "nearest neighbours": (BLUE, "o"),
    "logistic regression": (ORANGE, "s"),
    "random forest": (GREEN, "^"),
    "MLP": (RED, "D"),
    "CNN": (PURPLE, "v"),
    "measured": (BLUE, "o"),
    "theory": (INK, ""),
    "published": (INK, "*"),
    "power law": (BLUE, "o"),
    "power law + floor": (RED, "D"),
    "exponential": (ORANGE, "s"),
    "last value": (GREY, "x"),
    "random": (GREY, "x"),
    "hard": (RED, "D"),
    "easy": (BLUE, "o"),
    "fresh": (GREEN, "^"),
    "repeated": (PURPLE, "v"),
    "training": (GREY, "x"),
    "test": (BLUE, "o"),
    "no weight decay": (RED, "D"),
    "AdamW": (BLUE, "o"),
    "Grokfast": (ORANGE, "s"),
    "orthogonal gradient": (GREEN, "^"),
    "Muon": (PURPLE, "v"),
    "ridge": (BLUE, "o"),
    "LDA": (RED, "D"),
    "EL2N": (ORANGE, "s"),
    "forgetting": (GREEN, "^"),
    "prototypes": (PURPLE, "v"),
    "memorisation": (INK, "*"),
    "CCS, by class": (PURPLE, "v"),
    "CCS": (GREEN, "^"),
    "audition": (ORANGE, "s"),
    "cleaned": (SKY, "s"),
    "uniform": (GREY, "x"),
    "lightweight": (ORANGE, "s"),
    "sensitivity": (BLUE, "o"),
    "k-center": (BLUE, "o"),
    "herding": (ORANGE, "s"),
    "facility location": (GREEN, "^"),
    "graph cut": (PURPLE, "v"),
    "CRAIG": (SKY, "P"),
    "leverage": (INK, "*"),
}


def use_style():
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
    try:  # in a notebook: pictures sharp enough for a telephone's screen
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png", dpi=200)
    except (ImportError, AttributeError):  # no notebook
        pass


def look(method):
    """The colour and marker of a method, as keywords for matplotlib; unknown: a ValueError names the nearest."""
    check_choice("method", method, METHODS)
    color, marker = METHODS[method]
    return {"color": color, "marker": marker}


def axes(columns=1, *, rows=1, height=4.0, **keywords):
    """A new figure's axes: one, or an array of them side by side; `height` in inches, width that of the page."""
    width = 6.4 if columns == 1 else 8.4
    return plt.subplots(rows, columns, figsize=(width, height), **keywords)[1]


def curve(ax, x, y, *, method, label=None, low=None, high=None, line="-", shade=0.15, **keywords):
    """Draw y over x (both (T,)) in the method's colour and marker, with the band from `low` to `high`; returns ax.

    `y` of shape (seeds, T) is drawn as its mean with the central 90% of the seeds as the band. `line` is a matplotlib line style ("none"
    for markers alone), `shade` the opacity of the band.
    """
    y = np.asarray(y, float)
    if y.ndim == 2:
        low, high, y = *np.quantile(y, [0.05, 0.95], axis=0), y.mean(axis=0)
    style = look(method)
    if low is not None:
        ax.fill_between(x, low, high, color=style["color"], alpha=shade, linewidth=0)
    ax.plot(x, y, label=method if label is None else label, **({"linestyle": line} | style | keywords))
    return ax


def scale(ax, x="log", y="log", *, xlabel, ylabel, title=None):
    """Set both scales ("log" or "linear") and the labels, units included; returns ax."""
    ax.set(xscale=x, yscale=y, xlabel=xlabel, ylabel=ylabel)
    if title:
        ax.set_title(title)
    for axis, kind in ((ax.xaxis, x), (ax.yaxis, y)):
        if kind == "log" and np.log10(np.divide(*axis.get_view_interval()[::-1])) < 2:
            axis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
            axis.set_minor_formatter(mpl.ticker.NullFormatter())
    return ax


def percent(axis):
    """Label an axis (`ax.xaxis` or `ax.yaxis`) of shares in per cent, at 1, 2 and 5 of each decade if logarithmic."""
    axis.set_major_formatter(mpl.ticker.FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    if axis.get_scale() == "log":
        axis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(mpl.ticker.NullFormatter())
    return axis


def table(header, rows):
    """A table for the page: `header` a list of texts, `rows` lists of as many texts or numbers."""
    from IPython.display import HTML

    wrong = next((row for row in rows if len(row) != len(header)), None)
    if wrong is not None:
        raise ValueError(
            f"row {wrong} has {len(wrong)} cells, the header {len(header)}; they must be as many"
        )
    head = "".join(f'<th scope="col">{html.escape(str(cell))}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return HTML(f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def shade(share):
    """A colour from light (0) to dark (1), even in grey, for an ordered family of curves."""
    return mpl.colormaps["viridis_r"](0.15 + 0.8 * share)


def cell(column, row, share):
    """A square for a map's axes around (column, row) in the colour of `shade`; pale where `share` is None."""
    color = "#F2F2F2" if share is None else shade(share)
    return mpl.patches.Rectangle((column - 0.5, row - 0.5), 1, 1, fc=color, ec="white", lw=1.5)
