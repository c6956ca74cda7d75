"""Four regimes: pictures and random features against closed forms and brute force; the diagnosis on known curves."""

import numpy as np
import pytest

from labutils import kernels, regimes


# --- pictures ------------------------------------------------------------------------------------------------
def test_exposures_have_the_error_of_photon_noise():
    image, frames = np.random.default_rng(0).random((60, 60)), np.array([1, 5, 40])
    error = np.mean(
        [(regimes.expose(image, frames, photons=3, seed=s) - image) ** 2 for s in range(20)], axis=0
    )
    assert error.mean(axis=(1, 2)) == pytest.approx(image.mean() / (3 * frames), rel=0.02)


def test_an_exposure_adds_frames_to_those_before():
    image = np.full((4, 4), 0.5)
    sums = regimes.expose(image, [1, 2, 3], photons=2) * np.array([1, 2, 3])[:, None, None] * 2
    assert (np.diff(sums, axis=0) >= 0).all() and sums == pytest.approx(np.round(sums))


def test_pixels_keep_means_and_straight_lines_keep_planes():
    u = (np.arange(32) + 0.5) / 32
    plane = 1 + 2 * u[:, None] - 3 * u
    assert regimes.pixelate(plane, 4, smooth=True) == pytest.approx(plane, abs=1e-12)
    squares = regimes.pixelate(plane, 4)
    assert squares[:8, 8:16] == pytest.approx(np.full((8, 8), plane[:8, 8:16].mean()))
    within = 1 / 16 / 12 * (1 - 1 / 64)  # variance of a uniform step of 1/4, on 8 sub-pixels
    assert np.mean((squares - plane) ** 2) == pytest.approx((4 + 9) * within)


def test_a_magnified_picture_is_smooth_and_keeps_constants():
    assert regimes.magnify(np.ones((8, 8)), 64)[16:-16, 16:-16] == pytest.approx(np.ones((32, 32)))
    picture = regimes.magnify(np.random.default_rng(0).random((8, 8)), 512)
    assert picture.min() >= 0 and np.abs(np.diff(picture, 2, axis=0)).max() < 3 * (9 / 512) ** 2


# --- random features -----------------------------------------------------------------------------------------
def test_random_features_agree_with_least_squares_run_teacher_by_teacher():
    rng, modes, exponent = np.random.default_rng(0), 60, 0.5
    root = np.arange(1.0, modes + 1) ** (-(1 + exponent) / 2)
    for examples, features in ((40, 8), (8, 40)):
        data, projection = (
            rng.standard_normal((examples, modes)) * root,
            rng.standard_normal((features, modes)),
        )
        errors = []
        for _ in range(4000):
            teacher = rng.standard_normal(modes)
            student = np.linalg.pinv(data @ projection.T) @ (data @ teacher)
            errors.append((((teacher - projection.T @ student) * root) ** 2).sum())
        ours = regimes._loss(data, projection, root**2)
        assert ours == pytest.approx(np.mean(errors), abs=4 * np.std(errors) / np.sqrt(4000))


def test_limits_are_reached_by_a_great_many_of_the_other():
    rng, root = np.random.default_rng(1), np.arange(1.0, 81) ** -1.0
    few, many = rng.standard_normal((6, 80)), rng.standard_normal((40_000, 80))
    assert regimes._unreached(few, root**2) == pytest.approx(
        regimes._loss(many * root, few, root**2), rel=0.002
    )
    assert regimes._missed(few * root, root) == pytest.approx(
        regimes._loss(few * root, many, root**2), rel=0.002
    )


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_examples_and_features_are_dual_draw_by_draw(exponent):
    n = np.array([20, 50])
    data = regimes.sampled_random_features(n, 8, exponent, modes=100, trials=3)
    width = regimes.sampled_random_features(8, n, exponent, modes=100, trials=3)
    assert data[0] == pytest.approx(width[0], rel=1e-6)
    assert data[1] == pytest.approx(width[1], rel=1e-6)


def test_excess_of_paired_draws_is_the_trace_of_an_inverse_wishart_matrix():
    n, few = np.array([40, 80, 160]), 10
    loss, limit = regimes.sampled_random_features(n, few, 1.0, modes=200, trials=300)
    ratio = (loss / limit - 1) * (n - few - 1) / few
    assert ratio.mean(axis=0) == pytest.approx(1, abs=4 * ratio.std(axis=0).max() / np.sqrt(300))
    exact = regimes.random_features_loss(n, few, 1.0) / regimes.random_features_loss(np.inf, few, 1.0)
    assert exact - 1 == pytest.approx(few / (n - few - 1))


