"""How few are enough: every rule against random, chosen on validation rows, confirmed once on the test rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import stats

from labutils import intervals
from labutils.audit import choices, trial
from labutils.audit.confirm import Confirmed
from labutils.audit.learners import Learner
from labutils.audit.more_data import most_rows, splits
from labutils.book import workers
from labutils.selection import keep_curves, pruning

FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
POOL = {False: 10_000, True: 2_000}  # rows that rules choose from, for a learner light or heavy
SURE = 0.95  # chance that a rule beats random, below which it is not recommended
DRAWN = 4_000
FEWEST, PER_CLASS = 20, 3  # rows kept at least, and of every class on average, unless that is most of them
LEVEL = 0.9  # of every interval


@dataclass(frozen=True)
class Fewer:
    """The fourth answer. `score` {rule: (J, F)} on the validation rows of J splits, at `fractions` (F,) of the pool.

    A score is the accuracy, or the share of variance explained. `needed` {rule: (fraction, (low, high))} is the smallest
    part of the rows from which on `share` of what there is to gain over guessing is kept.
    """

    share: float
    guess: float  # score of the commonest class, or of the mean
    full: np.ndarray  # (J,)
    n_pool: int  # rows that rules choose from, of
    n_single: int  # rows that are no copies
    n_rows: int  # rows left when copies (and with `cleaned` likely label errors) are out
    cleaned: bool
    cleaning: tuple[float, tuple[float, float]] | None  # what leaving likely label errors out gains
    fractions: np.ndarray
    score: dict[str, np.ndarray]
    needed: dict[str, tuple[float, tuple[float, float]]]
    seconds: dict[str, float]
    rule: str
    fraction: float  # of the pool
    beats: bool  # whether the rule is better than random for certain
    expected: tuple[
        float, tuple[float, float]
    ]  # score on new rows, and where 90% of such test sets would put it
    regret: float  # what the best rule would gain over this one, as far as can be known
    confirmed: Confirmed | None = None

    @property
    def goal(self) -> float:
        """The score that is enough."""
        return self.guess + self.share * (float(self.full.mean()) - self.guess)

    @property
    def n_kept(self) -> int:
        """Rows to keep."""
        return pruning.n_kept(self.fraction, self.n_pool)


def compare(
    x: np.ndarray,
    y: np.ndarray,
    learner: Learner,
    flagged: np.ndarray,
    *,
    doubts: Callable | None = None,
    n_classes: int = 0,
    share: float = 0.95,
    repeats: int = 5,
    seed: int = 0,
    tick: Callable | None = None,
    each: Callable | None = None,
) -> Fewer:
    """Compare all rules on rows x (N, m), y (N,) without copies, and recommend one: `Fewer`, not yet confirmed.

    In each of `repeats` splits the rules choose from at most 10,000 of the rows to learn from (2,000 for a heavy learner),
    and the rest judge. `flagged` (N,) are likely label errors: left out if that does not lower the score, which is tried
    with `doubts(rows)`, a mask of those that the labels of these rows alone make doubtful (default: `flagged[rows]`; found
    with the labels of the rows that judge, it would promise too much). A rule is recommended
    over random only where its gain at equal size is above zero with a chance of 95%. `tick()` after every split; `each`
    is `book.workers.each`, with its options set, for splits side by side.
    """
    pool, full, gain = POOL[learner.heavy], [], []
    parts = splits(len(y), repeats, seed)
    learning = [own[: max(pool, most_rows(x, learner))] for own, _ in parts]
    sound = [~(flagged[own] if doubts is None else doubts(own)) for own in learning]
    guess = float(np.bincount(y).max() / len(y)) if n_classes else 0.0
    for own, (_, held), fine in zip(learning, parts, sound):
        some = own[: most_rows(x, learner)]
        clean = some[fine[: len(some)]]
        learnt = partial(trial.learnt, learner, x, y, x[held], y[held], n_classes, seed)
        full.append(learnt(some))
        if flagged.any() and _enough(y, clean, n_classes):
            gain.append(learnt(clean) - full[-1])
    cleaned = bool(gain) and len(gain) == repeats and np.mean(gain) >= 0
    choosing = [own[fine] if cleaned else own for own, fine in zip(learning, sound)]
    size = min(pool, *map(len, choosing))
    fewest = min(max(FEWEST, PER_CLASS * n_classes), 0.3 * size)
    fractions = np.array([f for f in FRACTIONS if f * size >= fewest])
    tasks = [
        trial.Split(
            x[own[:pool]], y[own[:pool]], x[held], y[held], learner, fractions, n_classes, (seed, repeat)
        )
        for repeat, (own, (_, held)) in enumerate(zip(choosing, parts))
    ]
    found = {}
    for place, outcome in (each or workers.each)(trial.judge, tasks):
        found[place] = outcome
        if tick:
            tick()
    if failed := [outcome for outcome in found.values() if isinstance(outcome, Exception)]:
        raise failed[0]
    judged = [found[place] for place in range(repeats)]
    score = {name: np.array([rules[name][0] for rules in judged]) for name in judged[0]}
    seconds = {name: float(np.mean([rules[name][1] for rules in judged])) for name in judged[0]}
    n_rows = int(len(y) - (flagged.sum() if cleaned else 0))
    made = Fewer(
        share=share,
        guess=guess,
        full=np.array(full),
        n_pool=min(pool, n_rows),
        n_single=len(y),
        n_rows=n_rows,
        cleaned=cleaned,
        cleaning=intervals.estimate(gain, level=LEVEL, shared=_shared(parts))
        if len(gain) == repeats
        else None,
        fractions=fractions,
        score=score,
        needed={},
        seconds=seconds,
        rule="random",
        fraction=1.0,
        beats=False,
        expected=(0.0, (0.0, 0.0)),
        regret=0.0,
    )
    return _recommend(replace(made, needed=_needed(made, seed)), parts, n_classes, seed)


def _enough(y, rows, n_classes):
    return len(rows) > 1 and (not n_classes or len(np.unique(y[rows])) == len(np.unique(y)))


def _shared(parts):
    """Rows that judge over rows learnt from: by so much runs on splits of the same rows depend on each other."""
    own, held = parts[0]
    return len(held) / len(own)


def _needed(made, seed):
    """The smallest fraction for every rule with a bootstrap interval over splits."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(made.full), size=(200, len(made.full)))

    def smallest(values, full):
        return keep_curves.smallest_fraction(
            made.fractions, values.mean(axis=0) - made.guess, full.mean() - made.guess, share=made.share
        )

    found = {}
    for name, values in made.score.items():
        draws = [smallest(values[pick], made.full[pick]) for pick in picks]
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        best = smallest(values, made.full)
        found[name] = best, (float(min(low, best)), float(max(high, best)))
    return found


