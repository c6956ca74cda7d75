import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import RidgeClassifier

from labutils.networks import ridge
from labutils.selection import coresets, pruning, rules
from labutils.selection.gradient_matching import gradient_matching

X, Y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
RULES = rules.prepare(X, Y)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_as_many_different_rows_as_asked(name):
    same = []
    for fraction in (0.1, 0.33, 0.5):
        rows, again = (RULES[name].choose(fraction, seed) for seed in (3, 4))
        assert len(set(rows.tolist())) == len(rows) == round(fraction * len(Y))
        same.append(np.array_equal(np.sort(rows), np.sort(again)))
    assert RULES[name].drawn != all(same)


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("random", "hard", "D2")])
def test_classes_keep_their_shares(name):
    kept = np.bincount(Y[RULES[name].choose(0.3, 0)], minlength=3)
    assert np.abs(kept - 0.3 * np.bincount(Y)).max() <= 1


@pytest.mark.parametrize("name", ["D2", "GradMatch", *rules.CORESETS])
def test_more_than_was_prepared_is_refused(name):
    with pytest.raises(ValueError, match=r"fraction is 0\.7; allowed: up to 0\.5"):
        RULES[name].choose(0.7, 0)


def test_only_some_rules_are_the_same_rules():
    assert tuple(RULES) == rules.NAMES
    some = rules.prepare(X, Y, only=("facility location", "hard"))
    assert set(some) == {"facility location", "hard"}
    for name in some:
        assert some[name].choose(0.2, 0).tolist() == RULES[name].choose(0.2, 0).tolist()
    with pytest.raises(ValueError, match=r"only is 'herdin'; allowed: random, .* Did you mean 'herding'"):
        rules.prepare(X, Y, only=("herdin",))


def test_facility_location_is_that_of_every_class():
    rows = RULES["facility location"].choose(0.2, 0)
    for c in range(3):
        own = np.flatnonzero(c == Y)
        size = (Y[rows] == c).sum()
        want = own[coresets.facility_location(X[own], size, similarity="distance")]
        assert set(rows[Y[rows] == c]) == set(want)


def test_hardness_is_left_out_and_finds_wrong_labels():
    y, wrong = pruning.flip_labels(Y, 0.1, classes=3, seed=1)
    hard = rules.hardness(X, y)
    assert hard[wrong].min() > np.median(hard[~wrong])


def test_influence_is_what_retraining_without_the_row_shows():
    y = Y.copy()
    half = np.random.default_rng(0).permutation(len(y)) < len(y) // 2
    found = rules.influence(X, y)
    x, y, other, y_other = X[half], Y[half], X[~half], Y[~half]
    probe = ridge.fit(x, y)
    error = lambda p: np.mean(((p.predict(other) - ridge.targets(y_other, 3)) ** 2).sum(axis=1))  # noqa: E731
    for i in (0, 7, 31):
        rest = np.arange(len(y)) != i
        own = x[rest]
        centred, t = own - own.mean(axis=0), ridge.targets(y[rest], 3)
        weights = np.linalg.solve(
            centred.T @ centred + probe.penalty * np.eye(13), centred.T @ (t - t.mean(axis=0))
        )
        without = ridge.Probe(weights, t.mean(axis=0) - own.mean(axis=0) @ weights, 0, None, None)
        assert found[np.flatnonzero(half)[i]] == pytest.approx(error(without) - error(probe), rel=1e-6)


def test_gradient_matching_is_that_of_every_class():
    rows = RULES["GradMatch"].choose(0.3, 0)
    scores = ridge.cross_fitted(X, Y)
    for c in range(3):
        own = np.flatnonzero(c == Y)
        axes = (X - X.mean(axis=0)) @ np.linalg.svd(X - X.mean(axis=0))[
            2
        ].T  # another basis, the same products
        gradients = (scores[own, c] - 1)[:, None] * np.column_stack([axes[own], np.ones(len(own))])
        want = own[gradient_matching(gradients, (Y[rows] == c).sum()).indices]
        assert set(rows[Y[rows] == c]) == set(want)


def test_accuracies_are_those_of_a_library_on_the_same_rows():
    parts = [(X[i::4], Y[i::4]) for i in range(4)]
    found = rules.accuracies(RULES["hard"], X, Y, parts, 0.5)
    rows = RULES["hard"].choose(0.5, 0)
    probe = ridge.fit(X[rows], Y[rows], n_classes=3)
    theirs = RidgeClassifier(alpha=probe.penalty).fit(X[rows], Y[rows])
    assert found == pytest.approx([theirs.score(*part) for part in parts])
    random = rules.accuracies(RULES["random"], X, Y, parts, 0.05)
    want = []
    for seed, part in enumerate(parts):
        own = RULES["random"].choose(0.05, seed)
        want.append(ridge.accuracy(ridge.fit(X[own], Y[own], n_classes=3), *part))
    assert random == pytest.approx(want)
