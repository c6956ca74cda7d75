"""How claims show themselves: a card each, or a table of them, as HTML, from records as `claims.as_json` makes them."""

import html
import math

from IPython.display import HTML

from labutils import intervals, plotting
from labutils.intervals import number

VERDICTS = {"reproduced": "✓", "inconclusive": "?", "not reproduced": "✗"}
MARKS = VERDICTS | {"observation": "•"}  # on the reader's data, of which no paper speaks, nothing is judged


def measured(record: dict) -> str:
    """`value [low, high] unit` of a record as `as_json` gives it; `(exact)` in place of the interval where it is."""
    interval = None if record["exact"] else record["interval"]
    shown = intervals.text(record["value"], interval, digits=_digits(record))
    return f"{shown} {record['unit']}".strip() + " (exact)" * record["exact"]


def shown(found: dict | list[dict]) -> dict[str, str]:
    """What a notebook shows for one JSON record, a card, or for a list of them, a table: {MIME type: text}."""
    if isinstance(found, dict):
        return {"text/plain": line(found), "text/html": card(found)}
    verdicts = [record["verdict"] for record in found]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in MARKS if verdict in verdicts)
    fold = f'<details class="claims"><summary>{len(found)} {"claim" if len(found) == 1 else "claims"}: {counted}</summary>{table(found, here=True)}</details>'
    return {"text/plain": "\n".join(map(line, found)), "text/html": fold}


def table(records: list[dict], *, full: list[dict] = (), here: bool = False) -> str:
    """An HTML table of JSON records, one row a claim.

    `full` adds a column for the kept records of the full profile. `here=True` is for the chapter's own page: rows
    are the targets of links instead of links, there is no column for the chapter, and the accepted range comes
    with its reason, where that differs from the row above.
    """
    kept, above = {r["id"]: r for r in full}, None
    header = [*["Chapter"] * (not here), "Claim", "Published", "This build", "Accepted", "Verdict"]
    header += ["Full profile"] * bool(kept)
    rows, records = [], sorted(records, key=lambda r: r["chapter"])
    for r in records:
        page = html.escape(r["chapter"])
        link = f'<a href="{page}.html#{_anchor(r["id"])}">{page[:2]}</a>'
        published = _published(r)
        accepted = _accepted(r, why=here and r["why"] != above)
        verdict = f'<span class="verdict {_slug(r["verdict"])}">{MARKS[r["verdict"]]} {r["verdict"]}</span>'
        verdict += f" <small>{r['kind']}</small>" * here
        row = [
            *[link] * (not here),
            _escape(r["statement"]) + _miss(r),
            published,
            _escape(measured(r)),
            accepted,
            verdict,
        ]
        if kept:
            k = kept.get(r["id"])
            row.append(f"{_escape(measured(k))}, {k['verdict']}" if k else "not run")
        above = r["why"]
        rows.append([*map(HTML, row)])
    anchors = [_anchor(r["id"]) for r in records] if here else None
    return plotting.table(header, rows, style="scoreboard", anchors=anchors).data


GROUPS = (  # of the scoreboard: title, kind, whether these are the reproduced ones
    ("Replications that missed, or decide nothing", "replication", False),
    ("Replications that held", "replication", True),
    ("Bars this book sets itself", "bar", None),
    ("Checks: theorems, identities and exact curves", "check", None),
)


def board(records: list[dict], *, full: list[dict] = ()) -> str:
    """All claims as HTML, in folds by kind: the replications that missed first, and open; `full` as in `table`."""
    folds = []
    for title, kind, held in GROUPS:
        own = [r for r in records if r["kind"] == kind and held in (None, r["verdict"] == "reproduced")]
        if own:
            met = sum(r["verdict"] == "reproduced" for r in own)
            count = f"{met} of {len(own)} met" if held is None else len(own)
            top = f'<details class="claims"{" open" * (held is False)} data-kind="{kind}"><summary>{title} ({count})</summary>'
            folds.append(top + table(own, full=full) + "</details>")
    return "".join(folds)