def _recommend(made, parts, n_classes, seed):
    """The rule that needs fewest rows of those that beat random for certain at that size, or random."""
    gaps = {name: values - made.score["random"] for name, values in made.score.items() if name != "random"}
    needed = made.needed["random"][0]
    better = []
    for name in gaps:
        fraction = made.needed[name][0]
        if fraction < needed:
            chance = float((_possible(gaps, _place(made, fraction), parts, seed)[name] > 0).mean())
            if chance >= SURE:
                better.append((fraction, made.seconds[name], name))
    fraction, _, rule = min(better) if better else (needed, 0, "random")
    drawn = _possible(gaps, _place(made, fraction), parts, seed)
    best = np.max([np.zeros(DRAWN), *drawn.values()], axis=0)
    regret = float(np.mean(best - drawn.get(rule, 0.0)))
    found = replace(made, rule=rule, fraction=float(fraction), beats=rule != "random", regret=regret)
    return replace(found, expected=_ahead(_values(found), parts, n_classes))


def _place(made, fraction):
    """The first of the fractions measured that is not below this one."""
    return min(np.searchsorted(made.fractions, fraction - 1e-9), len(made.fractions) - 1)


def _possible(gaps, at, parts, seed):
    """What each rule may gain over random at one size, by what the splits can tell: {rule: draws (DRAWN,)}.

    The gains of all rules are normal about zero with the spread that is left when the errors of measurement are taken
    off, and each is drawn from what its own leaves possible (empirical Bayes): the best of many is believed less. Errors
    are those of splits that share rows (Nadeau & Bengio 2003), their variance shrunk to the median rule's as if by three
    more splits.
    """
    values = np.array([gap[:, at] for gap in gaps.values()])  # (R, J)
    mean, variance, more = values.mean(axis=1), values.var(axis=1, ddof=1), values.shape[1] - 1
    variance = (3 * np.median(variance) + more * variance) / (3 + more)
    error = np.maximum(variance * (1 / len(parts) + _shared(parts)), 1e-12)
    spread = max(float(np.mean(mean**2 - error)), 0.0)
    weight = spread / (spread + error)
    noise = np.random.default_rng(seed).standard_t(3 + more, (len(mean), DRAWN))
    drawn = (weight * mean)[:, None] + np.sqrt(weight * error)[:, None] * noise
    return dict(zip(gaps, drawn))


