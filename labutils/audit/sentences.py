"""The answers in plain sentences."""

import math

import numpy as np

from labutils.audit.examples import Examples
from labutils.audit.fewer import Fewer
from labutils.audit.inputs import Inputs
from labutils.audit.label_errors import LabelErrors
from labutils.audit.more_data import FARTHEST, MoreData
from labutils.audit.source import Source
from labutils.selection import pruning

OVERLAP = 0.1  # error on rows unseen above which a row that looks like another class may well be right


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent, with a proper minus."""
    if 0 < abs(share) < 0.001:
        digits += 2
    text = f"{100 * share:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("0" if text in ("-0", "") else text).replace("-", "−") + "%"


def _many(n, one, many):
    return f"{n:,} {one if n == 1 else many}" if n else f"no {one}"


def _capital(text):
    return text[:1].upper() + text[1:]


def _between(interval):
    return f"{percent(interval[0])} to {percent(interval[1])}"


def there(inputs: Inputs, errors: LabelErrors, source: Source) -> str:
    """What is there."""
    said = [f"{inputs.n_train:,} rows to learn from and {inputs.n_test:,} held out to confirm by"]
    if source.classes:
        low, high = inputs.counts.argmin(), inputs.counts.argmax()
        if inputs.counts[low] == inputs.counts[high]:
            said[0] += f", {len(source.classes)} classes of {inputs.counts[low]:,} rows each."
        else:
            said[0] += (
                f", {len(source.classes)} classes, from {inputs.counts[low]:,} rows ({source.classes[low]})"
            )
            said[0] += f" to {inputs.counts[high]:,} ({source.classes[high]})."
    else:
        said[0] += ", a number to predict."
    holes = int(inputs.missing.sum())
    said.append(
        f"{holes:,} numbers are missing in {_many(int((inputs.missing > 0).sum()), 'column', 'columns')}; the median stands in."
        if holes
        else "No number is missing."
    )
    exact, near = int(inputs.copies.sum()), int(inputs.near_copies.sum())
    copies = f"{_capital(_many(exact, 'exact copy', 'exact copies'))} and {_many(near, 'near copy', 'near copies')} of earlier rows"
    said.append(copies + (f", {inputs.twins:,} of them under another label." if inputs.twins else "."))
    leaks = int((inputs.leaks > 0).sum())
    if leaks:
        said.append(
            f"{_capital(_many(leaks, 'test row is', 'test rows are'))} in the training rows too, or nearly so: left out of the confirmation."
        )
    n = int(errors.flagged.sum())
    error = float((errors.suggested != source.y[source.train]).mean()) if source.classes else 0.0
    share = f" ({percent(n / inputs.n_train)})"
    if not n:
        said.append("No label looks wrong." if source.classes else "No target looks wrong.")
    elif not source.classes:
        said.append(f"{n:,} targets{share} lie far from what the other rows say: look at them first.")
    else:
        said.append(
            f"{_many(n, 'label looks', 'labels look')} wrong{share}, and {percent(errors.expected, 0)} of those flagged are expected to be: check them first."
        )
        if error > OVERLAP:
            said.append(
                f"But {percent(error)} of all rows look like another class than their label says, so classes overlap here, and "
                "more of the doubtful labels may be right than that."
            )
    return " ".join(said)


def more(found: MoreData, source: Source) -> str:
    """Does more data help?"""
    d, unit = found.diagnosis, "error" if source.classes else "unexplained variance"
    last = float(found.loss[:, -1].mean())
    gain = f"twice the rows would remove {percent(d.doubling, 0)} of the {unit} ({percent(d.doubling_interval[0], 0)} to {percent(d.doubling_interval[1], 0)})"
    if found.spotless:
        held = f"{found.loss.shape[0]} times a fifth of the rows"
        return f"No: nothing is left to gain. With {found.n[-1]:,.0f} rows hardly an error remains on {held} held out."
    if d.rises:
        said = [f"The {unit} rises with more rows: look for the fault before anything else."]
    else:
        head = {
            "worth it": "Yes, it pays",
            "stop": "No: stop collecting",
            "cannot tell": "It can't be told yet",
        }
        said = [f"{head[d.verdict]}: {gain}, from the {percent(last)} it is now."]
    goal = f"For {percent(found.target, 2 if found.target < 0.01 else 1)}"
    low, high = found.rows_interval
    if math.isinf(found.rows):
        at_least = f", and at least {_rows(low)} are needed" if math.isfinite(low) else ""
        said.append(f"{goal} not even {FARTHEST} times as many are likely to be enough{at_least}.")
    elif found.rows <= found.n[-1]:
        said.append(f"{goal} the rows you have are enough.")
    else:
        top = f"{_rows(high)}" if math.isfinite(high) else f"more than {_rows(FARTHEST * found.n[-1])}"
        said.append(f"{goal} about {_rows(found.rows)} rows are needed (between {_rows(low)} and {top}).")
    return " ".join(said)


def _rows(n):
    """A number of rows to two digits."""
    digits = max(0, math.floor(math.log10(max(n, 1))) - 1)
    return f"{round(n, -digits):,.0f}"


def matters(found: Examples) -> str:
    """Which examples matter?"""
    names, table = found.names, np.array(found.agreement)
    np.fill_diagonal(table, -1)
    a, b = np.unravel_index(table.argmax(), table.shape)
    said = f"{len(names)} scores measure about {found.things:.1f} different things: "
    said += (
        f"{names[a]} and {names[b]} rank the rows almost alike ({table[a, b]:.2f})"
        if table[a, b] > 0.9
        else ""
    )
    means = {name: np.delete(row, i).mean() for i, (name, row) in enumerate(zip(names, table))}
    alone = min(means, key=means.get)
    said += f"{', ' if table[a, b] > 0.9 else ''}{alone} stands most alone ({_signed(means[alone])} in the mean). "
    dear = max(found.seconds, key=found.seconds.get)
    took = f"{found.seconds[dear]:.1f} s" if found.seconds[dear] >= 0.05 else "less than 0.1 s"
    return said + f"The dearest, {dear}, took {took} for {len(found.rows):,} rows."


def _signed(value):
    return f"{value:.2f}".replace("-", "−")


def score_word(source: Source) -> str:
    """What a score is called."""
    return "accuracy" if source.classes else "explained variance"


def few(found: Fewer, source: Source) -> str:
    """How few are enough?"""
    word, aim = score_word(source), percent(found.share, 0)
    value, interval = found.expected
    rest = "copies and likely label errors" if found.cleaned else "copies"
    share = f"{found.n_kept:,} of the {found.n_rows:,} rows left without {rest} ({percent(found.n_kept / found.n_rows)})"
    if found.fraction == 1 and found.n_pool == found.n_rows:
        said = [
            f"All {found.n_rows:,} rows left without {rest} are needed: no rule keeps {aim} of what is gained over guessing with fewer."
        ]
    elif found.fraction == 1:
        said = [
            f"A random {found.n_pool:,} do not keep {aim} of what is gained over guessing: keep all rows."
        ]
    elif found.beats:
        pool = f" from {found.n_pool:,} random ones" if found.n_pool < found.n_rows else ""
        random = pruning.n_kept(found.needed["random"][0], found.n_pool)
        enough = f"a random choice needs {random:,} for the same"
        if found.needed["random"][0] == 1:
            enough = "a random choice needs more than any it was given"
        said = [f"Keep {share}, chosen by {found.rule}{pool}: {enough}."]
    else:
        said = [f"Nothing beats random here for certain: take a random {share}."]
    said.append(
        f"Expected {word}: {percent(value)}, so that the test rows should show {_between(interval)}; all rows reach {percent(found.full.mean())}."
    )
    c = found.confirmed
    if c:
        said.append(
            f"Confirmed once on {c.n_test:,} test rows: {percent(c.kept)} ({_between(c.kept_interval)}), all rows {percent(c.full)}"
            + (
                f", as many random ones {percent(c.random)} (gap {_between(c.gap_interval)})."
                if found.beats
                else "."
            )
        )
    said.append(f"Expected regret, what the best rule would gain over this one: {percent(found.regret)}.")
    return " ".join(said)


def kept(keep: np.ndarray, reasons: list[str]) -> str:
    """The keep list."""
    heads = [why.split(":")[0].split(",")[0].split(" of row")[0].split(";")[0] for why in reasons]
    names, counts = np.unique(heads, return_counts=True)
    order = np.argsort(-counts)
    parts = ", ".join(f"{names[i]} {counts[i]:,}" for i in order)
    return f"keep.csv keeps {int(keep.sum()):,} of {len(keep):,} rows. A reason stands beside each: {parts}."
