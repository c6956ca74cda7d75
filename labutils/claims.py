"""Published claims and what this build found: `chapters/claims.yml` is the contract, `check` holds a number to it."""

import html
import math
import pathlib
from dataclasses import asdict, dataclass

import numpy as np
import yaml
from scipy import stats

from labutils.data import check_choice

CONTRACT = pathlib.Path(__file__).resolve().parents[1] / "chapters" / "claims.yml"
MIME = "application/vnd.labutils.claim+json"
VERDICTS = {"reproduced": "✓", "inconclusive": "?", "not reproduced": "✗"}


@dataclass(frozen=True)
class Claim:
    """One line of the contract; `accept` and `widest` are fixed before the run, `why` says from what."""

    id: str
    chapter: str
    statement: str
    source: str
    reference: float | str
    unit: str
    accept: tuple[float, float]
    why: str
    widest: float  # an interval broader than this decides nothing; default: as wide as the accepted range


@dataclass(frozen=True)
class Record:
    """A claim and what one run found; `exact` where the value is arithmetic or a closed form, without interval."""

    claim: Claim
    value: float
    interval: tuple[float, float]
    verdict: str
    exact: bool

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": _line(self), "text/html": _card(self), MIME: as_json(self)}


@dataclass(frozen=True)
class Board:
    """Several records shown as one table."""

    records: tuple[Record, ...]

    def _repr_mimebundle_(self, include=None, exclude=None):
        records = [as_json(r) for r in self.records]
        return {
            "text/plain": "\n".join(map(_line, self.records)),
            "text/html": table(records, here=True),
            MIME: records,
        }


def read(path=CONTRACT):
    """Read the contract: a dict from claim id to `Claim`; a ValueError names the claim and field that is amiss."""
    entries = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8")) or {}
    fields = {"chapter", "statement", "source", "reference", "unit", "accept", "why"}
    claims = {}
    for id, entry in entries.items():
        missing, extra = fields - set(entry), set(entry) - fields - {"widest"}
        if missing or extra:
            raise ValueError(f"claim {id!r}: missing {sorted(missing)}, not known {sorted(extra)}")
        low, high = (float(bound) for bound in entry["accept"])
        if not low <= high:
            raise ValueError(f"claim {id!r}: accept is [{low}, {high}]; the first must not exceed the second")
        entry = {"widest": high - low} | entry | {"accept": (low, high), "chapter": str(entry["chapter"])}
        claims[id] = Claim(id=id, **entry)
    return claims


def judge(claim, value, interval):
    """The verdict on a value and its interval (low, high), in the claim's unit.

    *not reproduced* when the interval misses the accepted range altogether; *reproduced* when the value itself is
    in the range and the interval is no wider than `claim.widest`; *inconclusive* otherwise.
    """
    (low, high), (least, most) = interval, claim.accept
    if high < least or low > most:
        return "not reproduced"
    return "reproduced" if least <= value <= most and high - low <= claim.widest else "inconclusive"


def estimate(values, *, level=0.9):
    """The mean of independent runs and its Student-t interval: value, (low, high).

    `values` has shape (runs,). Raises ValueError for fewer than two runs, which have no interval, or values that
    are not finite.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"values {values} of shape {values.shape}; an interval needs at least 2 finite runs in a row"
        )
    reach = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean(), (values.mean() - reach, values.mean() + reach)


def resample(runs, statistic, *, level=0.9, n_boot=1000, seed=0):
    """A statistic of independent runs and its bootstrap interval: value, (low, high).

    `runs` has shape (runs, ...), `statistic` turns such an array into a number; whole runs are drawn anew. Raises
    ValueError for fewer than two runs.
    """
    runs = np.asarray(runs, float)
    if len(runs) < 2:
        raise ValueError(f"runs has shape {runs.shape}; an interval needs at least 2 runs")
    picks = np.random.default_rng(seed).integers(len(runs), size=(n_boot, len(runs)))
    value, draws = float(statistic(runs)), [statistic(runs[pick]) for pick in picks]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return value, (min(low, value), max(high, value))


def check(id, value, *, interval=None, path=CONTRACT):
    """Hold `value` to the claim called `id`: returns a `Record` that shows itself as a card in a notebook.

    `interval` is (low, high) in the claim's unit; leave it out only where the value is exact (arithmetic, a closed
    form). Raises ValueError for an unknown id (naming the nearest), a value or bound that is not finite, or an
    interval that does not hold the value.
    """
    return _check(read(path), id, value, interval)


def _check(claims, id, value, interval):
    check_choice("claim", id, claims)
    value = float(value)
    low, high = (value, value) if interval is None else map(float, interval)
    if not all(map(math.isfinite, (value, low, high))):
        raise ValueError(f"claim {id!r}: value {value} in [{low}, {high}]; all three must be finite")
    if not low <= value <= high:
        raise ValueError(f"claim {id!r}: value {value} lies outside its own interval [{low}, {high}]")
    return Record(claims[id], value, (low, high), judge(claims[id], value, (low, high)), interval is None)


def check_all(found, *, path=CONTRACT):
    """`check` for a dict from id to (value, interval), shown as one table: returns a `Board`."""
    claims = read(path)
    return Board(tuple(_check(claims, id, value, interval) for id, (value, interval) in found.items()))


def as_json(record):
    """The record as a flat dict of JSON types: the claim's fields, value, interval, verdict, exact."""
    flat = asdict(record.claim) | asdict(record)
    del flat["claim"]
    flat |= {"interval": list(record.interval), "accept": list(record.claim.accept)}
    return {k: v for k, v in flat.items() if not (k == "widest" and math.isinf(v))}  # JSON has no infinity


