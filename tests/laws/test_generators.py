"""Generators reproduce what they were fitted to: moments, shifts by hand, and what scikit-learn's PCA finds."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from labutils import data
from labutils.laws import generators


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    x = rng.standard_normal((400, 6)) @ rng.standard_normal((6, 6)) + 5 * y[:, None]
    return x, y


def test_with_all_axes_samples_have_the_moments_of_each_class(rows):
    x, y = rows
    model = generators.fit_factors(x, y, n_axes=6)
    made = model.sample(np.repeat([0, 1], 60_000), seed=1)
    for c in (0, 1):
        own, new = x[y == c], made[np.repeat([0, 1], 60_000) == c]
        assert new.mean(axis=0) == pytest.approx(own.mean(axis=0), abs=0.1)
        assert np.cov(new.T) == pytest.approx(np.cov(own.T, ddof=0), abs=0.25)


@pytest.mark.parametrize("n", [5, 200])  # fewer rows than columns, and more
def test_axes_are_those_of_scikit_learn_and_no_variance_is_lost(rows, n):
    x = rows[0][::2][:n]
    model = generators.fit_factors(x, np.zeros(n, int), n_axes=3)
    pca = PCA(3).fit(x)
    expected = pca.components_.T @ np.diag(pca.explained_variance_) @ pca.components_ * (n - 1) / n
    assert model.axes[0].T @ model.axes[0] == pytest.approx(expected)
    assert (model.axes[0] ** 2).sum(axis=0) + model.noise[0] ** 2 == pytest.approx(x.var(axis=0))


def test_a_class_of_one_row_is_repeated_and_one_of_none_refused(rows):
    x = rows[0]
    model = generators.fit_factors(x[:3], np.array([0, 0, 2]), n_classes=4)
    assert model.sample(np.array([2, 2])) == pytest.approx(x[[2, 2]])
    with pytest.raises(ValueError, match="class 1"):
        model.sample(np.array([0, 1]))
    with pytest.raises(ValueError, match="NaN"):
        generators.fit_factors(np.full((3, 2), np.nan), np.zeros(3, int))


def test_bounds_cut_off_and_seeds_decide(rows):
    model = generators.fit_factors(*rows)
    made = model.sample(rows[1], bounds=(0, 1), seed=3)
    assert made.min() == 0 and made.max() == 1
    assert np.array_equal(made, model.sample(rows[1], bounds=(0, 1), seed=3))
    assert not np.array_equal(made, model.sample(rows[1], bounds=(0, 1), seed=4))


@pytest.mark.parametrize("shape", [(5, 4), (3, 5, 4)])
def test_shifts_are_rolls_with_zeros_coming_in(shape):
    x = np.random.default_rng(1).random((40, int(np.prod(shape)))) + 1
    moved, kinds = generators.shifted(x, shape, seed=2).reshape(-1, *shape), set()
    for image, new in zip(x.reshape(-1, *shape), moved):
        padded = np.pad(image, [(0, 0)] * (len(shape) - 2) + [(1, 1), (1, 1)])
        fits = [
            (a, b)
            for a in range(3)
            for b in range(3)
            if np.array_equal(new, padded[..., a : a + 5, b : b + 4])
        ]
        assert len(fits) == 1
        kinds.add(fits[0])
    assert len(kinds) == 9
    assert np.array_equal(generators.shifted(x, shape, most=0), x)
    with pytest.raises(ValueError, match="shape"):
        generators.shifted(x, (7, 7))


def test_variety_is_the_pooled_variance(rows):
    x, y = rows
    assert generators.variety(x, y) == pytest.approx(sum(x[y == c].var(axis=0).sum() for c in (0, 1)) / 2)
    assert generators.variety(x[:1].repeat(5, axis=0), np.zeros(5, int)) == 0


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "novels"])
def test_a_setting_generates_and_encodes_examples_of_its_kind(name):
    d = data.load(name, max_train=300)
    g = generators.setting(d, n_features=20, length=80)
    assert g.encode(g.raw) == pytest.approx(g.x, abs=1e-4)
    assert g.x.shape[0] == 300 and g.t.shape == (len(d.y_test), g.x.shape[1])
    y = d.y_train[:50]
    made = g.fit(np.arange(300))(y, 7)
    assert len(made) == 50 and np.isfinite(g.encode(made)).all()
    assert np.isfinite(g.encode(g.changed(g.raw[:50], 1))).all()
    again = g.fit(None, raw=g.raw, y=d.y_train)(y, 7)
    assert np.array_equal(made, again)
    if name == "novels":
        assert all(len(text) == 80 for text in made)
        changed = g.changed(g.raw[:50], 1)
        assert all(set(new.split()) <= set(old.split()) for new, old in zip(changed, g.raw))
        assert 0.8 < np.mean([len(a.split()) / len(b.split()) for a, b in zip(changed, g.raw)]) < 0.97


def test_a_regression_has_no_classes_to_generate():
    with pytest.raises(ValueError, match="classes"):
        generators.setting(data.load("diabetes"))