def _values(made):
    """The scores (J,) of what is recommended, between the sizes measured by interpolation."""
    if made.fraction == 1:
        return made.full
    at = np.log(max(made.fraction, made.fractions[0]))
    return np.array([np.interp(at, np.log(made.fractions), row) for row in made.score[made.rule]])


def _ahead(values, parts, n_classes, n_test=None):
    """The score on new rows and a 90% interval for what `n_test` of them would show (default: as many as judged)."""
    mean, variance, held = float(values.mean()), float(values.var(ddof=1)), len(parts[0][1])
    n_test = n_test or held
    if n_classes:
        chance = max(mean * (1 - mean), 0.5 / held) / held
    else:  # of an explained variance: Olkin & Finn 1995
        chance = max(4 * max(mean, 0.0) * (1 - mean) ** 2, 0.5 / held) / held
    variance = max(variance, chance)
    total = variance * (1 / len(parts) + _shared(parts)) + max(variance - chance, 0) + chance * held / n_test
    reach = stats.t.ppf((1 + LEVEL) / 2, 2 * len(values) - 1) * np.sqrt(total)
    return mean, (mean - float(reach), min(mean + float(reach), 1.0))


def confirmed(made: Fewer, found: Confirmed) -> Fewer:
    """The recommendation with what the test rows said, and what was to be expected of so many of them."""
    parts = splits(made.n_single, len(made.full), 0)
    expected = _ahead(_values(made), parts, made.guess > 0, found.n_test)
    return replace(made, confirmed=found, expected=expected)


def kept_rows(
    made: Fewer, x: np.ndarray, y: np.ndarray, flagged: np.ndarray, *, n_classes: int, seed: int = 0
) -> np.ndarray:
    """The rows (n_kept,) of x (N, m) that the recommendation keeps, sorted: chosen from a random pool of what is clean."""
    rows = np.flatnonzero(~flagged) if made.cleaned else np.arange(len(y))
    rows = np.random.default_rng(seed).permutation(rows)[: made.n_pool]
    if made.fraction == 1:
        return np.sort(rows) if made.n_pool == made.n_rows else np.arange(len(y))
    if made.rule == "random":
        return np.sort(rows[: made.n_kept])
    table = choices.prepare(
        x[rows],
        y[rows],
        n_classes=n_classes,
        largest=max(made.fraction, 2 / len(rows)),
        seed=seed,
        only=made.rule,
    )
    return np.sort(rows[table[made.rule].choose(made.fraction, seed)])
