"""Published claims and what this build found: `chapters/claims.yml` is the contract, `check` holds a number to it."""

import math
import pathlib
from dataclasses import asdict, dataclass, replace

import yaml

from labutils.book import cards
from labutils.checks import check_choice

CONTRACT = pathlib.Path(__file__).resolve().parents[2] / "chapters" / "claims.yml"
KINDS = {"replication": "replications", "bar": "bars of our own", "check": "checks"}
MIME = "application/vnd.labutils.claim+json"


@dataclass(frozen=True)
class Claim:
    """One line of the contract; `accept` and `widest` are fixed before the run, `why` says from what.

    `kind`: a replication is an experiment that could have come out otherwise, held against a published result; a bar is
    an aim of this book's own; a check is a theorem, an identity or an exact curve that the code must meet.
    """

    id: str
    chapter: str
    kind: str
    statement: str
    source: str
    reference: float | str
    unit: str
    accept: tuple[float, float]
    why: str
    widest: float  # an interval broader than this decides nothing; default: as wide as the accepted range
    miss: str = ""  # why the number is believed not to hold here, or what run would decide; shown on a miss
    unverified: bool = False  # whether the published number is from memory: no source of it could be opened
    observe: str = ""  # what is said in place of the statement on a reader's data, which no paper has seen


@dataclass(frozen=True)
class Record:
    """A claim and what one run found; `exact` where the value is arithmetic or a closed form, without interval."""

    claim: Claim
    value: float
    interval: tuple[float, float]
    verdict: str
    exact: bool

    def _repr_mimebundle_(self, include=None, exclude=None):
        record = as_json(self)
        return cards.shown(record) | {MIME: record}


@dataclass(frozen=True)
class Scoreboard:
    """Several records shown as one table."""

    records: tuple[Record, ...]

    def _repr_mimebundle_(self, include=None, exclude=None):
        records = [as_json(r) for r in self.records]
        return cards.shown(records) | {MIME: records}


def read(path: pathlib.Path = CONTRACT) -> dict[str, Claim]:
    """Read the contract: a dict from claim id to `Claim`; a ValueError names the claim and field that is amiss."""
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # every check reads anew: .2 s in pure Python
    entries = yaml.load(pathlib.Path(path).read_text(encoding="utf-8"), fast) or {}
    fields = {"chapter", "kind", "statement", "source", "reference", "unit", "accept", "why"}
    optional = {"widest", "miss", "unverified", "observe"}
    claims = {}
    for id, entry in entries.items():
        missing, extra = fields - set(entry), set(entry) - fields - optional
        if missing or extra:
            raise ValueError(f"claim {id!r}: missing {sorted(missing)}, not known {sorted(extra)}")
        check_choice(f"claim {id!r}: kind", entry["kind"], KINDS)
        low, high = (float(bound) for bound in entry["accept"])
        if not low <= high:
            raise ValueError(f"claim {id!r}: accept is [{low}, {high}]; the first must not exceed the second")
        entry = {"widest": high - low} | entry | {"accept": (low, high), "chapter": str(entry["chapter"])}
        claims[id] = Claim(id=id, **entry)
    return claims


def judge(value: float, interval: tuple[float, float], accept: tuple[float, float], widest: float) -> str:
    """The verdict on a value and its interval (low, high), held to a claim's `accept` and `widest`, all in its unit.

    *not reproduced* when the interval misses the accepted range altogether; *reproduced* when the value itself is
    in the range and the interval is no wider than `widest`; *inconclusive* otherwise.
    """
    (low, high), (least, most) = interval, accept
    if high < least or low > most:
        return "not reproduced"
    return "reproduced" if least <= value <= most and high - low <= widest else "inconclusive"


def check(id: str, found: float | tuple, *, data: object = None, path: pathlib.Path = CONTRACT) -> Record:
    """Hold what was found to the claim called `id`: returns a `Record` that shows itself as a card in a notebook.

    `found` is what `intervals.estimate` returns, value and (low, high) in the claim's unit; a number alone where the
    value is exact (arithmetic, a closed form). `data` is the `data.Dataset` it was found on: where that is the
    reader's own, a claim with an `observe` becomes an observation without a verdict, in those words, which may hold
    {data}, its name, and {examples}, what its rows are. Raises ValueError for an unknown id (naming the nearest), a
    value or bound that is not finite, or an interval that does not hold the value.
    """
    return check_all({id: found}, data=data, path=path).records[0]


def check_all(found: dict, *, data: object = None, path: pathlib.Path = CONTRACT) -> Scoreboard:
    """`check` for a dict {id: what was found}, shown as one table: returns a `Scoreboard`."""
    claims = read(path)
    return Scoreboard(tuple(_check(claims, id, each, data) for id, each in found.items()))


def _check(claims, id, found, data):
    check_choice("claim", id, claims)
    value, interval = found if isinstance(found, tuple) else (found, None)
    value = float(value)
    low, high = (value, value) if interval is None else map(float, interval)
    if not all(map(math.isfinite, (value, low, high))):
        raise ValueError(f"claim {id!r}: value {value} in [{low}, {high}]; all three must be finite")
    if not low <= value <= high:
        raise ValueError(f"claim {id!r}: value {value} lies outside its own interval [{low}, {high}]")
    claim = claims[id]
    verdict = judge(value, (low, high), claim.accept, claim.widest)
    if claim.observe and data is not None and data.of_reader:
        statement = claim.observe.format(data=data.name, examples=data.examples)
        claim, verdict = replace(claim, statement=statement), "observation"
    return Record(claim, value, (low, high), verdict, interval is None)


def as_json(record: Record) -> dict:
    """The record as a flat dict of JSON types: the claim's fields, value, interval, verdict, exact."""
    flat = asdict(record.claim) | asdict(record)
    del flat["claim"]
    flat |= {"interval": list(record.interval), "accept": list(record.claim.accept)}
    return {k: v for k, v in flat.items() if not (k == "widest" and math.isinf(v))}  # JSON has no infinity
