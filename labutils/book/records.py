"""What executed chapters hold: their claim records and run times, those kept of other runs, the README's table."""

import json
import math
import re
from pathlib import Path

import nbformat
import yaml

from labutils import atomic, intervals
from labutils.book import cards, claims
from labutils.book.provenance import ROOT
from labutils.intervals import number

FULL = ROOT / "chapters" / "records" / "full.json"
SEEDS = ROOT / "chapters" / "records" / "seeds.json"
STANDARD = ROOT / "chapters" / "records" / "standard.md"
FINDINGS = ROOT / "chapters" / "findings.yml"


def chapters(folder: Path) -> dict[str, nbformat.NotebookNode]:
    """{name: notebook} of the executed chapters in a folder, in their order."""
    paths = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def records(folder: Path, seeds: dict | None = None) -> list[dict]:
    """The claim records, as `claims.as_json` makes them, in a folder of executed chapters, settled by `seeds`."""
    seeds = kept(SEEDS) if seeds is None else seeds
    notebooks = chapters(folder).values()
    return [record for nb in notebooks for output in settle(nb, seeds) for record in claims_in(output)]


def claims_in(output: dict) -> list[dict]:
    """The claim records in one output of a cell."""
    found = output.get("data", {}).get(claims.MIME, [])  # one record, or those of a scoreboard
    return found if isinstance(found, list) else [found]


def settle(nb: nbformat.NotebookNode, seeds: dict) -> list[dict]:
    """Give the claims in an executed notebook, in place, the verdict that holds on every seed, and return its outputs.

    `seeds` is what `kept` reads from `SEEDS`. A claim whose verdict differs from seed to seed is
    *inconclusive*, and its card lists the values found. Only runs of the standard profile on the book's own data are
    settled, since only these were run on other seeds.
    """
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    run = nb.metadata.get("labutils", {})
    if run.get("profile") != "standard" or run.get("dataset"):
        return outputs
    for output in outputs:
        for record in [each for each in claims_in(output) if each["verdict"] != "observation"]:
            runs = seeds.get(record["chapter"], {}).items()
            found = {seed: run["found"][record["id"]] for seed, run in runs if record["id"] in run["found"]}
            own = _verdict(record, record["value"], record["interval"])
            flips = {_verdict(record, *each) for each in found.values()} - {own}
            record.pop("seeds", None)
            record["verdict"] = "inconclusive" if flips else own
            if flips:
                record["seeds"] = {seed: value for seed, (value, _) in found.items()}
            output["data"] |= cards.shown(output["data"][claims.MIME])
    return outputs


def _verdict(record, value, interval):
    return claims.judge(value, interval, record["accept"], record.get("widest", math.inf))


def run_times(folder: Path) -> list[dict]:
    """A dict for each executed chapter in a folder: its name, and what `book.execute` noted of the run.

    That is profile, dataset, seconds, cell_seconds, date, commit, versions, machine, cores and gpu.
    """
    return [{"chapter": name} | nb.metadata["labutils"] for name, nb in chapters(folder).items()]


def kept(path: Path = FULL) -> dict:
    """The kept runs of the full profile: {chapter: run}, where run["claims"] are its records."""
    return json.loads(Path(path).read_text(encoding="utf-8")) if Path(path).is_file() else {}


def keep_seeds(folders: list[Path], path: Path = SEEDS) -> None:
    """Keep what each claim came to in folders executed with the standard profile, each on another seed.

    `path` then holds {chapter: {seed: {"date", "commit", "found": {claim: [value, [low, high]]}}}} for the chapters
    that stand in all the folders, and what it had of other chapters and seeds. Raises ValueError where one was executed in another way.
    """
    every = set.intersection(*(set(chapters(folder)) for folder in folders))
    old = kept(path)
    runs = {name: dict(old.get(name, {})) for name in every}
    for folder in folders:
        found = records(folder, seeds={})
        for run in [run for run in run_times(folder) if run["chapter"] in every]:
            name, way = run["chapter"], re.fullmatch(r"standard(?:, seed=(\d+))?", run["profile"])
            if not way or run.get("dataset"):
                raise ValueError(
                    f"{name} in {folder} was run as {run['profile']!r}; allowed: 'standard', on a seed"
                )
            own = {
                r["id"]: [r["value"], r["interval"]] for r in found if r["chapter"] == name and not r["exact"]
            }
            runs[name][way[1] or "0"] = {"date": run["date"], "commit": run["commit"], "found": own}
    write(path, json.dumps(dict(sorted((old | runs).items())), indent=1) + "\n")


