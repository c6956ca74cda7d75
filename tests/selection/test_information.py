import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn.metrics import mutual_info_score

from labutils.selection.information import (
    contingency,
    critical_beta,
    entropy,
    gaussian_ib_curve,
    ib_curve,
    mutual_information,
)

BETAS = [0.5, 1.1, 1.5, 2, 4, 10, 50]


def random_joint(seed, shape=(4, 3)):
    return np.random.default_rng(seed).dirichlet(np.full(np.prod(shape), 0.5)).reshape(shape)


def normal_joint(rho, points=37, reach=3.6):
    grid = np.linspace(-reach, reach, points)
    pairs = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    return stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).pdf(pairs)


def told_and_kept(joint, encoder):
    joint = joint / joint.sum()
    return mutual_information(encoder.T @ joint), mutual_information(joint.sum(axis=1)[:, None] * encoder)


def test_mutual_information_is_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.integers(5, size=300)
    y = (x + rng.integers(3, size=300)) % 4
    assert mutual_information(contingency(x, y)) == pytest.approx(
        mutual_info_score(x, y) / np.log(2), abs=1e-12
    )
    assert entropy(np.bincount(x)) == pytest.approx(stats.entropy(np.bincount(x), base=2))
    assert mutual_information(np.outer([0.2, 0.8], [0.5, 0.5])) == pytest.approx(0, abs=1e-12)
    assert mutual_information(np.eye(8)) == pytest.approx(3)


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 5), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_processing_adds_no_information(seed, n_x, n_y, n_t):
    """I(T;Y) <= min(I(X;T), I(X;Y)) for any T that hears of X alone, and no T lies beyond the curve."""
    joint = random_joint(seed, (n_x, n_y))
    encoder = np.random.default_rng(seed + 1).dirichlet(np.full(n_t, 0.3), size=n_x)
    told, kept = told_and_kept(joint, encoder)
    assert told <= min(kept, mutual_information(joint)) + 1e-9
    curve = ib_curve(joint, [1.5, 3, 20], max_steps=3000, tolerance=1e-13)
    assert (curve.kept - curve.beta * curve.told <= kept - curve.beta * told + 1e-3).all()


@pytest.mark.parametrize("seed", range(2))
def test_curve_is_the_best_of_another_optimiser(seed):
    """At each beta, no worse than the best of many starts of a quasi-Newton method on the logits of p(t | x)."""
    joint, rng = random_joint(seed, (3, 3)), np.random.default_rng(seed)
    curve = ib_curve(joint, [1.5, 6], max_steps=5000, tolerance=1e-13)

    def cost(logits, beta):
        encoder = np.exp(logits.reshape(3, 3) - logits.reshape(3, 3).max(axis=1, keepdims=True))
        told, kept = told_and_kept(joint, encoder / encoder.sum(axis=1, keepdims=True))
        return kept - beta * told

    for beta, kept, told in zip(curve.beta, curve.kept, curve.told):
        best = min(optimize.minimize(cost, 2 * rng.normal(size=9), (beta,)).fun for _ in range(6))
        assert kept - beta * told == pytest.approx(best, abs=2e-4)


def test_curve_is_that_of_brute_force_on_two_values():
    joint = np.array([[0.3, 0.1], [0.15, 0.45]])
    curve, grid = (
        ib_curve(joint, [3.0, 5.0, 12.0, 40.0], max_steps=20000, tolerance=1e-14),
        np.linspace(0, 1, 101),
    )
    tried = [
        told_and_kept(joint, np.array([[a, 1 - a], [b, 1 - b]])) for a, b in itertools.product(grid, grid)
    ]
    told, kept = np.transpose(tried)
    for beta, own_kept, own_told in zip(curve.beta, curve.kept, curve.told):
        best = (kept - beta * told).min()  # of a grid, so that the curve may do a little better
        assert best - 5e-3 < own_kept - beta * own_told < best + 1e-6


@pytest.mark.parametrize("rho", [0.6, 0.8])
def test_curve_of_two_normal_variables_is_the_closed_form(rho):
    joint = normal_joint(rho)
    beta = np.array([1.02, 1.5, 3, 8, 20]) / rho**2
    curve, (kept, told) = ib_curve(joint, beta, max_steps=3000), gaussian_ib_curve([rho], beta)
    np.testing.assert_allclose(curve.told, told, atol=0.01)
    np.testing.assert_allclose(curve.kept, kept, atol=0.02)
    assert critical_beta(joint) == pytest.approx(1 / rho**2, rel=5e-3)
    assert (ib_curve(joint, np.array([0.9, 0.98]) / rho**2).kept < 1e-6).all()
    assert ib_curve(joint, [1.05 / rho**2], max_steps=5000).kept[0] > 0.02


def test_closed_form_adds_directions_and_ends_at_all_that_there_is():
    kept, told = gaussian_ib_curve([0.9, 0.6, 0.0], [1.2, 1e7])
    assert (kept[0], told[0]) == (0, 0)  # 1.2 is below 1 / 0.81
    assert told[1] == pytest.approx(-np.log2((1 - 0.81) * (1 - 0.36)) / 2, abs=1e-5)
    one, two, both = (gaussian_ib_curve(c, [5.0]) for c in ([0.9], [0.6], [0.9, 0.6]))
    assert both[0] == pytest.approx(one[0] + two[0]) and both[1] == pytest.approx(one[1] + two[1])
    beta, step = 4.0, 1e-5  # the slope of the curve is 1 / beta
    (k, t) = (gaussian_ib_curve([0.9, 0.6], [beta - step, beta + step])[i] for i in (0, 1))
    assert np.diff(t)[0] / np.diff(k)[0] == pytest.approx(1 / beta, rel=1e-4)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_bits_never_fall_as_beta_rises(seed):
    curve = ib_curve(random_joint(seed, (6, 4)), BETAS, max_steps=300)
    assert (np.diff(curve.kept) >= -1e-9).all() and (np.diff(curve.told) >= -1e-9).all()
    assert (curve.told <= curve.kept + 1e-9).all()
    np.testing.assert_allclose(curve.encoder.sum(axis=2), 1)
    assert [curve.kept[0], curve.told[0]] == pytest.approx(
        [0, 0], abs=1e-12
    )  # told <= kept: below 1 nothing pays


def test_values_that_say_the_same_share_a_cluster_and_those_never_seen_are_let_be():
    joint = np.array([[0.2, 0.05], [0.2, 0.05], [0, 0], [0.05, 0.45]])
    curve = ib_curve(joint, [100.0], max_steps=5000)
    parts, shares = curve.groups(0, joint)
    assert shares.shape == (2, 2) and np.sort(shares[:, 0]) == pytest.approx([0.1, 0.8], abs=1e-3)
    assert parts[0] == pytest.approx(parts[1], abs=1e-6) and not parts[2].any()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: mutual_information([[1, -1]]), "joint holds a negative or infinite entry"),
        (lambda: mutual_information([1, 2]), "joint has shape"),
        (lambda: entropy([0, 0]), "joint holds a negative or infinite entry, or none above 0"),
        (lambda: contingency([1], [1, 2]), "x has shape"),
        (lambda: ib_curve(np.eye(2), []), "betas are"),
        (lambda: ib_curve(np.eye(2), [-1]), "betas are"),
        (lambda: ib_curve(np.eye(2), [2], max_steps=0), "max_steps is 0"),
        (lambda: gaussian_ib_curve([1.0], [2]), "correlations are"),
    ],
)
def test_says_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()
