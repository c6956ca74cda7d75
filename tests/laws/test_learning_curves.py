"""Measured learning curves: nested subsets, repeatable, and at ease with classes that are missing."""

import numpy as np
import pytest

from labutils.laws import learning_curves


def two_blobs(size, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size)
    return rng.standard_normal((size, 2)) + 3 * y[:, None], y


def test_learning_curves_use_nested_subsets_and_repeat():
    train, test = two_blobs(200, 0), two_blobs(500, 1)
    seen = []

    class Recorder:
        def fit(self, x, y):
            seen.append({tuple(row) for row in x})
            return self

        def predict(self, x):
            return np.zeros(len(x))

    error = learning_curves.learning_curve(
        *train, *test, [10, 50, 200], lambda n, seed: Recorder(), n_seeds=2
    )
    assert (error == test[1].mean()).all() and error.shape == (2, 3)
    assert seen[0] < seen[1] < seen[2] and seen[3] < seen[4] and seen[0] != seen[3]
    for learner in learning_curves.LEARNERS:
        curve = learning_curves.learning_curve(*train, *test, [4, 100], learner, n_seeds=2, seed=3)
        assert np.array_equal(
            curve, learning_curves.learning_curve(*train, *test, [4, 100], learner, n_seeds=2, seed=3)
        )
        assert curve[:, 1].max() < 0.1  # 0.017 is possible


def test_one_row_and_missing_classes_are_part_of_life():
    x, y = np.eye(3), np.array([0, 1, 2])
    for learner in learning_curves.LEARNERS:
        errors = learning_curves.learning_curve(x, y, x, y, [1, 2], learner, n_seeds=3)
        assert (errors[:, 0] == 2 / 3).all() and (errors[:, 1] >= 1 / 3).all()


def test_of_a_regression_the_error_is_the_variance_not_explained():
    x, rng = np.random.default_rng(0).standard_normal((600, 2)), np.random.default_rng(1)
    y = x @ [3.0, 4.0] + 5 * rng.standard_normal(600) + 7
    for learner in learning_curves.REGRESSORS:
        curve = learning_curves.learning_curve(
            x[:400], y[:400], x[400:], y[400:], [1, 400], learner, n_seeds=2
        )
        assert (curve[:, 0] >= 1).all() and (curve[:, 1] < 0.8).all()  # one row tells nothing; half is noise
        if learner == "ridge":
            assert abs(curve[:, 1] - 0.5).max() < 0.1


def test_anchors_and_refusals():
    assert learning_curves.anchors(128).tolist() == [16, 23, 32, 45, 64, 91, 128]
    assert learning_curves.anchors(127)[-1] == 91
    with pytest.raises(ValueError, match="Did you mean 'random_forest'"):
        learning_curves.learning_curve(*two_blobs(9, 0), *two_blobs(9, 1), [5], "random_forrest")
    with pytest.raises(ValueError, match="1 to 9 rows"):
        learning_curves.learning_curve(*two_blobs(9, 0), *two_blobs(9, 1), [5, 10], "random_forest")
