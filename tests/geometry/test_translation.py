"""Translation without pairs on spaces whose true map is known; matching against brute force."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits

from labutils import rows
from labutils.geometry import translation


def similarities(k, seed, size=12):
    points = np.random.default_rng(seed).standard_normal((k, size))
    return points @ points.T


@pytest.fixture(scope="module")
def parts():
    """Digits in three disjoint parts of 600, 600 and 200: for x, for y, and unseen."""
    images = load_digits().data[np.random.default_rng(0).permutation(1797)[:1400]]
    return images[:600], images[600:1200], images[1200:]


@pytest.fixture(scope="module")
def turn():
    return stats.ortho_group.rvs(64, random_state=np.random.default_rng(1)) * 2.5


def test_match_finds_the_best_of_all_permutations():
    orders = np.array(list(itertools.permutations(range(6))))
    for i in range(5):
        a, b = similarities(6, i), similarities(6, 10 + i)
        value = lambda order: (a * b[np.ix_(order, order)]).sum()  # noqa: B023, E731
        assert value(translation.match(a, b, n_starts=200)) == pytest.approx(max(map(value, orders)))


def test_match_undoes_a_shuffle():
    a, order = similarities(20, 5), np.random.default_rng(6).permutation(20)
    found = translation.match(a, a[np.ix_(order, order)])
    assert np.array_equal(order[found], np.arange(20))


def test_translation_without_pairs_finds_a_rotation_from_disjoint_points(parts, turn):
    x, y, fresh = parts
    found = translation.translate(x, y @ turn + 7)
    assert translation.quality(found(fresh), fresh @ turn + 7, mean=found.mean_y).top1 > 0.95
    assert found.margin > 0.02 and found.found >= 1
    np.testing.assert_allclose(found.mean_x, x.mean(axis=0))


def test_a_map_fitted_with_pairs_is_the_rotation(parts, turn):
    x, _, fresh = parts
    oracle = translation.translate_pairs(x, x @ turn + 7)
    q = translation.quality(oracle(fresh), fresh @ turn + 7, mean=oracle.mean_y)
    assert q.top1 == 1 and q.rank == 1 and q.cosine > 0.99


def test_spaces_may_differ_in_dimensions_and_hold_more_points_than_a_round(parts, monkeypatch):
    x, y, fresh = parts
    wide = stats.ortho_group.rvs(90, random_state=np.random.default_rng(7))[:64]
    monkeypatch.setattr(translation, "ROWS", 450)
    found = translation.translate(x, y @ wide)
    assert found.matrix.shape == (64, 90)
    assert translation.quality(found(fresh), fresh @ wide, mean=found.mean_y).top1 > 0.9


def test_nothing_is_found_where_there_is_nothing_to_find():
    rng = np.random.default_rng(9)
    ball = rng.standard_normal((2, 300, 10))  # rotations of a ball are all alike
    found = translation.translate(*ball, n_starts=8, n_restarts=1)
    fresh = rng.standard_normal((200, 10))
    assert translation.quality(found(fresh), fresh, mean=found.mean_y).top1 < 0.2
    assert found.margin < 0.02


def test_seed_decides_and_global_state_is_left_alone(parts):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    x, y = parts[0][:100], parts[1][:100]
    first, again, other = (
        translation.translate(x, y, n_starts=3, n_restarts=1, seed=s).matrix for s in (0, 0, 1)
    )
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("shape", [(90, 20), (20, 90), (80, 70)])
def test_the_axes_of_a_space_are_those_of_its_svd(shape):
    x = np.random.default_rng(12).standard_normal(shape)
    space = translation._Space(x)
    _, length, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    kept = min(
        translation.MOST, min(shape) - (shape[0] <= shape[1])
    )  # centring takes an axis where rows are few
    np.testing.assert_allclose(space.length, length[:kept] / np.sqrt(len(x)), rtol=1e-9)
    np.testing.assert_allclose(abs(np.sum(space.axes * axes[:kept], axis=1)), 1, rtol=1e-6)


def test_quality_is_the_formula(monkeypatch):
    rng = np.random.default_rng(10)
    y = rng.standard_normal((40, 6)) + 2
    guess = y + 0.9 * rng.standard_normal((40, 6))
    monkeypatch.setattr(rows, "BLOCK", 40 * 7)
    a, b = guess - 1, y - 1
    cosines = a @ b.T / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    ranks = 1 + (cosines > np.diag(cosines)[:, None]).sum(axis=1)
    q = translation.quality(guess, y, mean=np.ones(6))
    assert q.cosine == pytest.approx(np.diag(cosines).mean())
    assert q.top1 == np.mean(ranks == 1) < 1
    assert q.rank == pytest.approx(ranks.mean())


def test_a_constant_map_has_no_counterparts_whatever_its_cosine():
    y = np.random.default_rng(11).standard_normal((50, 8)) + 10
    q = translation.quality(np.broadcast_to(y.mean(axis=0), y.shape), y)
    assert q.cosine > 0.9
    assert q.top1 <= 0.02 and q.rank == pytest.approx(25.5, abs=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: translation.translate(x[:10], x), "x has shape"),
        (lambda x: translation.translate(x, x * np.inf), "y holds NaN"),
        (lambda x: translation.translate(x * 0, x), "x is the same in every row"),
        (lambda x: translation.translate(x, x, n_starts=0), "n_starts is 0"),
        (lambda x: translation.translate_pairs(x, x[:-1]), "x has 40 rows, y 39"),
        (lambda x: translation.quality(x, x[:, 1:]), "translated has shape"),
        (lambda x: translation.quality(x, x * np.nan), "y holds NaN"),
        (lambda x: translation.match(x, x), "must be square"),
        (lambda x: translation.match(x[:5] * np.nan, x[:5]), "a holds NaN"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0).standard_normal((40, 5)))
