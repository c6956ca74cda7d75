from functools import partial

import numpy as np
import pytest
from scipy import stats

from labutils.audit import fewer, learners, more_data, trial
from labutils.book import workers

LINEAR = learners.choose("linear")
RNG = np.random.default_rng(0)


def clouds(n=600, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=n)
    return (
        3 * np.eye(4)[y] @ np.ones((4, 8)) / 2 + 3 * np.eye(8)[y] + noise * rng.standard_normal((n, 8))
    ).astype(np.float32), y


def compared(x, y, **options):
    return fewer.compare(x, y, LINEAR, np.zeros(len(y), bool), n_classes=4, **options)


def test_the_goal_is_a_share_of_what_is_gained_over_guessing():
    x, y = clouds()
    found = compared(x, y)
    guess = np.bincount(y).max() / len(y)
    assert found.goal == pytest.approx(guess + 0.95 * (found.full.mean() - guess))
    assert all(0.02 <= value <= 1 and low <= value <= high for value, (low, high) in found.needed.values())


def test_where_labels_mean_nothing_no_rule_beats_random():
    beats = 0
    for seed in range(6):
        x = np.random.default_rng(seed).standard_normal((400, 6)).astype(np.float32)
        y = np.random.default_rng(seed + 50).integers(4, size=400)
        beats += compared(x, y, seed=seed).beats
    assert beats <= 1


def test_where_most_rows_are_one_heap_covering_beats_random():
    """Nine rows of ten lie in a heap at the centre of their class; the rest, far out, decide the boundary."""
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=1_500)
    heap = rng.random(1_500) < 0.95
    spread = np.where(heap, 0.05, 1.2)[:, None] * rng.standard_normal((1_500, 12))
    x = (np.eye(12)[y] * np.where(heap, 3.0, 1.2)[:, None] + spread).astype(np.float32)
    tricky = ~heap
    x[tricky, 4:8] += 2 * np.eye(4)[y[tricky]]  # what they go by is another set of axes
    found = compared(x, y, share=0.99)
    assert found.beats and found.needed[found.rule][0] < found.needed["random"][0]


def test_what_is_kept_is_chosen_from_clean_rows_and_by_the_rule():
    x, y = clouds()
    flagged = RNG.random(len(y)) < 0.1
    made = fewer.compare(x, y, LINEAR, flagged, n_classes=4)
    rows = fewer.kept_rows(made, x, y, flagged, n_classes=4)
    assert len(rows) == made.n_kept and len(set(rows.tolist())) == len(rows)
    assert not (made.cleaned and flagged[rows].any())


def test_wrong_labels_are_left_out_where_that_helps():
    x, y = clouds(300, noise=2.0)
    wrong = RNG.random(len(y)) < 0.45
    y = np.where(wrong, RNG.integers(4, size=len(y)), y)
    made = fewer.compare(x, y, LINEAR, wrong, n_classes=4)
    assert made.cleaned and made.n_rows == (~wrong).sum()
    gain, (low, high) = made.cleaning
    assert low <= gain <= high


def test_the_expected_score_holds_the_score_on_fresh_rows_nine_times_in_ten():
    held = 0
    for seed in range(30):
        x, y = clouds(900, noise=1.6, seed=seed)
        parts = more_data.splits(300, 5, seed)
        scores = [
            trial.score_of(LINEAR.fit(x[own], y[own], n_classes=4).predict(x[test]), y[test])
            for own, test in parts
        ]
        _, (low, high) = fewer._ahead(np.array(scores), parts, True, 600)
        fresh = trial.score_of(LINEAR.fit(x[:300], y[:300], n_classes=4).predict(x[300:]), y[300:])
        held += low <= fresh <= high
    assert held >= stats.binom.ppf(0.01, 30, 0.9)


def test_the_best_of_many_gains_by_luck_is_believed_less():
    parts = more_data.splits(500, 5, 0)
    luck = {f"rule {i}": 0.01 * RNG.standard_normal((5, 1)) for i in range(12)}
    drawn = fewer._possible(luck, 0, parts, 0)
    best = max(luck, key=lambda name: luck[name].mean())
    assert drawn[best].mean() < luck[best].mean() / 2
    luck["real"] = 0.2 + 0.01 * RNG.standard_normal((5, 1))
    drawn = fewer._possible(luck, 0, parts, 0)
    assert drawn["real"].mean() == pytest.approx(0.2, abs=0.03) and (drawn["real"] > 0).all()


def test_the_expected_share_of_variance_holds_on_fresh_rows_too():
    held = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((500, 6)).astype(np.float32)
        y = (x.sum(axis=1) + 3 * rng.standard_normal(500)).astype(np.float32)
        parts = more_data.splits(300, 3, seed)
        scores = [trial.score_of(LINEAR.fit(x[own], y[own]).predict(x[test]), y[test]) for own, test in parts]
        _, (low, high) = fewer._ahead(np.array(scores), parts, False, 200)
        held += low <= trial.score_of(LINEAR.fit(x[:300], y[:300]).predict(x[300:]), y[300:]) <= high
    assert held >= stats.binom.ppf(0.01, 30, 0.9)


def test_labels_of_rows_that_judge_have_no_say_in_what_is_left_out():
    """With labels that mean nothing, leaving out what contradicts a model of *all* rows seems to help; it can't."""
    leaked, honest = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((300, 10)).astype(np.float32), rng.integers(2, size=300)

        def doubts(rows, x=x, y=y):
            seen = learners.left_out(LINEAR, x[rows], y[rows], n_classes=2, seed=0)
            margin = np.where(y[rows] == 1, 1, -1) * (seen[:, 1] - seen[:, 0])
            return margin < np.quantile(margin, 0.3)

        flagged = doubts(np.arange(300))
        options = {"n_classes": 2, "repeats": 3, "seed": seed}
        leaked.append(fewer.compare(x, y, LINEAR, flagged, **options).cleaning[0])
        honest.append(fewer.compare(x, y, LINEAR, flagged, doubts=doubts, **options).cleaning[0])
    assert np.mean(leaked) > 0.04 and abs(np.mean(honest)) < 0.03, (leaked, honest)


def test_splits_compared_side_by_side_say_the_same():
    x, y = clouds(300)
    alone = compared(x, y, repeats=2)
    beside = compared(x, y, repeats=2, each=partial(workers.each, jobs=2))
    for name in alone.score:
        np.testing.assert_array_equal(alone.score[name], beside.score[name])
    assert (alone.rule, alone.expected) == (beside.rule, beside.expected)
