"""Scaling laws: planted laws are found, an independent optimiser agrees, intervals cover, theory meets sampling."""

import numpy as np
import pytest
from scipy import optimize, stats

from labutils import scaling

SIZES = 16 * 2 ** (np.arange(13) / 2)


def noisy(n, amplitude, exponent, floor, noise, seed, shape=()):
    z = np.random.default_rng(seed).standard_normal((*shape, len(n)))
    return (amplitude * n**-exponent + floor) * np.exp(noise * z)


# --- one curve -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amplitude", "exponent", "floor"), [(2, 0.5, 0.03), (40, 1.3, 0.2), (5, 0.095, 1.7)]
)
def test_a_planted_law_is_recovered(amplitude, exponent, floor):
    law = scaling.fit_power_law(SIZES, amplitude * SIZES**-exponent + floor, n_boot=0)
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
    law = scaling.fit_power_law(SIZES, np.exp(y), n_boot=0)
    ours = objective([np.log(law.amplitude), np.log(max(law.floor, 1e-13)), law.exponent])
    assert ours <= best * (1 + 1e-4)


def test_intervals_cover_new_measurements_and_exponents():
    curves, rng = 100, np.random.default_rng(0)
    low, high = stats.binom.ppf([0.001, 0.999], curves, 0.9)
    n, far = SIZES[:10], SIZES[9] * 8
    hits = np.zeros(2)
    for seed in range(curves):
        exponent, floor = rng.uniform(0.3, 1.0), (0, 0.02, 0.05)[seed % 3]
        law = scaling.fit_power_law(n, noisy(n, 2, exponent, floor, 0.05, seed), n_boot=100, seed=seed)
        new = (2 * far**-exponent + floor) * np.exp(0.05 * rng.standard_normal())
        (a, b), (c, d) = law.interval(far), law.exponent_interval
        hits += (a <= new <= b, c <= exponent <= d)
    assert (low <= hits).all() and (hits <= high).all(), hits


def test_one_outlier_does_not_move_the_law():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.01, 0)
    spoiled = loss.copy()
    spoiled[6] *= 3
    clean, law = (scaling.fit_power_law(SIZES, v, n_boot=0) for v in (loss, spoiled))
    squares = scaling.fit_power_law(SIZES, spoiled, n_boot=0, delta=10)
    assert abs(law.exponent - clean.exponent) < 0.02 < abs(squares.exponent - clean.exponent)


def test_without_floor_and_with_squares_it_is_the_straight_line():
    loss = noisy(SIZES, 3, 0.4, 0, 0.1, 1)
    slope, intercept = np.polyfit(np.log(SIZES), np.log(loss), 1)
    law = scaling.fit_power_law(SIZES, loss, floor=False, delta=100, n_boot=0)
    assert [law.exponent, law.amplitude, law.floor] == pytest.approx([-slope, np.exp(intercept), 0], rel=1e-7)


def test_units_do_not_matter():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.02, 2)
    law, scaled = scaling.fit_power_law(SIZES, loss), scaling.fit_power_law(SIZES * 1e6, loss * 1e3)
    assert scaled.exponent == pytest.approx(law.exponent, rel=1e-5)
    assert scaled.floor == pytest.approx(law.floor * 1e3, rel=1e-5)
    assert scaled.interval(1e9) == pytest.approx(law.interval(1e3) * 1e3, rel=1e-3)


def test_seeds_are_averaged_and_draws_repeat():
    loss = noisy(SIZES, 2, 0.5, 0.03, 0.05, 3, shape=(5,))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    law, again = scaling.fit_power_law(SIZES, loss), scaling.fit_power_law(SIZES, loss.mean(axis=0))
    assert np.array_equal(law.draws, again.draws)
    assert not np.array_equal(law.draws, scaling.fit_power_law(SIZES, loss, seed=1).draws)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    wide = law.interval(1e4, level=0.99)
    assert wide[0] < law.interval(1e4)[0] < law.predict(1e4) < law.interval(1e4)[1] < wide[1]


