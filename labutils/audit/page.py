"""The report as one page: it opens offline, on a telephone and in the dark, and loads nothing."""

import html

import numpy as np

from labutils import plotting
from labutils.audit import pictures, sentences

TITLES = (
    "What is there?",
    "Does more data help?",
    "Which examples matter?",
    "How few are enough?",
    "The keep list.",
)
SHOWN = 8  # rows of each kind
STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #dfe3e8; --back: #fff; --card: #f5f7f9; --accent: #00639a; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe4ea; --soft: #a3adb8; --line: #333a43; --back: #14171b; --card: #1d2228; --accent: #7cc4f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 46rem; background: var(--back); color: var(--ink); line-height: 1.6;
  font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.012em; } h2 { font-size: 1.35rem; margin: 2.6rem 0 0.6rem; }
h2 small { color: var(--accent); font-weight: 650; margin-right: 0.4rem; font-size: inherit; }
p.lead { font-size: 1.05rem; } .soft, figcaption, small { color: var(--soft); } figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 0.6rem; }
figcaption { font-size: 0.92rem; } table { border-collapse: collapse; width: 100%; font-size: 0.9rem; margin: 1rem 0; }
th, td { overflow-wrap: normal; text-align: left; vertical-align: top; padding: 0.35rem 0.5rem; border-bottom: 1px solid var(--line); } th { font-weight: 650; }
td:last-child { overflow-wrap: anywhere; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
ol.top { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1rem 1rem 2.4rem; } ol.top li { margin: 0.4rem 0; }
.wide { overflow-x: auto; } a { color: var(--accent); }
"""


def build(report: object) -> str:
    """The page of a `report.Report` as HTML, with its pictures inside; below 2 MB for any data set."""
    plotting.use_style()
    answers, source, r = report.answers(), report.source, report
    name = html.escape(source.name)
    figures = (
        (
            pictures.there(r.inputs, r.errors, source),
            "Training rows, with copies and those whose label is in doubt set apart.",
        ),
        (
            pictures.more(r.more, source),
            "Error against the rows learnt from: means over splits, bands of nine in ten, and the forecast.",
        ),
        (pictures.matters(r.examples), "Rank correlation of every pair of scores, in hundredths."),
        (
            pictures.few(r.fewer, source),
            "What is learnt from a part of the rows, by the rule that chose it; the star is the one look at the test rows.",
        ),
        (
            pictures.kept(r.score, r.keep, source),
            "How hard the rows are that are kept, and those that are not.",
        ),
    )
    extra = ("", "", _rows(r), _rules(r), "")
    before = _doubts(r), "", "", "", ""
    sections = ""
    for place, (title, answer) in enumerate(zip(TITLES, answers)):
        ax, caption = figures[place]
        image = pictures.as_text(ax)
        sections += f'<section id="answer-{place + 1}"><h2><small>{place + 1}</small>{title}</h2><p class="lead">{html.escape(answer)}</p>'
        alt = html.escape(f"{title} {caption}", quote=True)
        sections += f'<figure><img src="data:image/png;base64,{image}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
        sections += before[place] + extra[place] + "</section>"
    top = "".join(
        f'<li><a href="#answer-{i}"><strong>{title}</strong></a> {html.escape(_first(answer))}</li>'
        for i, (title, answer) in enumerate(zip(TITLES, answers), 1)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Audit of {name}</title><style>{STYLE}</style></head><body><main><h1>Audit of {name}</h1>"
        f'<p class="soft">{html.escape(_method(r))}</p><ol class="top">{top}</ol>{sections}{_limits(r)}</main></body></html>\n'
    )


def _first(text):
    """The first sentence of an answer."""
    return text.split(". ")[0].rstrip(".") + "."


def _method(r):
    return (
        f"Learner: {r.learner}; features: {r.source.features.words}. Chosen on training rows alone, confirmed once on rows held "
        f"out; intervals hold nine in ten, over {len(r.fewer.full)} splits. Made on this machine, from seed {r.seed}; the page "
        "loads nothing and sends nothing."
    )


def _limits(r):
    said = "".join(f"<li>{html.escape(each)}</li>" for each in r.refusals) or "<li>Nothing was left out.</li>"
    seconds = sum(r.seconds.values())
    return f"<section><h2>What was not done, and why</h2><ul>{said}</ul><p class='soft'>{seconds:.0f} s of CPU in all.</p></section>"


def _table(header, rows, numbers=()):
    """A table whose columns in `numbers` are set right; cells are texts to be escaped, or tuples (html,)."""
    kind = [' class="n"' if i in numbers else "" for i in range(len(header))]
    cell = lambda value: value[0] if isinstance(value, tuple) else html.escape(str(value))  # noqa: E731
    head = "".join(f'<th scope="col"{k}>{html.escape(h)}</th>' for h, k in zip(header, kind))
    body = "".join(
        "<tr>" + "".join(f"<td{k}>{cell(v)}</td>" for v, k in zip(row, kind)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _image(ax, alt):
    return f'<figure><img src="data:image/png;base64,{pictures.as_text(ax)}" alt="{alt}"></figure>'


def _doubts(r):
    """The rows whose label is most in doubt."""
    source, rows = r.source, np.flatnonzero(r.errors.flagged)
    if not len(rows):
        return ""
    rows = rows[np.argsort(r.errors.confidence[rows], kind="stable")[:SHOWN]]
    own = source.train[rows]
    chance, shown = bool(source.classes), source.kind != "images"  # columns of the table
    table = [
        (
            row,
            source.label(source.y[row]),
            source.label(r.errors.suggested[i]),
            *([sentences.percent(r.errors.confidence[i])] if chance else []),
            *([source.show(row)] if shown else []),
        )
        for i, row in zip(rows.tolist(), own.tolist())
    ]
    header = ("row", "given", "looks like", *["chance that it is right"] * chance, *["what it is"] * shown)
    how = "Judged by the learner, a kernel machine and ten nearest rows, none of which saw the label."
    how = f"<p class='soft'>{how}</p>" if chance else ""
    picture = ""
    if not shown:
        picture = _image(
            pictures.gallery({"in doubt": own}, source),
            "Rows whose label is most in doubt, with the label given.",
        )
    return f"<h3>Labels most in doubt</h3>{how}{picture}{_table(header, table, (0,))}"


def _rows(r):
    """The rows that help others most, and those that harm them most, by influence."""
    source, (best, worst) = r.source, r.examples.ends("influence", SHOWN)
    groups = {"help most": source.train[best], "harm most": source.train[worst]}
    text = "<h3>The most and the least valuable rows</h3><p class='soft'>By influence: what leaving the row out does to the squared error on other training rows, exactly.</p>"
    if source.kind == "images":
        return text + _image(
            pictures.gallery(groups, source),
            "Rows that help the others most, and rows that harm them most, labels above.",
        )
    value = dict(zip(r.examples.rows.tolist(), r.examples.scores["influence"]))
    place = {row: i for i, row in enumerate(source.train.tolist())}
    table = [
        (
            row,
            name,
            f"{value[place[row]]:+.1e}".replace("-", "−"),
            source.label(source.y[row]),
            source.show(row),
        )
        for name, rows in groups.items()
        for row in rows.tolist()
    ]
    return text + _table(("row", "", "influence", "label", "what it is"), table, (0, 2))


def _rules(r):
    """What every rule needs, and its price."""
    found = r.fewer
    order = sorted(found.needed, key=lambda name: found.needed[name][0])
    share = found.n_pool / found.n_rows
    rows = []
    for name in order:
        value, (low, high) = found.needed[name]
        at = np.abs(found.fractions - found.fraction).argmin()
        gain = (found.score[name] - found.score["random"]).mean(axis=0)[at]
        text = f"{sentences.percent(share * value)} ({sentences.percent(share * low)} to {sentences.percent(share * high)})"
        mark = (f"<strong>{html.escape(name)}</strong>",) if name == found.rule else name
        rows.append(
            (mark, text if value < 1 else "all", sentences.percent(gain), f"{found.seconds[name]:.2f} s")
        )
    header = (
        "rule",
        f"smallest share that keeps {sentences.percent(found.share, 0)}",
        "over random at the share advised",
        "price, CPU",
    )
    return f"<h3>Every rule, and what it costs</h3>{_table(header, rows, (1, 2, 3))}"
