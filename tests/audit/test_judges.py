import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_ridge import KernelRidge
from sklearn.neighbors import KNeighborsClassifier

from labutils.audit import judges, learners

X, Y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


def test_a_kernel_machine_says_what_kernel_ridge_says_without_the_row():
    machine = judges.Kernel().fit(X, Y, n_classes=3)
    made = np.exp(-judges._apart(X, machine.landmarks) / machine.width) @ machine.axes
    kernel = np.exp(-judges._apart(X, X) / machine.width)
    assert np.allclose(made @ made.T, kernel, atol=1e-5)  # as many landmarks as rows: nothing is lost
    assert machine.width == pytest.approx(np.median(judges._apart(X, X)))
    for i in (0, 60, 130):
        rest = np.arange(len(Y)) != i
        centred = made - made[rest].mean(axis=0)
        one_hot = np.eye(3)[Y]
        middle = one_hot[rest].mean(axis=0)
        theirs = KernelRidge(alpha=machine.probe.penalty, kernel="linear").fit(
            centred[rest], one_hot[rest] - middle
        )
        assert np.allclose(machine.left_out[i], theirs.predict(centred[[i]])[0] + middle, atol=1e-4)
    assert np.allclose(machine.predict(X), machine.probe.predict(made))


def test_it_knows_more_than_a_line_where_classes_are_round():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 4)).astype(np.float32)
    y = (np.linalg.norm(x, axis=1) > 1.8).astype(int)
    said = learners.left_out(judges.Kernel(), x, y, n_classes=2)
    line = learners.left_out(learners.choose("linear"), x, y, n_classes=2)
    assert (said.argmax(axis=1) == y).mean() > 0.9 > (line.argmax(axis=1) == y).mean()


def test_votes_are_those_of_ten_neighbours_without_the_row():
    found = judges.votes(X.astype(np.float32), Y, 3)
    for i in (0, 60, 130):
        rest = np.arange(len(Y)) != i
        theirs = KNeighborsClassifier(10).fit(X[rest], Y[rest]).predict_proba(X[[i]])[0]
        assert np.allclose(found[i], theirs, atol=1e-6)
    assert judges.votes(X[:4].astype(np.float32), Y[:4], 3).shape == (4, 3)  # fewer than ten others


def test_gaussians_are_those_of_discriminant_analysis():
    x, y = load_digits(return_X_y=True)
    scores = learners.left_out(judges.Kernel(), x / 16, y, n_classes=10)
    ours = judges.as_gaussians(scores, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", priors=np.full(10, 0.1)).fit(scores[:, :9], y)
    apart = theirs.decision_function(scores[:, :9])
    assert (ours.argmax(axis=1) == apart.argmax(axis=1)).mean() > 0.99
    mine, other = ours - ours.mean(axis=1, keepdims=True), apart - apart.mean(axis=1, keepdims=True)
    assert np.corrcoef(mine.ravel(), other.ravel())[0, 1] > 0.99


def test_no_judge_has_seen_the_label_of_the_row_that_it_judges():
    """A detector: with labels drawn at random nobody is right more often than by guessing."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((900, 30)).astype(np.float32), rng.integers(3, size=900)
    said = learners.left_out(learners.choose("linear"), x, y, n_classes=3)
    for judge in judges.judge(x, y, said, n_classes=3):
        assert judge.shape == (900, 3) and (judge.argmax(axis=1) == y).mean() < 1 / 3 + 0.05


def test_many_rows_are_judged_in_folds(monkeypatch):
    monkeypatch.setattr(judges, "MOST", 80)
    said = judges.judge(X.astype(np.float32), Y, np.zeros((len(Y), 3), np.float32), n_classes=3)[1]
    assert (said.argmax(axis=1) == Y).mean() > 0.9
