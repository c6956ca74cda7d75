"""Power laws: planted laws are found, an independent optimiser agrees, intervals cover."""

import numpy as np
import pytest
from scipy import optimize, stats

from labutils.laws import forecasts, power_law

SIZES = 16 * 2 ** (np.arange(13) / 2)


def noisy(n, amplitude, exponent, floor, noise, seed, shape=()):
    z = np.random.default_rng(seed).standard_normal((*shape, len(n)))
    return (amplitude * n**-exponent + floor) * np.exp(noise * z)


# --- one curve -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amplitude", "exponent", "floor"), [(2, 0.5, 0.03), (40, 1.3, 0.2), (5, 0.095, 1.7)]
)
def test_a_planted_law_is_recovered(amplitude, exponent, floor):
    law = power_law.fit_power_law(SIZES, amplitude * SIZES**-exponent + floor, n_boot=0)
    assert [law.amplitude, law.exponent, law.floor] == pytest.approx([amplitude, exponent, floor], rel=1e-3)
    assert law.predict(1e6) == pytest.approx(amplitude * 1e6**-exponent + floor, rel=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_the_minimum_is_the_one_scipy_finds(seed):
    y = np.log(noisy(SIZES, 2, 0.2 + 0.2 * seed, [0, 0.02, 0.1][seed % 3], 0.03, seed))
    x = np.log(SIZES)

    def objective(p):  # a + e, alpha: Hoffmann's own form, with its gradient left to finite differences
        r = np.abs(y - np.logaddexp(p[0] - p[2] * x, p[1]))
        return 1e3 * np.where(r < 1e-3, r * r / 2, 1e-3 * (r - 5e-4)).sum()

    bounds = [(None, None), (-30, None), (0, None)]
    starts = [(a, e, s) for a in (-1, 1, 3) for e in (-6, -3, -1) for s in (0.2, 0.7, 1.5)]
    best = min(optimize.minimize(objective, p, method="Nelder-Mead", bounds=bounds).fun for p in starts)
    law = power_law.fit_power_law(SIZES, np.exp(y), n_boot=0)
    ours = objective([np.log(law.amplitude), np.log(max(law.floor, 1e-13)), law.exponent])
    assert ours <= best * (1 + 1e-4)


def test_intervals_cover_new_measurements_and_exponents():
    n_seeds, rng = 100, np.random.default_rng(0)
    low, high = stats.binom.ppf([0.001, 0.999], n_seeds, 0.9)
    n, far = SIZES[:10], SIZES[9] * 8
    hits = np.zeros(3)
    for seed in range(n_seeds):
        exponent, floor = rng.uniform(0.3, 1.0), (0, 0.02, 0.05)[seed % 3]
        law = power_law.fit_power_law(n, noisy(n, 2, exponent, floor, 0.05, seed), n_boot=100, seed=seed)
        new = (2 * far**-exponent + floor) * np.exp(0.05 * rng.standard_normal())
        (a, b), (c, d) = law.interval(far), law.exponent_interval
        e, f = law.interval(far, own=True)
        hits += (a <= new <= b, c <= exponent <= d, e <= new <= f)
    assert (low <= hits).all() and hits[1] <= high, (
        hits
    )  # that of the loss allows for curves that bend otherwise


def test_a_flat_curve_has_a_law_and_finite_forecasts():
    n = np.array([16, 18, 20, 21, 23, 25, 27, 30, 32, 35, 39, 42, 46, 50, 54, 59, 64, 70])
    loss = np.full(18, 0.3506)
    loss[[3, 4, 5, 12, 13, 15, 16, 17]] = 0.3636, 0.3678, 0.3512, 0.3517, 0.3527, 0.3543, 0.3527, 0.3532
    law = power_law.fit_power_law(n, loss)
    assert np.isfinite([law.amplitude, law.exponent, law.floor, *law.exponent_interval]).all()
    far = np.array([20, 560, 1e12])
    assert law.predict(far) == pytest.approx(0.3506, rel=0.02)
    low, high = law.interval(far)
    assert (low < 0.3506).all() and (high > 0.3506).all() and (high / low)[:2].max() < 1.6


def test_beyond_the_fit_the_interval_is_that_of_the_calibrated_forecast():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.05, 4)
    law, far = power_law.fit_power_law(SIZES, loss), SIZES[-1] * np.array([[2.0, 8.0]])
    assert law.interval(far).shape == (2, 1, 2)
    assert law.interval(far)[:, 0] == pytest.approx(
        np.array(forecasts.forecast(SIZES, loss, far[0]).interval())
    )
    inside = law.interval(SIZES)  # within the sizes fitted it is the law's own
    assert np.mean((inside[0] <= loss) & (loss <= inside[1])) >= 0.75
    three = power_law.fit_power_law(SIZES[:3], loss[:3], floor=False)  # too few for a forecast: the law's own
    assert np.isfinite(three.interval(far)).all()


def test_one_outlier_does_not_move_the_law():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.01, 0)
    spoiled = loss.copy()
    spoiled[6] *= 3
    clean, law = (power_law.fit_power_law(SIZES, v, n_boot=0) for v in (loss, spoiled))
    squares = power_law.fit_power_law(SIZES, spoiled, n_boot=0, delta=10)
    assert abs(law.exponent - clean.exponent) < 0.02 < abs(squares.exponent - clean.exponent)


