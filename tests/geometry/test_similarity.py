"""Measures of alignment against formulas written out with n x n matrices, and against SciPy and scikit-learn."""

import itertools

import numpy as np
import pytest
from scipy import spatial
from sklearn.cross_decomposition import CCA

from labutils import rows
from labutils.geometry import similarity as rep


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 7)) * np.arange(1, 8) + 3
    return x, x[:, :5] @ rng.standard_normal((5, 4)) + rng.standard_normal((60, 4)) - 2


def rotation(d, seed=1):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def gram(z, kernel):
    if kernel == "linear":
        return z @ z.T
    apart = spatial.distance.squareform(spatial.distance.pdist(z))
    return np.exp(-((apart / np.median(apart[np.triu_indices(len(z), 1)])) ** 2) / 2)


def hsic(k, m, unbiased):
    """As the papers print it, with all n x n matrices."""
    n = len(k)
    if not unbiased:
        h = np.eye(n) - 1 / n
        return np.trace(k @ h @ m @ h)
    k, m, one = k - np.diag(np.diag(k)), m - np.diag(np.diag(m)), np.ones(n)
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return np.trace(k @ m) + total - 2 / (n - 2) * (one @ k @ m @ one)


@pytest.mark.parametrize("kernel", rep.KERNELS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_cka_is_the_formula_with_n_by_n_matrices(pair, kernel, unbiased, monkeypatch):
    k, m = (gram(z, kernel) for z in pair)
    expected = hsic(k, m, unbiased) / np.sqrt(hsic(k, k, unbiased) * hsic(m, m, unbiased))
    assert rep.cka(*pair, kernel=kernel, unbiased=unbiased) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(rows, "BLOCK", 60 * 7)  # nine blocks, the last one shorter
    assert rep.cka(*pair, kernel=kernel, unbiased=unbiased) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kernel", rep.KERNELS)
def test_cka_sees_neither_rotation_nor_scale_nor_shift(pair, kernel):
    x, y = pair
    turned = 5 * x @ rotation(7) + 11
    assert rep.cka(turned, y, kernel=kernel) == pytest.approx(rep.cka(x, y, kernel=kernel), rel=1e-9)
    assert rep.cka(x, turned, kernel=kernel) == pytest.approx(1)
    assert rep.cka(x, y, kernel=kernel) == pytest.approx(rep.cka(y, x, kernel=kernel))
    stretched = x * np.arange(7, 0, -1)
    assert rep.cka(stretched, y, kernel=kernel) != pytest.approx(rep.cka(x, y, kernel=kernel), rel=0.01)


def test_unbiased_cka_of_independent_features_is_zero_on_average_and_the_biased_is_not():
    rng = np.random.default_rng(2)
    draws = [(rng.standard_normal((40, 20)), rng.standard_normal((40, 20))) for _ in range(300)]
    fair = np.array([rep.cka(*each) for each in draws])
    assert abs(fair.mean()) < 4 * fair.std() / np.sqrt(300)
    assert np.mean([rep.cka(*each, unbiased=False) for each in draws[:20]]) > 0.25


def test_cka_of_single_features_is_the_squared_correlation():
    x, y = np.random.default_rng(3).standard_normal((2, 50, 1))
    correlation = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    assert rep.cka(x, y, unbiased=False) == pytest.approx(correlation**2)
    assert rep.cka(np.ones((50, 2)), y) == 0.0


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_mutual_neighbours_are_those_of_all_distances(pair, metric):
    shared = []
    for z in pair:
        apart = spatial.distance.cdist(z, z, metric)
        np.fill_diagonal(apart, np.inf)
        shared.append([set(row[:8]) for row in apart.argsort(axis=1)])
    expected = np.mean([len(a & b) / 8 for a, b in zip(*shared)])
    assert 0.2 < expected < 0.95
    assert rep.mutual_knn(*pair, 8, metric=metric) == pytest.approx(expected)
    assert rep.mutual_knn(pair[0], 2 * pair[0] @ rotation(7), 8, metric=metric) == 1


def test_chance_levels_are_those_of_draws():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((100, 40)), rng.standard_normal((100, 40))
    draws = rep.permuted(lambda a, b: rep.mutual_knn(a, b, 5), x, y, n_seeds=300)
    mean, (low, high) = rep.chance_knn(100, 5)
    assert mean == 5 / 99
    assert draws.mean() == pytest.approx(mean, abs=4 * draws.std() / np.sqrt(300))
    assert 0.8 <= np.mean((low <= draws) & (draws <= high)) <= 1
    x, y = x[:, :6], y[:, :3]
    # cosines between a random 6- and 3-dimensional subspace of 99 dimensions: their squares sum to 6 * 3 / 99
    squares = rep.permuted(lambda a, b: (rep.cca(a, b) ** 2).mean(), x, y, n_seeds=300)
    assert squares.mean() == pytest.approx(max(6, 3) / 99, abs=4 * squares.std() / np.sqrt(300))


def test_rows_change_places_within_their_group_alone():
    groups = np.array([0, 1, 1, 0, 2, 1, 0])
    x = np.arange(7.0)[:, None]
    seen = []
    rep.permuted(lambda a, b: seen.append(b[:, 0].astype(int)) or 0.0, x, x, groups=groups, n_seeds=60)
    assert all((np.sort(order) == range(7)).all() and (groups[order] == groups).all() for order in seen)
    assert {tuple(order[[1, 2, 5]]) for order in seen} == set(itertools.permutations((1, 2, 5)))
    labels = np.repeat([0, 1], 50)
    y = labels[:, None] + 0.01 * np.random.default_rng(0).standard_normal((100, 1))
    assert rep.permuted(rep.cka, y, y, groups=labels, n_seeds=3).min() > 0.99  # the groups explain all
    assert rep.permuted(rep.cka, y, y, n_seeds=20).max() < 0.2


def test_canonical_correlations_are_scikit_learns_and_see_no_linear_map(pair):
    x, y = pair
    theirs = CCA(n_components=3, max_iter=10_000, tol=1e-12).fit(x, y)
    a, b = theirs.transform(x, y)
    expected = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(rep.cca(x, y)[:3], expected, rtol=1e-4)
    mixed = x @ np.random.default_rng(5).standard_normal((7, 7)) + 1
    np.testing.assert_allclose(rep.cca(mixed, y), rep.cca(x, y))
    np.testing.assert_allclose(rep.cca(mixed, x), 1)
    noise = np.random.default_rng(6).standard_normal((2, 10, 20))
    np.testing.assert_allclose(rep.cca(*noise), 1)  # fewer rows than features


def test_there_are_as_many_canonical_correlations_as_the_lesser_rank(pair):
    x, y = pair
    twice = np.hstack([x[:, :2], x[:, :2]])  # four features of rank two
    assert len(rep.cca(twice, y)) == 2
    assert rep.cka(x, 0 * y + 0.1) == 0


def test_svcca_keeps_the_axes_that_hold_the_share_of_variance():
    rng = np.random.default_rng(7)
    base = np.linalg.qr(rng.standard_normal((50, 4)) - 0.0)[0]
    base = np.linalg.qr(base - base.mean(axis=0))[0]
    x = base * [10, 5, 1, 0.1]  # shares of variance: 79.4, 19.8, 0.8, 0.01%
    assert [len(rep.cca(x, x, fraction=share)) for share in (0.7, 0.9, 0.995, 1.0)] == [1, 2, 3, 4]
    assert rep.cca(x, x, ridge=0.1).max() < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: rep.cka(x, y, kernel="rfb"), "'rbf'"),
        (lambda x, y: rep.cka(x, y[:-1]), "x has 60 rows, y 59"),
        (lambda x, y: rep.cka(x[:, 0], y), "x has shape"),
        (lambda x, y: rep.cka(x, y * np.nan), "y holds NaN"),
        (lambda x, y: rep.cka(x, y, bandwidth=0), "bandwidth"),
        (lambda x, y: rep.mutual_knn(x, y, 60), "k is 60; allowed: 1 to 59"),
        (lambda x, y: rep.mutual_knn(x, y, metric="cosin"), "'cosine'"),
        (lambda x, y: rep.mutual_knn(x * np.nan, y), "x holds NaN"),
        (lambda x, y: rep.permuted(rep.cka, x, y, groups=[0, 1]), "groups has shape"),
        (lambda x, y: rep.permuted(rep.cka, x, y, n_seeds=0), "n_seeds"),
        (lambda x, y: rep.chance_knn(10, 10), "k is 10; allowed: 1 to 9"),
        (lambda x, y: rep.cca(x * np.inf, y), "x holds NaN or infinity"),
        (lambda x, y: rep.cca(x, y, fraction=99), "fraction is 99"),
        (lambda x, y: rep.cca(x, 0 * y + 0.1), "y is the same in every row"),
    ],
)
def test_bad_input_is_named(pair, call, message):
    with pytest.raises(ValueError, match=message):
        call(*pair)