def number(value):
    """A number for people: three significant digits, thousands as such, no trailing zeros, and nothing below 10^-9."""
    if isinstance(value, str):
        return value
    if abs(value) < 1e-9:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa} × 10^{int(exponent)}"


def measured(record):
    """`value [low, high] unit` of a record as `as_json` gives it; `(exact)` in place of the interval where it is."""
    low, high = map(number, record["interval"])
    spread = "" if record["exact"] else f" [{low}, {high}]"
    return f"{number(record['value'])}{spread} {record['unit']}".strip() + " (exact)" * record["exact"]


def table(records, *, full=(), here=False):
    """An HTML table of JSON records, one row a claim.

    `full` adds a column for the kept records of the full profile. `here=True` is for the chapter's own page: rows
    are the targets of links instead of links, there is no column for the chapter, and the accepted range comes
    with its reason, where that differs from the row above.
    """
    kept = {r["id"]: r for r in full}
    rows, above = [], None
    for r in sorted(records, key=lambda r: r["chapter"]):
        page, anchor = html.escape(r["chapter"]), _anchor(r["id"])
        cells = {} if here else {"Chapter": f'<a href="{page}.html#{anchor}">{page[:2]}</a>'}
        cells |= {
            "Claim": _escape(r["statement"]),
            "Published": f"{_escape(number(r['reference']))} <small>{_escape(r['source'])}</small>",
            "This build": _escape(measured(r)),
            "Accepted": _accepted(r, why=here and r["why"] != above),
            "Verdict": f'<span class="verdict {_slug(r["verdict"])}">{VERDICTS[r["verdict"]]} {r["verdict"]}</span>',
        }
        if kept:
            k = kept.get(r["id"])
            cells["Full profile"] = f"{_escape(measured(k))}, {k['verdict']}" if k else "not run"
        above = r["why"]
        line = "".join(f'<td data-label="{label}">{cell}</td>' for label, cell in cells.items())
        rows.append((f'<tr id="{anchor}">' if here else "<tr>") + line + "</tr>")
    header = "".join(f'<th scope="col">{label}</th>' for label in (cells if rows else ()))
    return f'<table class="scoreboard"><thead><tr>{header}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _accepted(record, *, why):
    """The accepted range, and with `why` its reason, as HTML."""
    low, high = (number(b) if math.isfinite(b) else "∞" if b > 0 else "−∞" for b in record["accept"])
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


def _line(record):
    r = as_json(record)
    return f"{VERDICTS[r['verdict']]} {r['verdict']}: {r['statement']} Published: {number(r['reference'])}. Here: {measured(r)}."


def _card(record):
    r, claim = as_json(record), record.claim
    return (
        f'<div class="claim {_slug(r["verdict"])}" id="{_anchor(claim.id)}">'
        f'<p class="claim-verdict">{VERDICTS[r["verdict"]]} {r["verdict"]}</p>'
        f'<p class="claim-statement">{_escape(claim.statement)}</p>'
        f"<dl><div><dt>Published</dt><dd>{_escape(number(claim.reference))} <small>{_escape(claim.source)}</small></dd></div>"
        f"<div><dt>Here</dt><dd><strong>{_escape(measured(r))}</strong></dd></div>"
        f"<div><dt>Accepted</dt><dd>{_accepted(r, why=True)}</dd></div></dl></div>"
    )
