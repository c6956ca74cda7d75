"""Capacity against enumeration, closed forms and the published tables."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from labutils.budget import capacity
from labutils.budget.capacity import PUBLISHED
from labutils.budget.memorisation import Shape
from labutils.networks.max_margin import max_margin

# Perceptrons


@pytest.mark.parametrize(("points", "n_weights"), [(5, 2), (6, 3), (4, 4)])
def test_covers_theorem_counts_every_labelling(points, n_weights):
    x = np.random.default_rng(points).standard_normal((points, n_weights))
    fits = sum(max_margin(x, y) is not None for y in itertools.product((-1, 1), repeat=points))
    assert fits == round(2**points * float(capacity.covers_theorem(points, n_weights)))


def test_half_of_the_labellings_of_twice_as_many_points_fit():
    n_weights = np.array([1, 7, 50, 400])
    np.testing.assert_allclose(capacity.covers_theorem(2 * n_weights, n_weights), 0.5, atol=1e-12)


def test_perceptron_capacity_has_covers_distribution():
    n_weights, n_seeds = 6, 600
    found = capacity.perceptron_capacity(n_weights, n_seeds=n_seeds, seed=1)
    assert abs(found.mean() - 2 * n_weights) < 4 * math.sqrt(2 * n_weights / n_seeds)
    grid = np.arange(n_weights, 5 * n_weights)
    share = (found[:, None] >= grid).mean(axis=0)
    distance = abs(share - capacity.covers_theorem(grid, n_weights)).max()
    assert math.sqrt(n_seeds) * distance < stats.kstwobign.isf(1e-3)
    assert np.array_equal(found[:5], capacity.perceptron_capacity(n_weights, n_seeds=5, seed=1))


# GPTs


def test_parameter_counts_of_all_published_shapes():
    assert sum(map(len, PUBLISHED.values())) == 16
    for layers, rows in PUBLISHED.items():
        for width, parameters, _ in rows:
            assert Shape(2048, 64, layers, width).n_parameters == pytest.approx(parameters, rel=6e-3)


# What follows


def test_the_law_gives_the_published_predictions_in_bits_per_parameter_only():
    for parameters, examples, predicted, _ in capacity.MEMBERSHIP:
        load = examples * 64 * math.log2(50257) / parameters
        assert capacity.membership_law(load) == pytest.approx(predicted, abs=0.01)
        assert abs(capacity.membership_law(3.6 * parameters / examples) - predicted) > 0.1


def test_membership_f1_is_scikit_learns():
    rng = np.random.default_rng(0)
    train, fresh = rng.normal(0, 1, (3, 40)), rng.normal(0.7, 1, (3, 40))
    for m, f1 in enumerate(capacity.membership_f1(train, fresh)):
        pooled, truth = np.concatenate([train[m], fresh[m]]), np.repeat([1, 0], 40)
        assert f1 == pytest.approx(f1_score(truth, pooled < np.median(pooled)))
    assert capacity.membership_f1(fresh * 0, fresh + 9).tolist() == [1, 1, 1]


def test_peak_finds_the_top_of_a_parabola_between_the_points():
    x = np.array([4.0, 8, 16, 32, 64])
    assert capacity.peak(x, 5 - (np.log(x) - np.log(19)) ** 2) == pytest.approx(19)
    assert capacity.peak(x, x) == 64  # still rising: the end is all one can say


@pytest.mark.parametrize("n", [8, 15, 33, 60])
def test_ridgeless_risk_is_what_is_sampled(n):
    sampled = capacity.ridgeless_sample(n, 24, noise=0.5, signal=2.0, n_seeds=2000)
    error = sampled.std() / math.sqrt(len(sampled))
    assert abs(sampled.mean() - capacity.ridgeless_risk(n, 24, noise=0.5, signal=2.0)) < 4 * error


def test_ridgeless_risk_has_its_pole_and_ends():
    assert np.isinf(capacity.ridgeless_risk([23, 24, 25], 24)).all()
    assert capacity.ridgeless_risk(0, 24, noise=3, signal=2) == 2  # nothing learned
    assert capacity.ridgeless_risk(24e6, 24) == pytest.approx(1e-6, rel=1e-3)


def test_compressed_bits_bound_what_is_there():
    noise = np.random.default_rng(0).integers(256, size=4000, dtype=np.uint8).tobytes()
    assert 8 * 4000 <= capacity.compressed_bits(noise) < 8 * 4200
    assert capacity.compressed_bits("ab" * 4000) < 2000
