"""Random features: least squares teacher by teacher, exact traces, duality, and real data refitted by hand."""

import numpy as np
import pytest

from labutils.laws import kernel_regression, random_features


def test_features_agree_with_least_squares_run_teacher_by_teacher():
    rng, modes, exponent = np.random.default_rng(0), 60, 0.5
    root = np.arange(1.0, modes + 1) ** (-(1 + exponent) / 2)
    for examples, width in ((40, 8), (8, 40)):
        data, projection = (
            rng.standard_normal((examples, modes)) * root,
            rng.standard_normal((width, modes)),
        )
        errors = []
        for _ in range(4000):
            teacher = rng.standard_normal(modes)
            student = np.linalg.pinv(data @ projection.T) @ (data @ teacher)
            errors.append((((teacher - projection.T @ student) * root) ** 2).sum())
        ours = random_features._fitted(data, projection, root**2)
        assert ours == pytest.approx(np.mean(errors), abs=4 * np.std(errors) / np.sqrt(4000))


def test_limits_are_reached_by_a_great_many_of_the_other():
    rng, root = np.random.default_rng(1), np.arange(1.0, 81) ** -1.0
    few, many = rng.standard_normal((6, 80)), rng.standard_normal((40_000, 80))
    assert random_features._unreached(few, root**2) == pytest.approx(
        random_features._fitted(many * root, few, root**2), rel=0.002
    )
    assert random_features._missed(few * root, root) == pytest.approx(
        random_features._fitted(few * root, many, root**2), rel=0.002
    )


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_examples_and_features_are_dual_draw_by_draw(exponent):
    n = np.array([20, 50])
    data = random_features.sampled(n, 8, exponent, modes=100, n_seeds=3)
    width = random_features.sampled(8, n, exponent, modes=100, n_seeds=3)
    assert data[0] == pytest.approx(width[0], rel=1e-6)
    assert data[1] == pytest.approx(width[1], rel=1e-6)


def test_excess_of_paired_draws_is_the_trace_of_an_inverse_wishart_matrix():
    n, few = np.array([40, 80, 160]), 10
    loss, limit = random_features.sampled(n, few, 1.0, modes=200, n_seeds=300)
    ratio = (loss / limit - 1) * (n - few - 1) / few
    assert ratio.mean(axis=0) == pytest.approx(1, abs=4 * ratio.std(axis=0).max() / np.sqrt(300))
    exact = random_features.loss(n, few, 1.0) / random_features.loss(np.inf, few, 1.0)
    assert exact - 1 == pytest.approx(few / (n - few - 1))


def test_theory_is_symmetric_infinite_at_the_peak_and_the_kernel_curve_far_from_it():
    n = np.array([16.0, 100.0, 1e7])
    assert random_features.loss(n, np.inf, 0.5) == pytest.approx(
        kernel_regression.kernel_learning_curve(n, 0.5)
    )
    assert random_features.loss(n[:, None], n, 1.0) == pytest.approx(random_features.loss(n, n[:, None], 1.0))
    assert np.isinf(random_features.loss(30, [29, 30, 31], 1.0)).all()


def test_sampled_width_curve_agrees_with_theory():
    n, modes = np.array([16, 64, 128]), 1000
    found = random_features.width_curve(n, 1.0, modes=modes, n_seeds=20).mean(axis=0)
    assert found == pytest.approx(kernel_regression.kernel_learning_curve(n, 1.0, modes=modes), rel=0.06)


def test_features_refuse_sizes_without_an_order():
    with pytest.raises(ValueError, match="more than 1 above"):
        random_features.sampled([8, 20], 16, 1.0, modes=50, n_seeds=1)


# --- real data -----------------------------------------------------------------------------------------------
def rows(n=200, d=6):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    return x, np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]], axis=1)


def test_many_relu_features_have_the_arc_cosine_kernel():
    x, _ = rows(8)
    units = random_features.relu(x, 200_000)
    assert units @ units.T == pytest.approx(random_features.arc_cosine(x, x), abs=0.06)


def test_resampled_excess_is_that_of_refitting():
    x, y = rows()
    units = random_features.relu(x, 5)
    ours = random_features.resampled_excess(units, y, [50], n_seeds=1, seed=3)[0, 0]
    counts = np.random.default_rng(3).multinomial(50, np.full(200, 1 / 200))
    drawn = np.repeat(np.arange(200), counts)
    miss = [
        np.mean(((y - units @ np.linalg.lstsq(units[r], y[r])[0]) ** 2).sum(axis=1))
        for r in (drawn, slice(None))
    ]
    assert ours == pytest.approx(miss[0] - miss[1], rel=1e-8)


def test_width_excess_has_the_mean_of_the_plain_difference_and_less_scatter():
    x, y = rows(60)
    parts, ridge, width, n_seeds = (x[:20], y[:20], x[20:], y[20:]), 0.1, 400, 60
    ours = random_features.width_excess(*parts, [width], ridge=ridge, n_seeds=n_seeds)[:, 0]
    limit = random_features.arc_cosine(x[20:], x[:20]) @ np.linalg.solve(
        random_features.arc_cosine(x[:20], x[:20]) + ridge * np.eye(20), y[:20]
    )
    plain = []
    for draw in range(n_seeds):
        f = random_features.relu(x, width, seed=[0, draw, width])
        fit = f[20:] @ np.linalg.solve(f[:20].T @ f[:20] + ridge * np.eye(width), f[:20].T @ y[:20])
        plain.append(np.mean(((fit - y[20:]) ** 2 - (limit - y[20:]) ** 2).sum(axis=1)))
    assert ours.mean() == pytest.approx(np.mean(plain), abs=4 * np.std(plain) / np.sqrt(n_seeds))
    assert ours.std() < np.std(plain) / 2