def test_a_point_said_to_be_noise_is_ignored():
    loss = 2 * SIZES**-0.5 + 0.03
    loss[[2, 7, 11]] *= (3, 0.3, 2)
    sigma = np.ones(13)
    sigma[[2, 7, 11]] = 1e4
    assert scaling.fit_power_law(SIZES, loss, sigma=sigma, n_boot=0).exponent == pytest.approx(0.5, abs=1e-3)


def test_examples_for_inverts_predict():
    law = scaling.fit_power_law(SIZES, 2 * SIZES**-0.5 + 0.03, n_boot=0)
    assert law.examples_for(law.predict([50, 5e5])) == pytest.approx([50, 5e5], rel=1e-6)
    assert np.isinf(law.examples_for([law.floor, law.floor / 2])).all()
    toy = scaling.fit_power_law([1e2, 1e3, 1e4], [0.4, 0.2, 0.1], floor=False, n_boot=0)
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
        scaling.fit_power_law(n, loss)


# --- kernel regression ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_kernel_curve_has_the_exponent_and_amplitude_of_its_asymptote(exponent):
    n = np.logspace(1, 8, 15)
    loss, p = scaling.kernel_learning_curve(n, exponent), 1 + exponent
    slope = -np.diff(np.log(loss)) / np.diff(np.log(n))
    assert slope[n[1:] > 1e4] == pytest.approx(exponent, rel=1e-3)
    amplitude = (np.pi / p / np.sin(np.pi / p)) ** p  # from integrating L over all modes
    assert loss[-1] == pytest.approx(amplitude * n[-1] ** -exponent, rel=1e-6)


def test_infinite_tail_agrees_with_ten_million_modes():
    for kappa in (1e-2, 1e-5, 1e-9):
        finite = scaling._mode_sums(kappa, 3.0, 10**7)
        assert scaling._mode_sums(kappa, 3.0, None) == pytest.approx(finite, rel=1e-5 * (1e-9 / kappa) + 1e-9)


def test_white_spectrum_has_its_closed_form():
    n, modes, noise = np.array([10, 50, 99, 101, 300]), 100, 0.3
    loss = scaling.kernel_learning_curve(n, -1.0, noise=noise, modes=modes)
    bias = modes * np.maximum(1 - n / modes, 0)  # the teacher's power outside the span of n examples
    variance = np.where(n < modes, 1 / (1 - n / modes), 1 / (1 - modes / n))
    assert loss == pytest.approx(bias + noise * variance, rel=1e-9)


def test_sampling_agrees_and_approaches_the_theory_as_it_grows():
    n, modes = np.array([8, 32, 128]), 512
    for exponent in (0.5, 1.0):
        measured = scaling.sampled_kernel_curve(n, exponent, modes=modes, trials=40)
        theory = scaling.kernel_learning_curve(n, exponent, modes=modes)
        gap = np.abs(measured.mean(axis=0) / theory - 1)
        assert gap[0] < 0.1 and gap[1] < 0.03 and gap[2] < 0.01


def test_sampled_curve_and_noisy_ridge_theory_agree_with_brute_force():
    n, modes, noise, ridge, rng = 60, 200, 0.1, 0.05, np.random.default_rng(0)
    spectrum = np.arange(1.0, modes + 1) ** -1.5
    errors = []
    for _ in range(400):
        train, test = (rng.standard_normal((m, modes)) * np.sqrt(spectrum) for m in (n, 200))
        teacher = rng.standard_normal(modes)
        labels = train @ teacher + np.sqrt(noise) * rng.standard_normal(n)
        weights = train.T @ np.linalg.solve(train @ train.T + ridge * np.eye(n), labels)
        errors.append(np.mean((test @ (teacher - weights)) ** 2) + noise)
    theory = scaling.kernel_learning_curve(n, 0.5, noise=noise, ridge=ridge, modes=modes)
    assert np.mean(errors) == pytest.approx(float(theory), abs=4 * np.std(errors) / 20)


def test_kernel_curves_refuse_nonsense():
    with pytest.raises(ValueError, match="exponent is 0"):
        scaling.kernel_learning_curve(10, 0)
    with pytest.raises(ValueError, match="n holds -1"):
        scaling.kernel_learning_curve([-1], 1)
    with pytest.raises(ValueError, match="modes = 5"):
        scaling.sampled_kernel_curve([3, 6], 1, modes=5, trials=1)