def keep_full(folder: Path, path: Path = FULL) -> None:
    """Put the records of a folder executed with the full profile into `path`, in place of those its chapters had.

    What a chapter itself keeps of such a run, a JSON file of its name beside the folder, is put beside `path`. Raises
    ValueError where a chapter that makes claims was executed with another profile.
    """
    runs = kept(path)
    for run in run_times(folder):
        name = run["chapter"]
        found = [record for record in records(folder) if record["chapter"] == name]
        if found and run["profile"] != "full":
            raise ValueError(f"profile of {name} in {folder} is {run['profile']!r}; allowed: 'full'")
        if found:
            runs[name] = {k: v for k, v in run.items() if k != "cell_seconds"} | {"claims": found}
            if (own := Path(folder).parent / f"{name}.json").is_file():
                write(Path(path).with_name(own.name), own.read_text(encoding="utf-8"))
    write(path, json.dumps(dict(sorted(runs.items())), indent=1, ensure_ascii=False) + "\n")


def findings(found: list[dict], path: Path = FINDINGS) -> list[tuple[str, str]]:
    """[(sentence in Markdown, chapter that shows it)]: those of `findings.yml`, with the numbers of these records.

    Raises ValueError naming a claim that no record holds.
    """
    named = {
        r["id"]: intervals.text(r["value"], None if r["exact"] else r["interval"], digits=2) for r in found
    }
    try:
        return [
            (each["text"].format(**named), each["page"])
            for each in yaml.safe_load(Path(path).read_text("utf-8"))
        ]
    except KeyError as missing:
        raise ValueError(f"{path} names the claim {missing}, which no executed chapter holds") from None


def write_readme(folder: Path, path: Path = ROOT / "README.md", table: Path = STANDARD) -> None:
    """Put the findings between `findings:begin` and `findings:end` of the README, and every claim into `table`.

    Raises ValueError where the folder holds no record or the README no markers; both are then as before.
    """
    before, begin, rest = Path(path).read_text(encoding="utf-8").partition("<!-- findings:begin -->\n")
    _, end, after = rest.partition("<!-- findings:end -->")
    if not end:
        raise ValueError(f"{path} lacks the lines <!-- findings:begin --> and <!-- findings:end -->")
    found = records(folder)
    if not found:
        raise ValueError(
            f"folder {str(folder)!r} holds no executed chapter with claims; run `make book` first"
        )
    lines = [f"- {text} [Chapter {int(page[:2])}](chapters/{page}.ipynb)" for text, page in findings(found)]
    own = [r["verdict"] for r in found if r["kind"] == "replication"]
    counts = ", ".join(f"{own.count(verdict)} {verdict}" for verdict in cards.VERDICTS)
    lines += [
        "",
        f"Of {len(own)} replications of published results, {counts}: [every claim](chapters/records/standard.md).",
    ]
    write(path, before + begin + "\n".join(lines) + "\n" + end + after)
    write(table, every_claim(found))


def every_claim(found: list[dict]) -> str:
    """All claims in Markdown: the verdicts counted by chapter, then a row each."""
    names = [*cards.VERDICTS, "bars met", "checks passed"]
    lines = ["# Every claim, in the last build of the standard profile", "", "Written by `make readme`.", ""]
    lines += [f"| chapter | replications | {' | '.join(names)} |", "|---" + "|---:" * (1 + len(names)) + "|"]
    for chapter in sorted({record["chapter"] for record in found}):
        own = [(r["kind"], r["verdict"]) for r in found if r["chapter"] == chapter]
        verdicts = [verdict for kind, verdict in own if kind == "replication"]
        counts = [len(verdicts), *(verdicts.count(verdict) for verdict in cards.VERDICTS)]
        for kind in ("bar", "check"):
            these = [verdict for other, verdict in own if other == kind]
            counts.append(f"{these.count('reproduced')} of {len(these)}" if these else "")
        lines.append("| " + " | ".join([chapter.replace("_", " "), *map(str, counts)]) + " |")
    lines += ["", "| chapter | claim | published | this book | kind | verdict |", "|---" * 6 + "|"]
    for record in found:
        reference = f"{number(record['reference'])} {record['unit']}".strip()
        published = f"{reference} ({record['source']})"
        row = [record["chapter"][:2], record["statement"], published, cards.measured(record)]
        row += [record["kind"], record["verdict"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Write a text file whole or not at all; its folder is made where it is missing."""
    with atomic.whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
