"""The ridge probe: against scikit-learn, and against retraining without each row."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import Ridge

from labutils.networks import ridge


def problem(n, d, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    y[:classes] = range(classes)
    return rng.normal(size=(n, d)) + 0.7 * rng.normal(size=(classes, d))[y] + 3, y


def refit(x, y, penalty, n_classes):
    return Ridge(alpha=penalty).fit(x, ridge.targets(y, n_classes))


@pytest.mark.parametrize("shape", [(60, 8), (30, 50), (25, 25)])
def test_is_scikit_learns_ridge_at_the_penalty_chosen(shape):
    x, y = problem(*shape)
    probe, new = ridge.fit(x, y), problem(40, shape[1], seed=1)[0]
    assert np.allclose(probe.predict(new), refit(x, y, probe.penalty, 3).predict(new), atol=1e-8)


@pytest.mark.parametrize("shape", [(40, 6), (24, 40)])
def test_left_out_predictions_are_those_of_retraining(shape):
    x, y = problem(*shape)
    probe = ridge.fit(x, y, penalties=(0.01,))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        expected = refit(x[rest], y[rest], probe.penalty, 3).predict(x[i : i + 1])[0]
        assert np.allclose(probe.left_out[i], expected, atol=1e-8)


@pytest.mark.parametrize("shape", [(40, 6), (24, 40)])
def test_influences_are_those_of_retraining(shape):
    x, y = problem(*shape)
    other, own = problem(33, shape[1], seed=5)
    probe = ridge.fit(x, y, penalties=(0.03,))
    found = ridge.influences(probe, x, y, other, own)

    def loss(model):
        return np.mean(((model.predict(other) - ridge.targets(own, 3)) ** 2).sum(axis=1))

    full = loss(refit(x, y, probe.penalty, 3))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        assert np.isclose(found[i], loss(refit(x[rest], y[rest], probe.penalty, 3)) - full, atol=1e-10)


def test_the_penalty_is_the_one_with_the_least_left_out_error():
    x, y = problem(80, 60)
    alone = {p: ridge.fit(x, y, penalties=(p,)) for p in ridge.PENALTIES}
    wrong = {p: np.mean(probe.left_out.argmax(axis=1) != y) for p, probe in alone.items()}
    chosen = ridge.fit(x, y)
    assert np.mean(chosen.left_out.argmax(axis=1) != y) == min(wrong.values())
    assert chosen.penalty in [probe.penalty for probe in alone.values()]
    square = {p: np.mean((probe.left_out - ridge.targets(y)) ** 2) for p, probe in alone.items()}
    assert ridge.fit(x, y, by="square").penalty == alone[min(square, key=square.get)].penalty


def test_regression_and_classes_that_are_missing():
    x, y = problem(50, 5)
    number = x @ np.arange(5) + 0.1 * np.random.default_rng(0).normal(size=50)
    assert ridge.accuracy(ridge.fit(x, number), x, number) > 0.99
    probe = ridge.fit(x[y < 2], y[y < 2], n_classes=3)
    assert probe.predict(x).shape == (50, 3) and not (probe.predict(x).argmax(axis=1) == 2).any()


def test_cross_fitted_scores_have_not_seen_their_row():
    """On labels that are coin tosses, a probe that had seen the row would do better than chance."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 200)), rng.integers(0, 2, 400)
    scores = ridge.cross_fitted(x, y)
    assert abs(np.mean(ridge.margins(scores, y) > 0) - 0.5) < 0.08
    assert np.mean(ridge.fit(x, y, penalties=(1e-4,)).predict(x).argmax(axis=1) == y) > 0.8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"x": np.ones((3, 2)), "y": np.array([0, 1])}, r"x has shape \(3, 2\), y \(2,\); allowed"),
        ({"x": np.array([[np.nan], [1.0]]), "y": np.array([0, 1])}, "x holds NaN"),
        ({"x": np.eye(2), "y": np.array([0, 1]), "penalties": [0]}, "penalties holds 0; allowed"),
    ],
)
def test_bad_input(arguments, said):
    with pytest.raises(ValueError, match=said):
        ridge.fit(**arguments)


def test_bad_folds():
    with pytest.raises(ValueError, match="folds is 1; allowed: 2 to 3"):
        ridge.cross_fitted(np.eye(3), np.arange(3), folds=1)


def test_sharpness_is_the_best_of_a_fine_grid():
    rng = np.random.default_rng(0)
    y, grid = rng.integers(3, size=200), np.exp(np.linspace(-2, 3, 2001))
    scores = np.eye(3)[y] + rng.normal(0, 0.8, (200, 3))
    loss = [-log_softmax(s * scores, axis=1)[np.arange(200), y].mean() for s in grid]
    assert ridge.sharpness(scores, y, tolerance=1e-5) == pytest.approx(grid[np.argmin(loss)], rel=3e-3)
