"""Scaling laws: planted laws are found, an independent optimiser agrees, intervals cover, theory meets sampling."""

import numpy as np
import pytest
from scipy import optimize, stats

from labutils.laws import joint_law, power_law

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
    curves, rng = 100, np.random.default_rng(0)
    low, high = stats.binom.ppf([0.001, 0.999], curves, 0.9)
    n, far = SIZES[:10], SIZES[9] * 8
    hits = np.zeros(2)
    for seed in range(curves):
        exponent, floor = rng.uniform(0.3, 1.0), (0, 0.02, 0.05)[seed % 3]
        law = power_law.fit_power_law(n, noisy(n, 2, exponent, floor, 0.05, seed), n_boot=100, seed=seed)
        new = (2 * far**-exponent + floor) * np.exp(0.05 * rng.standard_normal())
        (a, b), (c, d) = law.interval(far), law.exponent_interval
        hits += (a <= new <= b, c <= exponent <= d)
    assert (low <= hits).all() and (hits <= high).all(), hits


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


# --- model size and data -------------------------------------------------------------------------------------
def chinchilla_runs(noise, seed, size=120):
    rng = np.random.default_rng(seed)
    parameters, tokens = joint_law.optimal_allocation(joint_law.CHINCHILLA, 10 ** rng.uniform(18, 22, size))
    tilt = 10 ** rng.uniform(-1, 1, size)
    parameters, tokens = parameters * tilt, tokens / tilt
    return (
        parameters,
        tokens,
        joint_law.CHINCHILLA.predict(parameters, tokens) * np.exp(noise * rng.standard_normal(size)),
    )


def test_chinchilla_is_recovered_from_its_own_points():
    exact = joint_law.fit_joint(*chinchilla_runs(0, 0), n_boot=0)
    for name in ("E", "A", "B", "alpha", "beta"):
        assert getattr(exact, name) == pytest.approx(getattr(joint_law.CHINCHILLA, name), rel=1e-6)


def test_joint_intervals_cover():
    hits = []
    for seed in range(12):
        law = joint_law.fit_joint(*chinchilla_runs(0.01, seed), n_boot=60, seed=seed)
        hits += [
            a <= getattr(joint_law.CHINCHILLA, name) <= b
            for name, (a, b) in law.intervals.items()
            if name != "scatter"
        ]
    # 60 correlated hits at 90%: judged as if only the 12 fits were independent
    assert stats.binom.ppf(0.001, 12, 0.9) / 12 <= np.mean(hits)
    assert law.scatter == pytest.approx(0.01, rel=0.3)


def test_joint_minimum_is_the_one_scipy_finds():
    parameters, tokens, loss = chinchilla_runs(0.01, 3, size=50)
    loss[7] *= 2  # an outlier is part of the bargain
    log_n, log_d, y = np.log(parameters), np.log(tokens), np.log(loss)

    def objective(p):
        a, b, e, alpha, beta = p
        r = np.abs(y - np.logaddexp(np.logaddexp(a - alpha * log_n, b - beta * log_d), e))
        return 1e3 * np.where(r < 1e-3, r * r / 2, 1e-3 * (r - 5e-4)).sum()

    grid = [(a, b, e, s, s) for a in (5, 10) for b in (5, 10) for e in (0, 0.5) for s in (0.3, 0.5)]
    polish = {"method": "Nelder-Mead", "options": {"maxiter": 4000, "xatol": 1e-8, "fatol": 1e-10}}
    best = min(optimize.minimize(objective, p, **polish).fun for p in grid)
    law = joint_law.fit_joint(parameters, tokens, loss, n_boot=0)
    ours = objective([np.log(law.A), np.log(law.B), np.log(law.E), law.alpha, law.beta])
    assert ours <= best * (1 + 1e-6)
    assert [law.alpha, law.beta] == pytest.approx([0.34, 0.28], abs=0.05)


