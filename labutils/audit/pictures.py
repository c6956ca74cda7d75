"""One picture for each answer, in the book's style, and the rows themselves where they are images."""

import base64
import io

import numpy as np

from labutils import plotting
from labutils.audit import sentences
from labutils.audit.examples import Examples
from labutils.audit.fewer import Fewer
from labutils.audit.inputs import Inputs
from labutils.audit.label_errors import LabelErrors
from labutils.audit.more_data import MoreData
from labutils.audit.source import Source

MOST_CLASSES = 24  # bars
DPI = 110


def as_text(ax: object) -> str:
    """The figure of some axes as a PNG in base64, for an <img>; the figure is closed."""
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png", dpi=DPI)
    plotting.close(ax)
    return base64.b64encode(buffer.getvalue()).decode()


def there(inputs: Inputs, errors: LabelErrors, source: Source) -> object:
    """Axes: rows of every class, or of every range of the target, those in doubt and copies set apart."""
    y, doubt = source.y[source.train], errors.flagged
    copies = inputs.near != np.arange(len(y))
    parts = {"kept to learn from": ~copies & ~doubt, "copies": copies, "likely wrong": doubt & ~copies}
    colours = (plotting.SKY, plotting.GREY, plotting.RED)
    if not source.classes:
        ax = plotting.axes(height=3.2)
        edges = np.histogram_bin_edges(y, 30)
        ax.hist([y[part] for part in parts.values()], edges, stacked=True, color=colours, label=list(parts))
        ax.legend()
        return plotting.scale(ax, "linear", "linear", xlabel="target", ylabel="rows")
    order = np.argsort(-inputs.counts, kind="stable")[:MOST_CLASSES]
    ax = plotting.axes(height=1.2 + 0.28 * len(order))
    left = np.zeros(len(order))
    for (name, part), colour in zip(parts.items(), colours):
        counts = np.bincount(y[part], minlength=len(source.classes))[order]
        ax.barh(np.arange(len(order)), counts, left=left, color=colour, label=name)
        left += counts
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    title = (
        ""
        if len(order) == len(inputs.counts)
        else f"the {len(order)} largest of {len(inputs.counts)} classes"
    )
    plotting.scale(ax, "linear", "linear", xlabel="training rows", ylabel="", title=title)
    ax.set_yticks(np.arange(len(order)), [source.classes[i][:24].replace("$", r"\$") for i in order])
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    return ax


def more(found: MoreData, source: Source) -> object:
    """Axes: the learning curve with its spread, the forecast to four times the rows, and the error asked for."""
    ax = plotting.axes(height=3.8)
    middle = found.loss.mean(axis=0)
    low, high = np.quantile(found.loss, [0.05, 0.95], axis=0)
    plotting.curve(ax, found.n, middle, method="measured", low=low, high=high)
    ahead = found.n[-1] * np.geomspace(1.05, 4, 12)
    value, least, most = found.forecast(ahead)
    x, joined = np.r_[found.n[-1], ahead], (np.r_[middle[-1], v] for v in (value, least, most))
    value, least, most = joined
    plotting.curve(
        ax,
        x,
        value,
        low=least,
        high=most,
        line="--",
        color=plotting.BLUE,
        label="forecast, 90% interval",
        shade=0.2,
    )
    plotting.reference(ax, y=found.target, label=f"target {sentences.percent(found.target, 2)}")
    ax.legend()
    word = "error on rows held out" if source.classes else "variance not explained, rows held out"
    plotting.scale(ax, "log", "log", xlabel="rows learnt from", ylabel=word)
    plotting.percent(ax.yaxis)
    return ax


def matters(found: Examples) -> object:
    """Axes: rank correlations of all scores, in hundredths."""
    names, table = found.names, found.agreement
    ax = plotting.axes(height=1.6 + 0.34 * len(names))
    texts = [
        [f"{round(100 * r)}" if i >= j else None for j, r in enumerate(row)] for i, row in enumerate(table)
    ]
    plotting.heatmap(ax, np.maximum(0, table)[::-1], texts[::-1], rows=names[::-1], columns=names, size=8.5)
    ax.set_xticks(range(len(names)), names, rotation=50, ha="right")
    return ax


