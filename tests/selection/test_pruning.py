"""Subsets hold what their rules say, against brute force; curves and fractions against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.ensemble import RandomForestClassifier

from labutils import data
from labutils.networks import models, training
from labutils.selection import keep_curves, pruning, scores

SCORES = np.random.default_rng(0).normal(size=200)
LABELS = np.random.default_rng(1).choice(3, 200, p=[0.6, 0.3, 0.1])


@pytest.mark.parametrize("fraction", [0.005, 0.1, 0.5, 1.0])
def test_keep_takes_the_ends_and_the_middle_of_the_order(fraction):
    size, order = max(1, round(200 * fraction)), np.argsort(SCORES)
    assert np.array_equal(pruning.keep(SCORES, fraction), np.sort(order[-size:]))
    assert np.array_equal(pruning.keep(SCORES, fraction, prefer="easy"), np.sort(order[:size]))
    off = np.abs(SCORES - np.median(SCORES))
    middle = pruning.keep(SCORES, fraction, prefer="middle")
    assert off[middle].max() <= np.delete(off, middle).min(initial=np.inf)
    assert len(pruning.keep(SCORES, fraction, prefer="random", seed=3)) == size


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_class_shares_are_kept_to_within_one_row(seed, fraction, classes):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(classes, size=97), rng.integers(4, size=97)
    for rows in (
        pruning.keep(scores, fraction, labels=labels, seed=seed),
        pruning.coverage(scores, fraction, labels=labels, bins=3, seed=seed),
    ):
        assert len(rows) == len(set(rows)) == max(1, round(97 * fraction))
        for c in range(classes):
            assert (
                abs((labels[rows] == c).sum() - fraction * (labels == c).sum()) < 1.5
            )  # 1 + rounding of the sum


def test_ties_and_random_choices_follow_the_seed_alone():
    tied = np.zeros(200)
    a, b, c = (pruning.keep(tied, 0.3, seed=s) for s in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    often = np.mean([np.isin(np.arange(200), pruning.keep(tied, 0.3, seed=s)) for s in range(400)], axis=0)
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


def test_smallest_fraction_inverts_a_curve_that_is_straight_in_the_logarithm():
    f = np.array([0.05, 0.1, 0.3, 1.0])
    curve = 0.9 + 0.1 * np.log10(f)
    for share in (0.9, 0.95, 0.99):
        expected = 10 ** ((share * 0.9 - 0.9) / 0.1)
        assert keep_curves.smallest_fraction(f, curve, 0.9, share=share) == pytest.approx(expected)
    assert keep_curves.smallest_fraction(f, np.ones(4), 1.0) == 0.05
    assert keep_curves.smallest_fraction(f, np.zeros(4), 1.0) == 1.0
    dip = np.array([0.99, 0.5, 0.96, 1.0])  # enough at first, but not for good
    assert 0.1 < keep_curves.smallest_fraction(f, dip, 1.0) < 0.3


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


def small():
    d = data.load("digits", max_train=200)
    return d, models.mlp([64, 16, 10]), {"steps": 30, "batch_size": 32, "learning_rate": 1e-2}


def test_keep_curve_is_what_one_model_after_the_other_gives():
    d, net, options = small()
    choosers = {
        "hard": lambda f, s: pruning.keep(np.arange(200), f),
        "random": lambda f, s: pruning.keep(np.arange(200), f, prefer="random", seed=s),
    }
    test = {"x_test": d.x_test, "y_test": d.y_test}
    curves = keep_curves.keep_curve(
        net, d.x_train, d.y_train, choosers, [0.2, 1.0, 0.5], seeds=[3, 4], **test, **options
    )
    for name, choose in choosers.items():
        for s, seed in enumerate((3, 4)):
            for f, fraction in enumerate((0.2, 1.0, 0.5)):
                rows = choose(fraction, seed)
                one = training.fit_many(
                    net, d.x_train, d.y_train, included=[rows], seeds=[seed], **test, **options
                )
                assert curves.accuracy[name][s, f] == pytest.approx(one.test_accuracy[0], abs=0.01)
    assert np.array_equal(curves.full, curves.accuracy["hard"][:, 1])


def test_score_all_gives_every_score_and_the_price_of_what_it_needs():
    d, net, options = small()
    found, cost = pruning.score_all(net, d.x_train, d.y_train, members=6, seed=5, **options)
    assert set(found) == set(cost)
    assert all(values.shape == (200,) and np.isfinite(values).all() for values in found.values())
    assert min(cost.values()) >= 0
    assert cost["EL2N early"] < cost["forgetting"]  # a fifth of the updates, and no history
    again, _ = pruning.score_all(net, d.x_train, d.y_train, members=6, seed=5, **options)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    options["seeds"] = 5 + np.arange(6)
    runs = training.fit_many(net, d.x_train, d.y_train, record="probabilities", **options)
    assert np.allclose(found["EL2N"], scores.el2n(runs.probabilities, d.y_train))


def test_wrong_labels_come_out_harder_by_six_scores_that_read_them():
    d, net, options = small()
    y, wrong = pruning.flip_labels(d.y_train, 0.1, classes=10, seed=2)
    found, _ = pruning.score_all(net, d.x_train, y, members=6, **options)
    for name in ("class prototypes", "kNN Shapley", "EL2N early", "AUM", "difficulty", "left-out loss"):
        assert found[name][wrong].mean() > found[name][~wrong].mean() + found[name].std() / 2, name


def test_transfer_trains_networks_and_forests_on_the_same_rows():
    d, net, options = small()
    subsets = [np.arange(100), np.flatnonzero(d.y_train < 5)]
    learners = {"MLP": net, "random forest": lambda seed: RandomForestClassifier(20, random_state=seed)}
    found = keep_curves.transfer(
        learners, subsets, d.x_train, d.y_train, x_test=d.x_test, y_test=d.y_test, seeds=[0, 1], **options
    )
    limit = (d.y_test < 5).mean()  # nobody can name a digit it has never seen
    for accuracy in found.values():
        assert accuracy[1] <= limit < accuracy[0] + 0.4
        assert accuracy.min() > 0.3


def test_audition_prefers_what_works_and_never_scores_rows_it_trained_on():
    d, net, options = small()
    one_class = np.flatnonzero(d.y_train == 0)
    choosers = {"all": lambda f, s: np.arange(200), "zeros": lambda f, s: one_class}
    best, means = keep_curves.audition(net, d.x_train, d.y_train, choosers, 0.5, runs=2, **options)
    assert best == "all"
    assert means["zeros"] < 0.3 < means["all"] < 1


def test_audition_judges_by_as_many_rows_as_will_be_kept():
    d, net, options = small()
    x, y = d.x_train, d.y_train
    held = np.isin(np.arange(200), np.random.default_rng(7).permutation(200)[:50])
    sizes = {}

    def choose(f, s):
        rows = pruning.keep(SCORES, f, prefer="random", seed=s)
        sizes[s] = (~held[rows]).sum()
        return rows

    _, means = keep_curves.audition(net, x, y, {"random": choose}, 0.3, runs=4, seed=7, **options)
    assert abs(np.mean(list(sizes.values())) - 60) < 6  # 45 would count of the 60 rows that 0.3 asks for
    by_hand = [
        np.setdiff1d(pruning.keep(SCORES, 0.4, prefer="random", seed=s), np.flatnonzero(held)) for s in sizes
    ]
    settings = options | {"x_test": x[held], "y_test": y[held], "record": "test_accuracy"}
    fits = training.fit_many(net, x, y, included=by_hand, seeds=list(sizes), **settings)
    assert means["random"] == pytest.approx(fits.test_accuracy.mean(), abs=0.011)

    three = {"a": choose, "b": lambda f, s: pruning.keep(SCORES, f), "c": choose}
    best, equal = keep_curves.audition(net, x, y, three, 0.8, runs=2, seed=7, **options)
    assert best == "a" and len(set(equal.values())) == 1  # three quarters of the rows are all there are
    assert sizes[7] == 150


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pruning.keep(SCORES, 0), "fraction is 0; allowed"),
        (lambda: pruning.keep(SCORES, 1.2), "fraction is 1.2; allowed"),
        (lambda: pruning.keep([1, np.nan], 0.5), "finite"),
        (lambda: pruning.keep(SCORES[None], 0.5), "shape"),
        (lambda: pruning.keep(SCORES, 0.5, prefer="hardest"), "Did you mean 'hard'"),
        (lambda: pruning.keep(SCORES, 0.5, labels=LABELS[:5]), "one for each score"),
        (lambda: pruning.coverage(SCORES, 0.5, mislabelled=1), "mislabelled is 1; allowed"),
        (lambda: pruning.coverage(SCORES, 0.5, bins=0), "bins is 0; allowed"),
        (lambda: keep_curves.smallest_fraction([0.5, 0.1], [1, 1], 1), "rising"),
        (lambda: pruning.flip_labels([0, 1], 1), "share is 1"),
        (lambda: pruning.flip_labels([0, 0], 0.5), "at least 2 classes"),
        (lambda: pruning.leave_out(10, 3, share=0.7), "share is 0.7"),
        (lambda: pruning.leave_out(10, 3, share=0.01), "at least one example"),
        (lambda: pruning.left_out_risk(np.zeros((2, 3, 2)), [0, 0, 0], np.ones((2, 3))), "fewer than 2"),
        (lambda: pruning.left_out_risk(np.zeros((2, 3)), [0, 0, 0], np.ones((2, 3))), "allowed: (M, N, C)"),
        (lambda: pruning.agreement({"a": [1, 1], "b": [1, 2]}), "two different values"),
        (lambda: keep_curves.transfer({}, [], None, None, x_test=0, y_test=0, seeds=[]), "subsets is 0"),
        (
            lambda: keep_curves.keep_curve(None, None, None, {}, [2], x_test=0, y_test=0, seeds=[0]),
            "shares in (0, 1]",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError) as error:
        call()
    assert words in str(error.value)
