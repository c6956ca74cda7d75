"""Joint laws: recovered from their own points, an independent optimiser agrees, published tables are met."""

import numpy as np
import pytest
from scipy import optimize, stats

from labutils.laws import joint_law


def optimal_allocation(law, flops):
    """Parameters N and tokens D that minimise `law` at 6 N D = `flops`: Hoffmann et al. 2022, eq. 4."""
    ratio = (law.alpha * law.A / (law.beta * law.B)) ** (1 / (law.alpha + law.beta))
    parameters = ratio * np.divide(flops, 6) ** (law.beta / (law.alpha + law.beta))
    return parameters, np.divide(flops, 6) / parameters


def planted_runs(noise, seed, size=120):
    rng = np.random.default_rng(seed)
    parameters, tokens = optimal_allocation(joint_law.CHINCHILLA, 10 ** rng.uniform(18, 22, size))
    tilt = 10 ** rng.uniform(-1, 1, size)
    parameters, tokens = parameters * tilt, tokens / tilt
    return (
        parameters,
        tokens,
        joint_law.CHINCHILLA.predict(parameters, tokens) * np.exp(noise * rng.standard_normal(size)),
    )


def test_chinchilla_is_recovered_from_its_own_points():
    exact = joint_law.fit_joint(*planted_runs(0, 0), n_boot=0)
    for name in ("E", "A", "B", "alpha", "beta"):
        assert getattr(exact, name) == pytest.approx(getattr(joint_law.CHINCHILLA, name), rel=1e-6)


def test_joint_intervals_cover():
    hits = []
    for seed in range(12):
        law = joint_law.fit_joint(*planted_runs(0.01, seed), n_boot=60, seed=seed)
        hits += [
            a <= getattr(joint_law.CHINCHILLA, name) <= b
            for name, (a, b) in law.intervals.items()
            if name != "scatter"
        ]
    # 60 correlated hits at 90%: judged as if only the 12 fits were independent
    assert stats.binom.ppf(0.001, 12, 0.9) / 12 <= np.mean(hits)
    assert law.scatter == pytest.approx(0.01, rel=0.3)


def test_joint_minimum_is_the_one_scipy_finds():
    parameters, tokens, loss = planted_runs(0.01, 3, size=50)
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
    parameters, tokens = optimal_allocation(law, 1e21)
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
    for epochs in (0, [1, 0.5], np.nan):
        with pytest.raises(ValueError, match=r"epochs is .*; allowed: at least 1"):
            joint_law.effective_tokens(100, epochs)


def test_the_law_of_repeats_is_eq_17_of_its_paper():
    n, d, u = 2e9, 4e10, np.array([4e10, 1e10, 1e9])
    base = np.minimum(0.051 * u, n)  # rounded constants, as printed there
    repeats = d / u - 1
    printed = (
        521 / (base + 5.3 * base * (1 - np.exp(-(n / base - 1) / 5.3))) ** 0.353
        + 1488 / (u + 15.4 * u * (1 - np.exp(-repeats / 15.4))) ** 0.353
        + 1.87
    )
    loss = joint_law.PUBLISHED_REPEATS.predict(n, d, u)
    assert loss == pytest.approx(printed, rel=2e-3) and (np.diff(loss) > 0).all()
    assert loss[0] == pytest.approx(joint_law.MUENNIGHOFF.predict(n, d))


@pytest.mark.parametrize("law", [joint_law.CHINCHILLA, joint_law.MUENNIGHOFF])
def test_parameters_count_as_repeats_beyond_those_best_for_the_unique_tokens(law):
    size, tokens = optimal_allocation(law, 1e21)
    repeats = joint_law.RepeatLaw(law)
    for factor in (0.5, 1):
        assert repeats.predict(factor * size, tokens, tokens) == pytest.approx(
            law.predict(factor * size, tokens)
        )
    assert repeats.predict(4 * size, tokens, tokens) > law.predict(4 * size, tokens)


def test_the_law_of_repeats_is_recovered_from_its_own_runs():
    rng = np.random.default_rng(0)
    size, unique = 10 ** rng.uniform(7.5, 10, 250), 10 ** rng.uniform(8.5, 11, 250)
    tokens = unique * 2 ** rng.uniform(0, 6, 250)
    loss = joint_law.PUBLISHED_REPEATS.predict(size, tokens, unique) * np.exp(
        0.003 * rng.standard_normal(250)
    )
    loss[::40] *= 1.5  # runs that failed
    found = joint_law.fit_repeats(size, tokens, unique, loss)
    assert found.token_decay == pytest.approx(joint_law.TOKEN_DECAY, rel=0.1)
    assert found.parameter_decay == pytest.approx(joint_law.PARAMETER_DECAY, rel=0.2)
    assert found.law.alpha == found.law.beta == pytest.approx(0.3527, abs=0.02)
    with pytest.raises(ValueError, match="tokens / unique"):
        joint_law.fit_repeats(size, tokens, 2 * tokens, loss)


def test_published_runs_are_all_there_and_besiroglus_fit_is_found_again():
    size, tokens, loss = joint_law.chinchilla_runs()
    assert len(loss) == 245 and 2 < loss.min() < loss.max() < 6
    usual = np.argsort(np.argsort(tokens / size)) >= 5
    law = joint_law.fit_joint(size[usual], tokens[usual], loss[usual], n_boot=0)
    assert [law.E, law.alpha, law.beta] == pytest.approx([1.8172, 0.3478, 0.3658], abs=0.003)  # their table
    size, tokens, unique, loss = joint_law.repeated_runs()
    assert len(loss) == 296 and (unique <= tokens).all() and size.max() == 8.67e9


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