def tally(records: list[dict]) -> str:
    """What was found, counted, as HTML: the verdicts on replications alone, and in a line below bars and checks."""
    own = [r["verdict"] for r in records if r["kind"] == "replication"]
    tiles = f"<div><strong>{len(own)}</strong> replications</div>"
    for verdict in VERDICTS:
        tiles += f'<div class="{_slug(verdict)}"><strong>{own.count(verdict)}</strong> {verdict}</div>'
    apart = []
    for kind, words in {"bar": "bars of our own met", "check": "checks of the code passed"}.items():
        found = [r["verdict"] for r in records if r["kind"] == kind]
        apart.append(f"{found.count('reproduced')} of {len(found)} {words}")
    return f'<div class="tally">{tiles}</div><p class="apart">Counted apart: {", ".join(apart)}.</p>'


def _published(record):
    """The published number and its source, as HTML, which says so where the number could not be looked up."""
    doubt = ", from memory, not verified" * record.get("unverified", False)
    return f"{_escape(number(record['reference']))} <small>{_escape(record['source'])}{doubt}</small>"


def _miss(record):
    """The sentence on a claim that was not reproduced, as HTML."""
    missed = record["verdict"] in ("inconclusive", "not reproduced") and record["miss"]
    said = f"<small>{_escape(record['miss'])}</small>" if missed else ""
    if values := record.get("seeds"):
        listed = ", ".join(
            f"{number(value, _digits(record))} on seed {seed}" for seed, value in values.items()
        )
        said += f"<small>The verdict changes with the seed: {_escape(listed)}.</small>"
    return said


def _digits(record):
    """How many digits it takes to see on which side of each bound of the accepted range the numbers found lie."""
    low, high = record["accept"]
    pairs = [(low, high), *((v, b) for v in (record["value"], *record["interval"]) for b in (low, high))]
    apart = [(a, b) for a, b in pairs if not math.isclose(a, b) and math.isfinite(b) and math.isfinite(a)]
    return next((n for n in range(3, 8) if all(number(a, n) != number(b, n) for a, b in apart)), 8)


def _accepted(record, *, why):
    """The accepted range, and with `why` its reason, as HTML."""
    if record["verdict"] == "observation":
        return "not judged <small>the published number is about other data</small>"
    digits = _digits(record)
    low, high = (number(b, digits) if math.isfinite(b) else "∞" if b > 0 else "−∞" for b in record["accept"])
    reason = f" <small>{_escape(record['why'])}</small>" if why else ""
    return f"{_escape(low)} to {_escape(high)}{reason}"


def _slug(text):
    return text.replace(" ", "-")


def _anchor(id):
    return "claim-" + id.replace("_", "-")


def _escape(text):
    """HTML-safe, with 10^7 as a superscript."""
    parts = html.escape(str(text)).split("10^")
    out = parts[0]
    for part in parts[1:]:
        digits = part[: len(part) - len(part.lstrip("-−0123456789"))]
        out += f"10<sup>{digits}</sup>{part[len(digits) :]}"
    return out


def line(r: dict) -> str:
    """One line of text for a JSON record."""
    return f"{MARKS[r['verdict']]} {r['verdict']}: {r['statement']} Published: {number(r['reference'])}. Here: {measured(r)}."


def card(r: dict) -> str:
    """One JSON record as a card: verdict, statement and what was found; unfolded, what is published and accepted."""
    verdict = r["verdict"]
    rows = {
        "Published": _published(r),
        "Here": f"<strong>{_escape(measured(r))}</strong>",
        "Accepted": _accepted(r, why=True),
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in rows.items())
    missed = verdict in ("inconclusive", "not reproduced")  # is open: nobody need ask for it
    return (
        f'<details class="claim {_slug(verdict)}" id="{_anchor(r["id"])}"{" open" * missed}><summary>'
        f'<span class="claim-verdict">{MARKS[verdict]} {verdict} <small>{r["kind"]}</small></span>'
        f'<span class="claim-statement">{_escape(r["statement"])} <span class="claim-here">{_escape(measured(r))}</span></span>'
        f"</summary>{_miss(r)}<dl>{listed}</dl></details>"
    )
