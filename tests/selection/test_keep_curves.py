"""What subsets are worth: curves against one model after the other, fractions against closed forms, fair pilot runs."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from labutils import data
from labutils.networks import models, ridge, training
from labutils.selection import keep_curves, pruning

SCORES = np.random.default_rng(0).normal(size=200)


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


def small():
    d = data.load("digits", max_train=200)
    return d, models.mlp([64, 16, 10]), {"steps": 30, "batch_size": 32, "learning_rate": 1e-2}


def test_keep_curve_is_what_one_model_after_the_other_gives():
    d, net, options = small()
    choosers = {
        "hard": lambda f, s: pruning.select(np.arange(200), f),
        "random": lambda f, s: pruning.select(np.arange(200), f, prefer="random", seed=s),
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


def learner(x, y):
    """A ridge probe as a pilot run trains it, and a list of the rows that it was given."""
    seen = []

    def learn(rows, held, seed):
        seen.append((rows, held))
        return ridge.accuracy(ridge.fit(x[rows], y[rows], n_classes=10), x[held], y[held])

    return learn, seen


def test_pilot_run_prefers_what_works_and_never_trains_on_rows_it_is_judged_by():
    d, _, _ = small()
    learn, seen = learner(d.x_train, d.y_train)
    one_class = np.flatnonzero(d.y_train == 0)
    choosers = {"zeros": lambda f, s: one_class, "all": lambda f, s: np.arange(200)}
    best, means = keep_curves.pilot_run(learn, 200, choosers, 0.5, n_seeds=2)
    assert best == "all"
    assert means["zeros"] < 0.3 < means["all"] < 1
    assert all(len(held) == 50 and not np.isin(rows, held).any() for rows, held in seen)


def test_pilot_run_judges_by_as_many_rows_as_will_be_kept():
    d, _, _ = small()
    learn, seen = learner(d.x_train, d.y_train)
    choose = lambda f, s: pruning.select(SCORES, f, prefer="random", seed=s)  # noqa: E731
    _, means = keep_curves.pilot_run(learn, 200, {"random": choose}, 0.3, n_seeds=4, seed=7)
    assert (
        abs(np.mean([len(rows) for rows, _ in seen]) - 60) < 6
    )  # 45 would count of the 60 that 0.3 asks for
    held = np.random.default_rng(7).permutation(200)[:50]
    by_hand = [np.setdiff1d(choose(0.4, s), held) for s in range(7, 11)]
    assert means["random"] == pytest.approx(np.mean([learn(rows, held, 0) for rows in by_hand]))


def test_pilot_run_refuses_a_fraction_at_which_all_methods_are_the_same():
    with pytest.raises(ValueError, match=r"fraction is 0.8.*above 0 to 0.75"):
        keep_curves.pilot_run(None, 200, {}, 0.8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: keep_curves.smallest_fraction([0.5, 0.1], [1, 1], 1), "rising"),
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
