import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_diabetes, load_wine

from labutils.audit import examples, learners
from labutils.networks import ridge

X, Y = load_wine(return_X_y=True)
X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
LINEAR = learners.choose("linear")


def scored(x, y, classes, **options):
    left_out = learners.left_out(LINEAR, x, y, n_classes=classes)
    p = learners.probabilities(left_out, y) if classes else None
    return left_out, examples.score(x, y, left_out, p, **options)


def test_hardness_is_largest_where_the_learner_is_wrong():
    left_out, found = scored(X, Y, 3)
    wrong = left_out.argmax(axis=1) != Y
    assert (found.hardness[wrong] > 0).all() and (found.hardness[~wrong] <= 0).all()
    assert np.array_equal(found.hardness, -ridge.margins(left_out, Y))


def test_all_scores_are_there_agree_with_scipy_and_cost_something():
    _, found = scored(X, Y, 3)
    assert {"hardness", "influence", "leverage", "density", "kNN Shapley", "class prototypes"} <= set(
        found.scores
    )
    assert set(found.seconds) == set(found.scores)
    a, b = found.names.index("hardness"), found.names.index("density")
    assert found.agreement[a, b] == pytest.approx(
        stats.spearmanr(found.scores["hardness"], found.scores["density"]).statistic
    )


def test_things_are_one_for_copies_and_as_many_as_there_are_without_any_relation():
    assert examples.things(np.ones((5, 5))) == pytest.approx(1, abs=1e-3)
    assert examples.things(np.eye(4)) == pytest.approx(4)
    assert examples.things(np.kron(np.eye(2), np.ones((3, 3)))) == pytest.approx(2, abs=1e-3)


def test_numbers_to_predict_and_samples():
    x, y = load_diabetes(return_X_y=True)
    y = y.astype(np.float32)
    left_out, found = scored((x / x.std(axis=0)).astype(np.float32), y, 0, most=100)
    assert np.allclose(found.hardness, np.abs(left_out[:, 0] - y)) and len(found.hardness) == len(y)
    assert len(found.rows) == 100 and all(len(v) == 100 for v in found.scores.values())
    best, worst = found.ends("influence", 5)
    at = {row: i for i, row in enumerate(found.rows.tolist())}
    value = found.scores["influence"]
    assert min(value[at[i]] for i in best) > max(value[at[i]] for i in worst)


def test_a_class_of_one_row_is_no_obstacle():
    y = Y.copy()
    y[0] = 3
    _, found = scored(X, y, 4)
    assert "class prototypes" not in found.scores and "density" in found.scores