def test_without_floor_and_with_squares_it_is_the_straight_line():
    loss = noisy(SIZES, 3, 0.4, 0, 0.1, 1)
    slope, intercept = np.polyfit(np.log(SIZES), np.log(loss), 1)
    law = power_law.fit_power_law(SIZES, loss, floor=False, delta=100, n_boot=0)
    assert [law.exponent, law.amplitude, law.floor] == pytest.approx([-slope, np.exp(intercept), 0], rel=1e-7)


def test_units_do_not_matter():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.02, 2)
    law, scaled = power_law.fit_power_law(SIZES, loss), power_law.fit_power_law(SIZES * 1e6, loss * 1e3)
    assert scaled.exponent == pytest.approx(law.exponent, rel=1e-5)
    assert scaled.floor == pytest.approx(law.floor * 1e3, rel=1e-5)
    assert scaled.interval(1e9) == pytest.approx(law.interval(1e3) * 1e3, rel=1e-3)


def test_seeds_are_averaged_and_draws_repeat():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.05, 3, shape=(5,))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    law, again = power_law.fit_power_law(SIZES, loss), power_law.fit_power_law(SIZES, loss.mean(axis=0))
    assert np.array_equal(law.draws, again.draws)
    assert not np.array_equal(law.draws, power_law.fit_power_law(SIZES, loss, seed=1).draws)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    wide = law.interval(1e4, level=0.99)
    assert wide[0] < law.interval(1e4)[0] < law.predict(1e4) < law.interval(1e4)[1] < wide[1]


def test_a_point_said_to_be_noise_is_ignored():
    loss = 2 * SIZES**-0.5 + 0.03
    loss[[2, 7, 11]] *= (3, 0.3, 2)
    sigma = np.ones(13)
    sigma[[2, 7, 11]] = 1e4
    assert power_law.fit_power_law(SIZES, loss, sigma=sigma, n_boot=0).exponent == pytest.approx(
        0.5, abs=1e-3
    )


def test_examples_for_inverts_predict():
    law = power_law.fit_power_law(SIZES, 2 * SIZES**-0.5 + 0.03, n_boot=0)
    assert law.examples_for(law.predict([50, 5e5])) == pytest.approx([50, 5e5], rel=1e-6)
    assert np.isinf(law.examples_for([law.floor, law.floor / 2])).all()
    toy = power_law.fit_power_law([1e2, 1e3, 1e4], [0.4, 0.2, 0.1], floor=False, n_boot=0)
    assert toy.exponent == pytest.approx(np.log10(2))
    assert toy.examples_for(0.05) == pytest.approx(1e5, rel=1e-6)


@pytest.mark.parametrize(
    ("n", "loss", "message"),
    [
        ([1, 2, 3, 4], [0.5, 0.2, 0.0, 0.1], "loss holds 0"),
        ([0, 2, 3, 4], [0.5, 0.2, 0.1, 0.1], "n holds 0"),
        ([1, 2, 3, 4], [0.5, 0.2, np.nan, 0.1], "loss holds nan"),
        ([1, 2, 3, 4], [0.5, 0.2, 0.1], "they must agree"),
        ([1, 2, 3, 3], [0.5, 0.2, 0.1, 0.1], "at least 4"),
    ],
)
def test_bad_curves_are_refused(n, loss, message):
    with pytest.raises(ValueError, match=message):
        power_law.fit_power_law(n, loss)


# --- laws compared -------------------------------------------------------------------------------------------
def test_extrapolating_many_curves_is_fitting_each():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.05, 0, shape=(4, 3))
    far = [5e3, 1e5]
    pow3, pow2 = (power_law.extrapolate(SIZES, loss, far, law=law) for law in ("pow3", "pow2"))
    assert pow3.shape == (4, 3, 2) and power_law.extrapolate(SIZES, loss[0, 0], 1e4).shape == ()
    for i, j in [(0, 0), (1, 2), (3, 1)]:
        for ours, floor in [(pow3, True), (pow2, False)]:
            law = power_law.fit_power_law(SIZES, loss[i, j], floor=floor, n_boot=0)
            assert ours[i, j] == pytest.approx(law.predict(far), rel=1e-3)


def test_each_law_predicts_its_own_kind_and_last_stays():
    n, far = np.arange(1.0, 13), np.array([20.0, 40.0])
    assert power_law.extrapolate(n, 3 * np.exp(-0.4 * n) + 0.1, far, law="exp3") == pytest.approx(
        3 * np.exp(-0.4 * far) + 0.1, rel=1e-4
    )
    assert power_law.extrapolate(n, 3 * n**-0.4, far, law="pow2") == pytest.approx(3 * far**-0.4, rel=1e-6)
    shuffled = np.random.default_rng(0).permutation(12)
    assert (power_law.extrapolate(n[shuffled], (1 / n)[shuffled], far, law="last") == 1 / 12).all()
    with pytest.raises(ValueError, match="Did you mean 'pow3'"):
        power_law.extrapolate(n, 1 / n, far, law="pow33")
