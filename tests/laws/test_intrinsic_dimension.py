"""Dimension: nearest neighbours against simulation and the 2/d law, estimators on manifolds of known dimension."""

import numpy as np
import pytest

from labutils.laws import intrinsic_dimension


@pytest.mark.parametrize("d", [1, 2, 4, 8])
def test_nearest_neighbour_error_tends_to_two_over_d_with_its_closed_amplitude(d):
    from scipy import special

    n = np.logspace(8, 13, 11)
    error = intrinsic_dimension.nearest_neighbour_error(n, d)
    slope = -np.diff(np.log(error)) / np.diff(np.log(n))
    assert slope[-1] == pytest.approx(2 / d, rel=2e-3)
    ball = np.pi ** (d / 2) / special.gamma(d / 2 + 1)
    asymptote = (2 * np.pi) ** 2 / d * special.gamma(1 + 2 / d) * (n[-1] * ball) ** (-2 / d)
    assert error[-1] == pytest.approx(asymptote, rel=0.01)


@pytest.mark.parametrize("d", [1, 3, 8])
def test_sampled_nearest_neighbours_agree_with_the_integral(d):
    n = np.array([900, 3000])
    sampled = intrinsic_dimension.sampled_local_error(n, d, n_queries=400, n_seeds=6)
    exact = intrinsic_dimension.nearest_neighbour_error(n, d)
    assert (
        np.abs(sampled.mean(axis=0) / exact - 1).max()
        < 4 * (sampled.std(axis=0) / exact).max() / np.sqrt(6) + 0.02
    )


def test_local_lines_are_exact_where_the_target_is_nearly_straight_and_beat_neighbours():
    n = np.array([1000, 4000])
    line = intrinsic_dimension.sampled_local_error(n, 2, fit="line", n_seeds=2).mean(axis=0)
    near = intrinsic_dimension.sampled_local_error(n, 2, n_seeds=2).mean(axis=0)
    assert (line < near / 5).all()
    assert np.log(line[0] / line[1]) / np.log(4) == pytest.approx(2, abs=0.35)


def test_predictions_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    x, at = rng.random((50, 3)), rng.random((7, 3))
    step = (x[None] - at[:, None] + 0.5) % 1 - 0.5
    order = np.argsort((step**2).sum(axis=2), axis=1)
    assert intrinsic_dimension._local(x, at, 1) == pytest.approx(intrinsic_dimension._target(x[order[:, 0]]))
    for line, around, offset in zip(intrinsic_dimension._local(x, at, 9), order[:, :9], step):
        design = np.column_stack([np.ones(9), offset[around]])
        assert line == pytest.approx(np.linalg.lstsq(design, intrinsic_dimension._target(x[around]))[0][0])


def manifold(kind, n=1500, seed=0):
    """Points on a manifold of known dimension, uniform on it: rows and the dimension."""
    rng = np.random.default_rng(seed)
    if kind == "roll":  # a rolled-up rectangle in space; arc length t^2 / 2, nearly
        t = np.sqrt(rng.uniform(20, 150, n))
        return np.column_stack([t * np.cos(t), 20 * rng.random(n), t * np.sin(t)]), 2
    if kind == "sphere":
        x = rng.standard_normal((n, 4))
        return x / np.linalg.norm(x, axis=1, keepdims=True), 3
    if kind == "torus":  # a flat torus in ten dimensions: neither edges nor bends that matter
        angle = 2 * np.pi * rng.random((n, 5))
        return np.concatenate([np.cos(angle), np.sin(angle)], axis=1), 5
    line = rng.random((n, 1))
    return np.concatenate([np.sin(3 * line), line**2, np.cos(3 * line)], axis=1), 1


@pytest.mark.parametrize("kind", ["line", "roll", "sphere", "torus"])
def test_both_estimators_find_known_dimensions(kind):
    x, true = manifold(kind)
    found, (low, high) = intrinsic_dimension.two_nn(x)
    assert low < found < high and found == pytest.approx(true, rel=0.1)
    assert intrinsic_dimension.levina_bickel(x) == pytest.approx(true, rel=0.12)


def test_interval_covers_the_dimension_of_a_plane_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(100):
        angle = 2 * np.pi * rng.random((300, 2))
        low, high = intrinsic_dimension.two_nn(np.concatenate([np.cos(angle), np.sin(angle)], axis=1))[1]
        hits += low <= 2 <= high
    assert 75 <= hits <= 99


def test_estimators_agree_with_loops_over_their_definitions():
    x = np.random.default_rng(0).random((60, 3))
    distance = np.sort(np.linalg.norm(x[:, None] - x, axis=2), axis=1)[:, 1:]
    logs = np.log(distance[:, 1] / distance[:, 0])
    assert intrinsic_dimension.two_nn(x, discard=0)[0] == pytest.approx(59 / logs.sum())
    local = [(5 - 2) / sum(np.log(row[4] / row[j]) for j in range(4)) for row in distance]
    assert intrinsic_dimension.levina_bickel(x, n_neighbours=5) == pytest.approx(np.mean(local))


def test_units_rotations_and_copies_do_not_matter():
    x, _ = manifold("sphere", 400)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    assert intrinsic_dimension.two_nn(5 * x @ turn)[0] == pytest.approx(intrinsic_dimension.two_nn(x)[0])
    assert intrinsic_dimension.two_nn(np.repeat(x, 2, axis=0))[0] == pytest.approx(
        intrinsic_dimension.two_nn(x)[0]
    )


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match=r"fit is 'lines'.*Did you mean 'line'"):
        intrinsic_dimension.sampled_local_error([100], 2, fit="lines")
    with pytest.raises(ValueError, match="at least 865"):
        intrinsic_dimension.nearest_neighbour_error([100], 8)
    with pytest.raises(ValueError, match="1 distinct rows"):
        intrinsic_dimension.two_nn(np.ones((5, 2)))
    with pytest.raises(ValueError, match="discard is 1"):
        intrinsic_dimension.two_nn(np.eye(5), discard=1)
