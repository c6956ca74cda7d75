"""Forecasts: their parts are what they are called, exact laws are met, units do not matter, odd curves are survived."""

import numpy as np
import pytest

from labutils.laws import forecasts

N = 32 * 2.0 ** np.arange(9)
FLAT = np.array([16, 18, 20, 21, 23, 25, 27, 30, 32, 35, 39, 42, 46, 50, 54, 59, 64, 70.0])
LEVEL = np.full(18, 0.3506)
LEVEL[[3, 4, 5, 12, 13, 15, 16, 17]] = 0.3636, 0.3678, 0.3512, 0.3517, 0.3527, 0.3543, 0.3527, 0.3532


def parts(n, loss, ahead):
    location, scale, step = forecasts.features(*forecasts.tidy(np.asarray(n), loss), np.asarray(ahead, float))
    return dict(zip(forecasts.LOCATION, location.T)), dict(zip(forecasts.SCALE, np.exp(scale.T))), step


def test_lines_are_weighted_least_squares_that_forget():
    rng = np.random.default_rng(0)
    n, y = np.sort(rng.uniform(16, 900, 14)), rng.standard_normal(14) * 0.1
    location, *_ = parts(n, np.exp(y), [1, 2])
    u = np.log2(n / n[-1])
    for memory in forecasts.MEMORY:
        slope, level = np.polyfit(u, y - y[-1], 1, w=np.sqrt(2.0 ** (u / memory)))
        assert location[f"line {memory:g}"] == pytest.approx(
            np.clip(slope * np.array([1, 2]), [-2, -4], [1, 2])
        )
        if memory < 4:
            assert location[f"level {memory:g}"] == pytest.approx([level] * 2)


@pytest.mark.parametrize(
    ("exponent", "floor"), [(forecasts.EXPONENTS[8], 0.0), (forecasts.EXPONENTS[6], 0.4)]
)
def test_the_best_law_is_the_law_and_the_last_step_the_last_step(exponent, floor):
    law = lambda n: 5 * n**-exponent + floor  # noqa: E731
    location, scale, step = parts(N, law(N), [1, 3])
    truth = np.log(law(N[-1] * np.array([2, 8])) / law(N[-1]))
    assert location["law, best"] == pytest.approx(truth, abs=1e-3)
    assert step == pytest.approx(np.log(law(N[-1]) / law(N[-2])))
    assert location["last step"] == pytest.approx([step, 3 * step]) and scale["noise"].max() < 2e-3


def test_noise_is_estimated_whatever_the_slope():
    rng = np.random.default_rng(0)
    n = 16 * 2 ** (np.arange(60) / 8)
    for noise in (0.01, 0.1):
        found = [
            parts(n, n**-0.4 * np.exp(noise * rng.standard_normal(60)), [1])[1]["noise"][0] for _ in range(40)
        ]
        assert np.mean(found) == pytest.approx(noise, rel=0.25)


def test_exact_laws_lie_within_their_intervals_and_the_median_follows_them():
    for exponent, floor in [(0.5, 0), (0.3, 0), (1, 0.02), (0.28, 1.9), (1, 0.7)]:
        loss = 3 * np.r_[N, 2 * N[-1], 8 * N[-1]] ** -exponent + floor
        found = forecasts.forecast(N, loss[:9], [2 * N[-1], 8 * N[-1]])
        low, high = found.interval()
        assert (low <= loss[9:]).all() and (loss[9:] <= high).all()
        assert abs(np.log(found.value / loss[9:])).max() < 0.2
        assert found.last_step == pytest.approx(loss[8] * (loss[8] / loss[7]) ** np.array([1, 3]))


def test_quantiles_and_chances_are_two_sides_of_one_distribution():
    found = forecasts.forecast(N, N**-0.3 * np.exp(0.05 * np.sin(N)), 3 * N[-1])
    for level in (0.05, 0.3, 0.8):
        assert found.chance_below(found.quantile(level)[0])[0] == pytest.approx(level, abs=1e-6)
    assert found.chance_below(1e-9)[0] == 0 and found.chance_below(1e9)[0] == 1
    assert np.all(np.diff(found.quantiles, axis=1) >= 0)


def test_units_order_and_the_form_of_the_repeats_do_not_matter():
    rng = np.random.default_rng(1)
    loss = N**-0.3 * np.exp(0.05 * rng.standard_normal((3, 9)))
    plain = forecasts.forecast(N, loss, [1e4, 1e5])
    mixed = rng.permutation(9)
    other = forecasts.forecast(7 * N[mixed], 100 * loss[:, mixed], [7e4, 7e5])
    assert other.quantiles == pytest.approx(100 * plain.quantiles)
    assert forecasts.forecast(N, loss.mean(axis=0), [1e4, 1e5]).quantiles == pytest.approx(plain.quantiles)
    flat = forecasts.forecast(np.tile(N, 3), loss.ravel(), [1e4, 1e5])  # the repeats one after another
    assert flat.quantiles == pytest.approx(plain.quantiles)


def test_flat_rising_peaked_and_stepping_curves_get_finite_forecasts():
    rise = 0.1 * N**0.3
    peak = np.where(N == 512, 0.5, N**-0.5)
    steps = np.repeat([0.5, 0.3, 0.1], 3)
    for n, loss in [(FLAT, LEVEL), (N, rise), (N, peak), (N, steps), (N, np.ones(9)), (N[:4], steps[:4])]:
        found = forecasts.forecast(n, loss, n.max() * 2.0 ** np.array([0.1, 1, 2.5, 6]))
        low, high = found.interval()
        assert np.isfinite(found.quantiles).all() and (low < found.value).all() and (found.value < high).all()
    low, high = forecasts.forecast(FLAT, LEVEL, 560).interval()
    assert 0.7 * 0.3506 < low[0] < 0.3506 < high[0] < 1.3 * 0.3506


def test_farther_is_less_certain():
    found = forecasts.forecast(N, N**-0.3 * np.exp(0.03 * np.cos(N)), N[-1] * 2.0 ** np.arange(1, 9))
    low, high = found.interval()
    assert (np.diff(np.log(high / low)) > -0.02).all() and high[-1] / low[-1] > 1.5 * high[0] / low[0]


@pytest.mark.parametrize(
    ("n", "loss", "target", "message"),
    [
        (N[:3], N[:3], 1e5, "at least 4 different sizes"),
        (N, N[:5], 1e5, r"n holds 9 sizes, loss has shape \(5,\)"),
        (N, N, N[-1], "target is 8192; allowed: above 8192"),
        (N, 0 * N, 1e5, "loss holds 0"),
    ],
)
def test_what_cannot_be_forecast_is_refused(n, loss, target, message):
    with pytest.raises(ValueError, match=message):
        forecasts.forecast(n, loss, target)
