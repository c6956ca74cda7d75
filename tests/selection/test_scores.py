"""Scores against closed forms, hand counts, brute force and planted truths; bad input gets one sentence."""

import numpy as np
import pytest
from scipy import stats

from labutils.networks import models, training
from labutils.selection import scores

RNG = np.random.default_rng(0)
P = RNG.dirichlet(np.ones(4), (3, 5, 20))  # (runs, T, N, C)
Y = RNG.integers(0, 4, 20)
ONE_HOT = np.eye(4)[Y]


# --- definitions, written out the long way -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("score", "definition"),
    [
        (scores.el2n, lambda p, y: np.linalg.norm(p - np.eye(4)[y])),
        (scores.loss, lambda p, y: -np.log(p[y])),
        (scores.entropy, lambda p, y: stats.entropy(p)),
        (scores.margin, lambda p, y: 1 - (np.sort(p)[-1] - np.sort(p)[-2])),
        (scores.least_confidence, lambda p, y: 1 - max(p)),
        (scores.aum, lambda p, y: max(np.delete(p, y)) - p[y]),
    ],
)
def test_a_score_is_its_definition_averaged_over_leading_axes(score, definition):
    labels = [] if score in (scores.entropy, scores.margin, scores.least_confidence) else [Y]
    expected = [np.mean([definition(p, y) for p in P[:, :, n].reshape(-1, 4)]) for n, y in enumerate(Y)]
    np.testing.assert_allclose(score(P, *labels), expected, rtol=1e-12)
    np.testing.assert_allclose(score(P.astype(np.float32), *labels), expected, rtol=2e-5, atol=1e-6)


def test_harder_is_larger():
    sure, torn, wrong = [0.96, 0.02, 0.02], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1]
    p, y = np.array([sure, torn, wrong]), np.zeros(3, int)
    for score in (scores.el2n, scores.loss, scores.aum):
        assert (np.diff(score(p, y)) > 0).all(), score.__name__
    assert (np.diff(scores.cartography(np.array([p, p]), y).difficulty) > 0).all()
    for score in (scores.entropy, scores.margin, scores.least_confidence):
        assert score(p)[1] == score(p).max() and score(p)[0] == score(p).min(), score.__name__


def test_extremes_are_the_closed_forms():
    certain, uniform = np.eye(4)[[0, 1, 2]], np.full((3, 4), 0.25)
    right, wrong = np.array([0, 1, 2]), np.array([1, 2, 3])
    assert scores.el2n(certain, right) == pytest.approx(0)
    assert scores.el2n(certain, wrong) == pytest.approx(np.sqrt(2))
    assert np.isfinite(scores.loss(certain, wrong)).all() and (scores.loss(certain, right) == 0).all()
    assert scores.entropy(uniform) == pytest.approx(np.log(4))
    assert scores.entropy(certain) == pytest.approx(0)
    assert scores.margin(uniform) == pytest.approx(1)
    assert scores.least_confidence(uniform) == pytest.approx(0.75)


def test_forgetting_counts_by_hand():
    histories = ["0000", "0011", "0101", "1010", "1000", "1111", "0110"]
    correct = np.array([[int(c) for c in h] for h in histories]).T
    assert scores.forgetting(correct).tolist() == [4, 0, 1, 2, 1, 0, 1]
    both = scores.forgetting(np.array([correct, np.ones_like(correct)]))
    assert both.tolist() == [2, 0, 0.5, 1, 0.5, 0, 0.5]


def test_cartography_is_mean_and_deviation_over_time():
    own = (P * ONE_HOT).sum(axis=-1)
    found = scores.cartography(P, Y)
    np.testing.assert_allclose(found.difficulty, 1 - own.mean(axis=(0, 1)))
    np.testing.assert_allclose(found.variability, np.mean([np.std(run, axis=0) for run in own], axis=0))