def test_theory_is_symmetric_infinite_at_the_peak_and_the_kernel_curve_far_from_it():
    n = np.array([16.0, 100.0, 1e7])
    assert regimes.random_features_loss(n, np.inf, 0.5) == pytest.approx(
        kernels.kernel_learning_curve(n, 0.5)
    )
    assert regimes.random_features_loss(n[:, None], n, 1.0) == pytest.approx(
        regimes.random_features_loss(n, n[:, None], 1.0)
    )
    assert np.isinf(regimes.random_features_loss(30, [29, 30, 31], 1.0)).all()


def test_sampled_width_curve_agrees_with_theory():
    n, modes = np.array([16, 64, 128]), 1000
    found = regimes.sampled_width_curve(n, 1.0, modes=modes, trials=20).mean(axis=0)
    assert found == pytest.approx(kernels.kernel_learning_curve(n, 1.0, modes=modes), rel=0.06)


def test_random_features_refuse_sizes_without_an_order():
    with pytest.raises(ValueError, match="more than 1 above"):
        regimes.sampled_random_features([8, 20], 16, 1.0, modes=50, trials=1)


# --- real data -----------------------------------------------------------------------------------------------
def rows(n=200, d=6):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    return x, np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]], axis=1)


def test_many_relu_features_have_the_arc_cosine_kernel():
    x, _ = rows(8)
    features = regimes.relu_features(x, 200_000)
    assert features @ features.T == pytest.approx(regimes.arc_cosine(x, x), abs=0.06)


def test_resampled_excess_is_that_of_refitting():
    x, y = rows()
    features = regimes.relu_features(x, 5)
    ours = regimes.resampled_excess(features, y, [50], trials=1, seed=3)[0, 0]
    counts = np.random.default_rng(3).multinomial(50, np.full(200, 1 / 200))
    drawn = np.repeat(np.arange(200), counts)
    miss = [
        np.mean(((y - features @ np.linalg.lstsq(features[r], y[r])[0]) ** 2).sum(axis=1))
        for r in (drawn, slice(None))
    ]
    assert ours == pytest.approx(miss[0] - miss[1], rel=1e-8)


def test_width_excess_has_the_mean_of_the_plain_difference_and_less_scatter():
    x, y = rows(60)
    parts, ridge, width, trials = (x[:20], y[:20], x[20:], y[20:]), 0.1, 400, 60
    ours = regimes.width_excess(*parts, [width], ridge=ridge, trials=trials)[:, 0]
    limit = regimes.arc_cosine(x[20:], x[:20]) @ np.linalg.solve(
        regimes.arc_cosine(x[:20], x[:20]) + ridge * np.eye(20), y[:20]
    )
    plain = []
    for trial in range(trials):
        f = regimes.relu_features(x, width, seed=[0, trial, width])
        fit = f[20:] @ np.linalg.solve(f[:20].T @ f[:20] + ridge * np.eye(width), f[:20].T @ y[:20])
        plain.append(np.mean(((fit - y[20:]) ** 2 - (limit - y[20:]) ** 2).sum(axis=1)))
    assert ours.mean() == pytest.approx(np.mean(plain), abs=4 * np.std(plain) / np.sqrt(trials))
    assert ours.std() < np.std(plain) / 2


# --- the diagnosis -------------------------------------------------------------------------------------------
def known(rng, regime, points=8, noise=0.05):
    """A curve of exact theory in the given regime: sizes, noisy losses, the exponent of its spectrum."""
    exponent = np.exp(rng.uniform(np.log(0.15), np.log(2)))
    n = 2 ** rng.uniform(4, 8) * rng.uniform(1.5, 3) ** np.arange(points)
    other = n[-1] * rng.uniform(16, 200) if regime == "resolution" else n[0] / rng.uniform(1.5, 16)
    loss = regimes.random_features_loss(n, other, exponent)
    return n, loss * np.exp(noise * rng.standard_normal(points)), exponent


