"""Subsets hold what their rules say, against brute force; masks, wrong labels and risks against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from labutils.selection import pruning

SCORES = np.random.default_rng(0).normal(size=200)
LABELS = np.random.default_rng(1).choice(3, 200, p=[0.6, 0.3, 0.1])


@pytest.mark.parametrize("fraction", [0.005, 0.1, 0.5, 1.0])
def test_select_takes_the_ends_and_the_middle_of_the_order(fraction):
    size, order = max(1, round(200 * fraction)), np.argsort(SCORES)
    assert np.array_equal(pruning.select(SCORES, fraction), np.sort(order[-size:]))
    assert np.array_equal(pruning.select(SCORES, fraction, prefer="easy"), np.sort(order[:size]))
    off = np.abs(SCORES - np.median(SCORES))
    middle = pruning.select(SCORES, fraction, prefer="middle")
    assert off[middle].max() <= np.delete(off, middle).min(initial=np.inf)
    assert len(pruning.select(SCORES, fraction, prefer="random", seed=3)) == size


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_class_shares_are_kept_to_within_one_row(seed, fraction, classes):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(classes, size=97), rng.integers(4, size=97)
    for rows in (
        pruning.select(scores, fraction, labels=labels, seed=seed),
        pruning.coverage(scores, fraction, labels=labels, bins=3, seed=seed),
    ):
        assert len(rows) == len(set(rows)) == max(1, round(97 * fraction))
        for c in range(classes):
            assert (
                abs((labels[rows] == c).sum() - fraction * (labels == c).sum()) < 1.5
            )  # 1 + rounding of the sum


def test_ties_and_random_choices_follow_the_seed_alone():
    tied = np.zeros(200)
    a, b, c = (pruning.select(tied, 0.3, seed=s) for s in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    often = np.mean([np.isin(np.arange(200), pruning.select(tied, 0.3, seed=s)) for s in range(400)], axis=0)
    assert abs(often - 0.3).max() < 5 * np.sqrt(0.21 / 400)


def budgets(counts, size):
    """Algorithm 1 of Zheng et al. with whole numbers: the emptiest stratum first, an even share of what is left."""
    taken, left, strata = {}, size, dict(enumerate(counts))
    while strata:
        s = min(strata, key=strata.get)
        taken[s] = min(strata[s], -(-left // len(strata)))
        left -= taken[s]
        del strata[s]
    return sorted(taken.values())


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.6, 1.0])
def test_coverage_shares_the_budget_out_over_the_strata(fraction):
    rows = pruning.coverage(SCORES, fraction, bins=6, mislabelled=0.1)
    size = round(200 * fraction)
    assert len(rows) == len(set(rows)) == size
    pool = np.sort(SCORES)[: 200 - min(20, 200 - size)]
    assert SCORES[rows].max() <= pool[-1]
    edges = np.linspace(pool[0], pool[-1], 7)
    counts = np.histogram(pool, edges)[0]
    taken = np.histogram(SCORES[rows], edges)[0]
    assert sorted(taken[counts > 0]) == budgets(counts[counts > 0], size)


def test_coverage_of_one_score_for_all_is_a_random_choice():
    rows = pruning.coverage(np.ones(50), 0.2, seed=1)
    assert len(rows) == 10
    assert not np.array_equal(rows, pruning.coverage(np.ones(50), 0.2, seed=2))


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99))
@settings(max_examples=40, deadline=None)
def test_flipped_labels_are_as_many_as_asked_and_all_wrong(seed, share):
    y = np.random.default_rng(seed).integers(4, size=60)
    noisy, flipped = pruning.flip_labels(y, share, classes=4, seed=seed)
    assert flipped.sum() == round(share * 60)
    assert np.array_equal(noisy != y, flipped)
    assert set(noisy) <= set(range(4))


def test_flips_reach_every_other_class_alike():
    noisy, flipped = pruning.flip_labels(np.zeros(40_000, int), 0.9, classes=5)
    assert stats.chisquare(np.bincount(noisy[flipped], minlength=5)[1:]).pvalue > 1e-4


def test_flips_go_where_they_are_told():
    y = np.random.default_rng(0).integers(4, size=60)
    noisy, flipped = pruning.flip_labels(y, 0.2, others=(y + 1) % 4, seed=3)
    assert np.array_equal(noisy, np.where(flipped, (y + 1) % 4, y)) and flipped.sum() == 12
    with pytest.raises(ValueError, match="each another class"):
        pruning.flip_labels(y, 0.2, others=y)


def test_classes_keep_their_shares_of_any_size():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    rows = pruning.by_class(lambda rows, size: rows[:size], 11, 100, labels)
    assert np.bincount(labels[rows]).tolist() == [6, 3, 2] or np.bincount(labels[rows]).tolist() == [5, 4, 2]
    assert pruning.by_class(lambda rows, size: rows[-size:], 3, 9).tolist() == [6, 7, 8]


@pytest.mark.parametrize("k", [2, 3, 5])
def test_leave_out_is_cross_validation_for_a_share_of_one_over_k(k):
    mask = pruning.leave_out(101, 4 * k, share=1 / k)
    assert ((~mask).sum(axis=0) == 4).all()
    assert np.ptp(mask.sum(axis=1)) <= 1


def test_leave_out_serves_every_example_nearly_alike():
    mask = pruning.leave_out(100, 300, share=0.3)
    assert (mask.sum(axis=1) == 70).all()
    assert (~mask).sum(axis=0).min() > 70  # at most one in each of 100 orders, 90 on average
    assert not np.array_equal(mask, pruning.leave_out(100, 300, share=0.3, seed=1))


def test_left_out_risk_finds_the_chance_of_a_normal_margin():
    rng = np.random.default_rng(0)
    mean = np.linspace(-2, 2, 9)
    logits = np.zeros((4000, 9, 3))
    logits[:, :, 0] = mean + rng.normal(size=(4000, 9))
    logits[:, :, 2] = -50
    included = pruning.leave_out(9, 4000, share=0.5)
    poisoned = np.where(included[..., None], 1e6, logits)  # what a model has seen must not count
    risk = pruning.left_out_risk(poisoned, np.zeros(9, int), included)
    assert np.abs(risk - stats.norm.cdf(-mean)).max() < 0.02
    assert (pruning.left_out_risk(logits, np.zeros(9, int), included, resolution=0.2)[mean > 1] == 0).all()


def test_left_out_risk_of_few_models_foretells_errors_better_than_counting_them():
    rng = np.random.default_rng(1)
    mean = rng.normal(1.5, 1, size=400)
    logits = np.stack([mean + rng.normal(size=(10, 400)), np.zeros((10, 400))], axis=-1)
    included, labels = pruning.leave_out(400, 10, share=0.5), np.zeros(400, int)
    risk = pruning.left_out_risk(logits, labels, included)
    counted = ((logits[..., 0] < 0) & ~included).sum(axis=0) / (~included).sum(axis=0)
    truth = stats.norm.cdf(-mean)
    assert ((risk - truth) ** 2).mean() < 0.7 * ((counted - truth) ** 2).mean()


def test_agreement_is_spearmans():
    scores = {"a": SCORES, "b": SCORES**2, "c": LABELS.astype(float)}
    expected = stats.spearmanr(np.array(list(scores.values())).T).statistic
    assert np.allclose(pruning.agreement(scores), expected)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pruning.select(SCORES, 0), "fraction is 0; allowed"),
        (lambda: pruning.select(SCORES, 1.2), "fraction is 1.2; allowed"),
        (lambda: pruning.select([1, np.nan], 0.5), "finite"),
        (lambda: pruning.select(SCORES[None], 0.5), "shape"),
        (lambda: pruning.select(SCORES, 0.5, prefer="hardest"), "Did you mean 'hard'"),
        (lambda: pruning.select(SCORES, 0.5, labels=LABELS[:5]), "one for each score"),
        (lambda: pruning.coverage(SCORES, 0.5, mislabelled=1), "mislabelled is 1; allowed"),
        (lambda: pruning.coverage(SCORES, 0.5, bins=0), "bins is 0; allowed"),
        (lambda: pruning.flip_labels([0, 1], 1), "share is 1"),
        (lambda: pruning.flip_labels([0, 0], 0.5), "at least 2 classes"),
        (lambda: pruning.leave_out(10, 3, share=0.7), "share is 0.7"),
        (lambda: pruning.leave_out(10, 3, share=0.01), "at least one example"),
        (lambda: pruning.left_out_risk(np.zeros((2, 3, 2)), [0, 0, 0], np.ones((2, 3))), "fewer than 2"),
        (lambda: pruning.left_out_risk(np.zeros((2, 3)), [0, 0, 0], np.ones((2, 3))), "allowed: (M, N, C)"),
        (lambda: pruning.agreement({"a": [1, 1], "b": [1, 2]}), "two different values"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert words in str(error.value)
