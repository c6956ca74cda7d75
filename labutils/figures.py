"""What leaves a notebook with each figure besides its picture: the values it draws, and its panels for a telephone."""

import base64
import csv
import io
from typing import Any

import numpy as np

VALUES = "text/csv"  # the MIME types, under which an executed notebook holds both
PANELS = "application/vnd.labutils.panels+json"
COLUMNS = ("panel", "shape", "series", "x", "y", "low", "high")
NARROW = 2.9  # inches of a panel between its axes: 350 pixels with the labels, as wide as a telephone's page
SMALLER = 0.85  # of the letters, which then stay above 11 pixels


def values(fig: Any) -> str | None:
    """The values that a matplotlib figure draws, as a csv with the columns `COLUMNS`; None where it draws pictures alone.

    A row is a point of a line or a cloud, a bar (x its middle, y its height), a text in the panel (y its place, series
    the text), or a piece of a band or of an error bar (low and high).
    """
    rows = [(title(ax), *row) for ax in fig.axes for row in _drawn(ax)]
    if not rows:
        return None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([v if isinstance(v, str) else _short(v) for v in row] for row in rows)
    return out.getvalue()


def panels(fig: Any) -> dict | None:
    """Each panel of a figure alone, narrow enough to be read on a telephone: {"panels": [{"title", "png"}]}.

    The PNG is in base64. None for figures that hold pictures, which shrink without harm. It is the last thing done
    with a figure: its panels are moved and its letters made smaller on the way.
    """
    axes = [ax for ax in fig.axes if ax.get_visible() and ax.axison]
    if not axes or any(ax.images and not (ax.get_xlabel() or ax.get_ylabel()) for ax in fig.axes):
        return None
    height = [ax.get_window_extent().height / ax.get_window_extent().width for ax in axes]
    fig.set_layout_engine("none")
    tall = NARROW * np.clip(height, 0.55, 1.2)
    _complete(fig, axes, tall)
    for text in fig.findobj(lambda artist: hasattr(artist, "set_fontsize")):
        text.set_fontsize(SMALLER * text.get_fontsize())
    made = []
    for ax, inches in zip(axes, tall):
        for other in axes:
            other.set_visible(other is ax)
        fig.set_size_inches(NARROW, inches)
        ax.set_position([0, 0, 1, 1])
        file = io.BytesIO()
        fig.savefig(file, format="png", dpi=200, bbox_inches="tight", pad_inches=0.05)
        made.append({"title": title(ax), "png": base64.b64encode(file.getvalue()).decode()})
    return {"panels": made}


def title(ax: Any) -> str:
    """What a panel, a figure's axes, is called: its title, or else what its axes say."""
    return ax.get_title(loc="left") or ax.get_title() or f"{ax.get_ylabel()} against {ax.get_xlabel()}"


def _complete(fig, axes, tall):
    """Give each panel what it borrows from its neighbours, and put legends above, where they hide nothing."""
    placed = [ax for ax in axes if ax.get_subplotspec()]
    for ax in placed:
        spec = ax.get_subplotspec()
        ax.tick_params(labelleft=True, labelbottom=True)
        ax.set_ylabel(ax.get_ylabel() or _beside(placed, "rowspan", spec)[0].get_ylabel())
        ax.set_xlabel(ax.get_xlabel() or _beside(placed, "colspan", spec)[-1].get_xlabel())
    owners = [(legend, axes[0], tall[0]) for legend in fig.legends]
    owners += [(ax.get_legend(), ax, inches) for ax, inches in zip(axes, tall)]
    for legend, ax, inches in [each for each in owners if each[0] is not None]:
        handles, words = legend.legend_handles, [text.get_text() for text in legend.get_texts()]
        title = legend.get_title().get_text() or None
        legend.remove()
        columns = 1 if max(map(len, words), default=0) > 18 else 2
        ax.legend(
            handles,
            words,
            loc="lower left",
            bbox_to_anchor=(-0.05, 1 + 0.22 / inches),
            ncols=columns,
            title=title,
        )


def _beside(axes, span, spec):
    """The axes in the same rows ("rowspan") or columns ("colspan") of the figure's grid."""
    return [ax for ax in axes if getattr(ax.get_subplotspec(), span) == getattr(spec, span)]


def _drawn(ax):
    """Rows of all that a panel draws in its own coordinates: (shape, series, x, y, low, high)."""
    for line in ax.lines:
        if all(
            line.get_transform().contains_branch_seperately(ax.transData)
        ):  # else it runs across the panel
            xy = np.column_stack([np.asarray(line.get_xdata(), object), np.asarray(line.get_ydata(), object)])
            yield from (("point", _name(line), x, y, "", "") for x, y in xy)
    for item in ax.collections:
        if hasattr(item, "get_segments"):
            ends = [piece for piece in item.get_segments() if len(piece) == 2]
            yield from (
                ("interval", _name(item), a[0], "", *sorted((a[1], b[1]))) for a, b in ends if a[0] == b[0]
            )
        elif np.size(item.get_offsets()) > 2:
            yield from (("point", _name(item), x, y, "", "") for x, y in np.ma.getdata(item.get_offsets()))
        else:
            yield from _band(item)
    for container in ax.containers:
        for bar in getattr(container, "patches", []):
            yield (
                "bar",
                str(container.get_label()),
                bar.get_x() + bar.get_width() / 2,
                bar.get_height(),
                "",
                "",
            )
    for text in ax.texts:
        if text.get_text() and text.get_transform() == ax.transData:
            yield ("text", text.get_text(), *text.get_position(), "", "")


def _band(item):
    """Rows of a filled band: at each x its lower and upper edge."""
    corners = np.concatenate([path.vertices for path in item.get_paths()] or [np.empty((0, 2))])
    for x in np.unique(corners[:, 0]):
        y = corners[corners[:, 0] == x, 1]
        yield "band", _name(item), x, "", y.min(), y.max()


def _name(artist):
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


def _short(value):
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return str(value)
