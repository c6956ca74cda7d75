import numpy as np
import pytest
from scipy import optimize, special
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import Ridge

from labutils.audit import learners

X, Y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.mark.parametrize("name", learners.NAMES)
def test_every_learner_learns_classes_and_numbers(name):
    chosen = learners.choose(name)
    scores = chosen.fit(X[::2], Y[::2], n_classes=3).predict(X[1::2])
    assert scores.shape == (len(X[1::2]), 3)
    assert (learners.named(scores) == Y[1::2]).mean() > 0.9
    number = X[:, 0].astype(np.float32)
    found = learners.choose(name, regression=True).fit(X[::2], number[::2]).predict(X[1::2])[:, 0]
    assert np.corrcoef(found, number[1::2])[0, 1] > 0.8


@pytest.mark.parametrize("name", ["forest", "mlp"])
def test_classes_a_subset_lacks_get_no_chance_and_one_class_alone_is_said(name):
    rows = np.flatnonzero(Y != 1)
    scores = learners.choose(name).fit(X[rows], Y[rows], n_classes=3).predict(X)
    assert scores.shape == (len(X), 3) and (scores[:, 1] == 0).all()
    only = np.flatnonzero(Y == 2)
    assert (learners.choose(name).fit(X[only], Y[only], n_classes=3).predict(X).argmax(axis=1) == 2).all()


def test_left_out_is_what_a_probe_fitted_without_the_row_says():
    chosen = learners.choose("linear")
    found = learners.left_out(chosen, X, Y, n_classes=3)
    penalty = chosen.fit(X, Y, n_classes=3).penalty
    for i in (0, 50, 120):
        rest = np.arange(len(Y)) != i
        probe = Ridge(alpha=penalty).fit(X[rest], np.eye(3)[Y[rest]])
        assert np.allclose(found[i], probe.predict(X[[i]])[0], atol=1e-4)


def test_in_folds_no_row_is_judged_by_a_fit_that_saw_it(monkeypatch):
    monkeypatch.setattr(learners, "EXACT", 100)
    x = np.random.default_rng(0).standard_normal((300, 400))  # by heart the probe knows every label
    y = np.random.default_rng(1).integers(2, size=300)
    scores = learners.left_out(learners.choose("linear"), x, y, n_classes=2)
    assert 0.3 < (scores.argmax(axis=1) == y).mean() < 0.7


def test_the_temperature_is_the_best_one_and_probabilities_stay_as_they_are():
    scores = np.random.default_rng(0).standard_normal((400, 3)) + 2 * np.eye(3)[Y[np.arange(400) % len(Y)]]
    y = Y[np.arange(400) % len(Y)]

    def loss(t):
        return -special.log_softmax(t * scores, axis=1)[np.arange(400), y].mean()

    best = optimize.minimize_scalar(loss, bracket=(0.5, 2)).x
    assert np.allclose(learners.probabilities(scores, y), special.softmax(best * scores, axis=1), atol=1e-3)
    p = special.softmax(scores, axis=1)
    assert learners.probabilities(p, y) is p


def test_the_readers_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from sklearn.naive_bayes import GaussianNB\ndef make(size, seed):\n    return GaussianNB()\nthing = 3\n"
    )
    x, y = load_iris(return_X_y=True)
    scores = learners.choose(f"{path}:make").fit(x, y, n_classes=3).predict(x)
    assert (scores.argmax(axis=1) == y).mean() > 0.9
    with pytest.raises(ValueError, match="no function 'nothing'"):
        learners.choose(f"{path}:nothing")
    with pytest.raises(ValueError, match="no function 'thing'"):
        learners.choose(f"{path}:thing")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        learners.choose("absent.py:make")
    path.write_text("def make(size, seed):\n    return 3\n")
    with pytest.raises(ValueError, match="with fit and predict"):
        learners.choose(f"{path}:make")
    path.write_text("nonsense(")
    with pytest.raises(ValueError, match="can't be read: SyntaxError"):
        learners.choose(f"{path}:make")


def test_a_name_that_is_not_known_names_the_nearest():
    with pytest.raises(
        ValueError, match=r"allowed: linear, forest, mlp, mine\.py:make\. Did you mean 'forest'"
    ):
        learners.choose("florest")