def test_joint_fit_refuses_what_it_cannot_fit():
    with pytest.raises(ValueError, match="at least 6 points"):
        joint_law.fit_joint(np.ones(5), np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="tokens holds -1"):
        joint_law.fit_joint(np.ones(6), -np.ones(6), np.ones(6))


@pytest.mark.parametrize("law", [joint_law.CHINCHILLA, joint_law.EPOCH])
def test_allocation_is_the_minimum_along_constant_compute(law):
    parameters, tokens = joint_law.optimal_allocation(law, 1e21)
    found = optimize.minimize_scalar(lambda t: law.predict(np.exp(t), 1e21 / 6 / np.exp(t)), (15, 30))
    assert np.log(parameters) == pytest.approx(found.x, abs=1e-5)
    assert 6 * parameters * tokens == pytest.approx(1e21)


def test_kaplan_law_has_its_limits_and_its_rule_for_overfitting():
    assert joint_law.KAPLAN.predict(1e30, 1e9) == pytest.approx((1.8e13 / 1e9) ** 0.103)
    assert joint_law.KAPLAN.predict(1e9, 1e30) == pytest.approx((6.4e13 / 1e9) ** 0.076)
    excess = [
        joint_law.KAPLAN.predict(n, d) / joint_law.KAPLAN.predict(n, 1e30)
        for n, d in [(1e8, 1e9), (8e8, 4.64e9)]
    ]
    assert excess[0] == pytest.approx(excess[1], rel=1e-4)  # 8 times the model needs about 5 times the data


# --- repeats -------------------------------------------------------------------------------------------------
def test_worth_of_repeated_tokens():
    epochs = np.array([1, 2, 4, 8, 16, 40])
    worth = joint_law.effective_tokens(1e9, epochs) / (1e9 * epochs)
    assert worth == pytest.approx([1, 0.984, 0.931, 0.828, 0.661, 0.379], abs=5e-4)
    assert joint_law.effective_tokens(1.0, 1e9) == pytest.approx(16.4, abs=0.05)


def test_data_constrained_loss_is_eq_17_of_its_paper():
    n, d, u = 2e9, 4e10, np.array([4e10, 1e10, 1e9])
    base = np.minimum(0.051 * u, n)  # rounded constants, as printed there
    repeats = d / u - 1
    printed = (
        521 / (base + 5.3 * base * (1 - np.exp(-(n / base - 1) / 5.3))) ** 0.353
        + 1488 / (u + 15.4 * u * (1 - np.exp(-repeats / 15.4))) ** 0.353
        + 1.87
    )
    loss = joint_law.data_constrained_loss(n, d, u)
    assert loss == pytest.approx(printed, rel=2e-3) and (np.diff(loss) > 0).all()
    assert loss[0] == pytest.approx(joint_law.MUENNIGHOFF.predict(n, d))


def test_fresh_equivalent_inverts_the_fresh_curve_whatever_the_seeds_luck():
    tokens = np.geomspace(1e3, 1e5, 9)
    luck = np.array([1.0, 1.02, 0.97])[:, None]
    fresh = luck * (20 * tokens**-0.3 + 1.5)
    loss = luck * (20 * np.array([5e4, 2e4]) ** -0.3 + 1.5)
    assert np.allclose(joint_law.fresh_equivalent(tokens, fresh, loss), [5e4, 2e4], rtol=0.01)
    with pytest.raises(ValueError, match="fresh_loss has shape"):
        joint_law.fresh_equivalent(tokens, fresh[0], loss)


def test_kaplans_law_is_recovered_from_its_own_points():
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(3, 9, (2, 80))
    loss = joint_law.KAPLAN.predict(n, d) * np.exp(0.002 * rng.standard_normal(80))
    law = joint_law.fit_kaplan(n, d, loss)
    assert law.alpha_N == pytest.approx(0.076, abs=0.002) and law.alpha_D == pytest.approx(0.103, abs=0.003)
    assert np.allclose(law.predict(n, d), loss, rtol=0.02)
    with pytest.raises(ValueError, match="at least 6 points"):
        joint_law.fit_kaplan(n[:5], d[:5], loss[:5])