def test_the_diagnosis_names_known_regimes_in_data_and_in_width_and_knows_how_sure_it_may_be():
    rng, right, stated, covered = np.random.default_rng(0), [], [], []
    for i in range(100):
        truth = ("resolution", "variance") if i % 2 else ("variance", "resolution")
        n, loss, exponent = known(rng, truth[0])
        width, width_loss, _ = known(rng, truth[1])
        d = regimes.diagnose(n, loss, width=width, width_loss=width_loss)
        right += [d.regime == truth[0], d.width.regime == truth[1]]
        stated += [d.probability[d.regime], d.width.probability[d.width.regime]]
        if truth[0] == "resolution":
            covered.append(d.exponent_interval[0] <= exponent <= d.exponent_interval[1])
    assert np.mean(right) >= 0.93
    assert abs(np.mean(right) - np.mean(stated)) < 0.05
    assert 0.75 <= np.mean(covered) <= 1  # 50 of 90% intervals


def test_the_diagnosis_is_right_as_often_as_it_says_when_unsure():
    rng, right, stated = np.random.default_rng(1), [], []
    for i in range(100):
        truth = ("resolution", "variance")[i % 2]
        n, loss, _ = known(rng, truth, points=5, noise=0.1)
        d = regimes.diagnose(n, loss)
        if not d.sure:
            right.append(d.regime == truth)
            stated.append(d.probability[d.regime])
            assert d.limited_by == "cannot tell yet" and d.measure_next and "cannot tell" in str(d)
    assert len(right) > 30
    assert abs(np.mean(right) - np.mean(stated)) < 3 * 0.5 / np.sqrt(len(right))


def test_measuring_where_it_says_helps_more_than_measuring_in_the_middle():
    rng, gains = np.random.default_rng(2), []

    def noisy(n):
        noise = np.exp(0.05 * rng.standard_normal(np.shape(n)))
        return regimes.random_features_loss(n, other, exponent) * noise

    for i in range(100):
        regime = ("resolution", "variance")[i % 2]
        exponent, n = rng.uniform(0.2, 1), 64 * 2.0 ** np.arange(4)
        other = np.inf if regime == "resolution" else rng.uniform(8, 50)
        loss = noisy(n)
        d = regimes.diagnose(n, loss)
        if d.measure_next and not (other < np.inf and d.measure_next < 1.5 * other):
            chance = [
                regimes.diagnose(np.r_[n, more], np.r_[loss, noisy(more)]).probability[regime]
                for more in (d.measure_next, 181.0)
            ]
            gains.append(chance[0] - chance[1])
    assert len(gains) > 25 and np.mean(gains) > 2 * np.std(gains) / np.sqrt(len(gains))


def test_doubling_and_floor_are_those_of_the_curve():
    n = 100 * 2.0 ** np.arange(8)
    d = regimes.diagnose(n, 3 * n**-0.5)
    assert d.limited_by == "data" and d.exponent == pytest.approx(0.5, abs=0.03)
    low, high = d.doubling_interval
    assert low <= 1 - 2**-0.5 <= high and high - low < 0.05
    d = regimes.diagnose(n, 0.7 + 50 / n)
    assert d.limited_by == "not data" and d.floor == pytest.approx(0.7, rel=0.02) and d.doubling < 0.03
    assert d.floor_interval[0] <= 0.7 <= d.floor_interval[1]


@pytest.mark.parametrize(
    ("data", "width", "limit", "word"),
    [
        (0.5, None, "data", "more data"),
        (None, 0.5, "model", "larger model"),
        (0.5, 0.3, "data and model", "doubling the examples"),
        (None, None, "neither", "labels"),
    ],
)
def test_two_sweeps_say_what_to_do(data, width, limit, word):
    n = 32 * 2.0 ** np.arange(8)
    curve = lambda exponent: n**-exponent if exponent else 0.3 + 2 / n  # noqa: E731
    d = regimes.diagnose(n, curve(data), width=n, width_loss=np.stack([curve(width)] * 2))
    assert d.limited_by == limit and word in str(d)


def test_the_diagnosis_does_not_depend_on_units_or_order():
    n, loss, _ = known(np.random.default_rng(3), "variance")
    a, b = regimes.diagnose(n, loss), regimes.diagnose(1000 * n[::-1], 7 * loss[::-1])
    assert b.probability == pytest.approx(a.probability) and b.exponent == a.exponent
    assert b.floor == pytest.approx(7 * a.floor)


def test_the_diagnosis_refuses_what_it_cannot_use():
    n = np.array([10, 20, 40, 80])
    with pytest.raises(ValueError, match="width_loss"):
        regimes.diagnose(n, 1 / n, width=n)
    with pytest.raises(ValueError, match="at least 4 different sizes"):
        regimes.diagnose(n[:3], 1 / n[:3])
    with pytest.raises(ValueError, match="loss holds 0"):
        regimes.diagnose(n, [1, 0.5, 0.2, 0])