def few(found: Fewer, source: Source) -> object:
    """Axes: score on rows held out against the share kept, by rule, with what is enough and what the test said."""
    ax = plotting.axes(height=4.4)
    shares = found.fractions * found.n_pool / found.n_rows
    shown = sorted(found.needed, key=lambda name: found.needed[name][0])
    shown = [name for name in shown if name not in (found.rule, "random")][:5]
    for name in dict.fromkeys([*shown, found.rule, "random"]):
        values, main = found.score[name], name in (found.rule, "random")
        bounds = dict(zip(("low", "high"), np.quantile(values, [0.05, 0.95], axis=0))) if main else {}
        line = {"linewidth": 2.6 if main else 1.1, "alpha": 1 if main else 0.65}
        plotting.curve(ax, shares, values.mean(axis=0), method=name, **bounds, **line)
    plotting.reference(ax, y=float(found.full.mean()), label="all rows", line="-")
    plotting.reference(ax, y=found.goal, label=f"{sentences.percent(found.share, 0)} of the gain")
    c = found.confirmed
    if c and found.fraction < 1:
        at, (low, high) = found.n_kept / found.n_rows, c.kept_interval
        ax.errorbar([at], [c.kept], [[c.kept - low], [high - c.kept]], fmt="none", ecolor=plotting.INK)
        ax.plot(at, c.kept, "*", ms=13, color=plotting.INK, label="confirmed on the test rows")
    word = f"{sentences.score_word(source)} on rows held out"
    plotting.scale(ax, "log", "linear", xlabel="share of the rows kept", ylabel=word)
    marked = [shares[-1]]
    for share in shares[::-1]:  # so far apart that they can be read on a phone
        marked += [share] if share <= marked[-1] / 1.45 else []
    plotting.ticks(
        ax.xaxis, marked[::-1], [sentences.percent(s, 1 if s > 0.001 else 3) for s in marked[::-1]]
    )
    plotting.percent(ax.yaxis)
    bottom = min(found.score["random"].min(), found.goal)
    ax.set_ylim(bottom - 0.05 * abs(found.full.mean() - bottom), None)
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return ax


def kept(score: np.ndarray, keep: np.ndarray, source: Source) -> object:
    """Axes: the hardness of the training rows that are kept and of those that are not."""
    ax = plotting.axes(height=3.0)
    own, kept_rows = score[source.train], keep[source.train]
    edges = np.histogram_bin_edges(own, 40)
    ax.hist(
        [own[kept_rows], own[~kept_rows]],
        edges,
        stacked=True,
        color=(plotting.BLUE, plotting.PALE),
        label=["kept", "not kept"],
    )
    ax.legend()
    word = (
        "hardness: score of the best other class less that of its own"
        if source.classes
        else "distance from the prediction"
    )
    return plotting.scale(ax, "linear", "linear", xlabel=word, ylabel="training rows")


def gallery(rows: dict[str, np.ndarray], source: Source) -> object:
    """Axes: rows of the file as pictures, a line of up to eight for each title, each with its label."""
    ax = plotting.axes(height=1.15 * len(rows) + 0.2)
    for r, chosen in enumerate(rows.values()):
        for c, row in enumerate(chosen[:8]):
            image = source.show(int(row))
            ax.imshow(
                image,
                extent=(c, c + 0.92, r + 0.98, r + 0.24),
                cmap="gray_r" if image.ndim == 2 else None,
                aspect="auto",
            )
            ax.text(
                c + 0.46, r + 0.2, source.label(source.y[row])[:11], ha="center", fontsize=8, parse_math=False
            )
    ax.set(xlim=(-0.05, 8), ylim=(len(rows) + 0.05, -0.05), xticks=[], yticks=np.arange(len(rows)) + 0.6)
    ax.set_yticklabels(rows)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    return ax