def test_dual_is_the_loop_over_windows_and_near_zero_for_what_is_always_wrong():
    own = P[:, :, np.arange(20), Y]  # (runs, T, N)
    for window in (2, 3, 5):
        expected = [
            np.mean(
                [
                    (1 - run[t : t + window, n].mean()) * np.std(run[t : t + window, n], ddof=1)
                    for run in own
                    for t in range(5 - window + 1)
                ]
            )
            for n in range(20)
        ]
        np.testing.assert_allclose(scores.dual(P, Y, window=window), expected, rtol=1e-12)
    learnt = np.array(
        [[[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [0.9, 0.1], [1.0, 0.0]]]
    )  # (T, N, C)
    assert scores.dual(learnt, np.zeros(3, int), window=2).argmax() == 1


def test_disagreement_is_mutual_information():
    assert scores.disagreement(np.repeat(P[0, :1], 3, axis=0)) == pytest.approx(0, abs=1e-12)
    split = np.array([np.eye(4)[[0]], np.eye(4)[[1]]])  # two members, each certain of another class: one bit
    assert scores.disagreement(split) == pytest.approx(np.log(2))
    joint = P[0, :, 0] / 5  # of member and class
    independent = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    assert scores.disagreement(P[0])[0] == pytest.approx((joint * np.log(joint / independent)).sum())


# --- memorisation --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("soft", [False, True])
def test_memorisation_is_the_loop(soft):
    rng = np.random.default_rng(1)
    included, correct = rng.random((40, 9)) < 0.7, rng.random((40, 9))
    correct = correct if soft else correct < 0.6
    found = scores.memorisation(correct, included)
    for n in range(9):
        a, b = (correct[inside, n].astype(float) for inside in (included[:, n], ~included[:, n]))
        assert found.values[n] == pytest.approx(a.mean() - b.mean(), abs=1e-6)
        assert found.errors[n] == pytest.approx(
            np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)), abs=1e-6
        )


def test_planted_memorisation_is_found_within_its_errors():
    rng = np.random.default_rng(2)
    truth = np.linspace(0, 0.8, 400)
    included = rng.random((500, 400)) < 0.7
    correct = rng.random((500, 400)) < 0.1 + truth * included
    found = scores.memorisation(correct, included)
    z = (found.values - truth) / found.errors
    assert abs(z.mean()) < 4 / np.sqrt(400) and z.std() == pytest.approx(1, abs=0.15)


# --- gradients -----------------------------------------------------------------------------------------------
def test_grand_averages_models():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((15, 6)).astype(np.float32), rng.integers(0, 4, 15)
    net = models.mlp([6, 8, 4])
    fits = training.fit_many(net, x, y, steps=3, seeds=[0, 1, 2], record=["parameters", "probabilities"])
    each = [
        scores.grand(net, x, y, parameters={k: v[[m]] for k, v in fits.parameters.items()}) for m in range(3)
    ]
    np.testing.assert_allclose(scores.grand(net, x, y, parameters=fits.parameters), np.mean(each, axis=0))


# --- bad input -----------------------------------------------------------------------------------------------
FLAGS = RNG.permuted(np.tile([[True], [False]], (3, 20)), axis=0)  # each example in 3 of 6 models


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: scores.el2n(P * 2, Y), "sum to"),
        (lambda: scores.el2n(P - 0.5, Y), "hold -"),
        (lambda: scores.entropy(np.where(P < 0.9, P, np.nan) * np.nan), "NaN"),
        (lambda: scores.margin(np.ones((5, 1))), "one class"),
        (lambda: scores.loss(P, Y[:-1]), "labels have shape"),
        (lambda: scores.loss(P, Y + 1), "labels run from 1 to 4"),
        (lambda: scores.loss(P, Y - 1), "labels run from -1"),
        (lambda: scores.loss(P, Y.astype(float)), "integers"),
        (lambda: scores.least_confidence(np.ones(3)), "at least one example"),
        (lambda: scores.aum(np.full((2, 20, 4), np.inf), Y), "logits holds NaN"),
        (lambda: scores.forgetting(np.full((3, 4), 0.5)), "other values than 0 and 1"),
        (lambda: scores.forgetting(np.ones(3)), "axes"),
        (lambda: scores.dual(P, Y, window=6), "window is 6"),
        (lambda: scores.forgetting(np.ones((1, 3))), "1 time"),
        (lambda: scores.cartography(P[0, 0], Y), "(T, N, C)"),
        (lambda: scores.disagreement(P[0, 0]), "at least 2 members"),
        (lambda: scores.memorisation(FLAGS, np.ones((6, 20))), "train more models"),
        (lambda: scores.memorisation(FLAGS[:, :5], FLAGS), "both (M, N)"),
        (lambda: scores.memorisation(FLAGS * 2, FLAGS), "allowed: 0 to 1"),
        (lambda: scores.memorisation(FLAGS[:4], FLAGS), "both (M, N)"),
    ],
)
def test_bad_input_is_told_in_one_sentence(call, sentence):
    with pytest.raises(ValueError) as error:
        call()
    assert sentence in str(error.value) and "\n" not in str(error.value)
