"""Each formula against a simulation written by hand, a brute-force sum, or a limit that is known."""

import numpy as np
import pytest
from scipy import stats

from labutils.laws import synthetic

ROWS = {"rows": 20, "weights": 5}


def close(runs, expected, deviations=4.5):
    """Whether the mean of independent runs is as near to what is expected as chance allows."""
    return abs(np.mean(runs) - expected) < deviations * np.std(runs) / np.sqrt(len(runs))


@pytest.mark.parametrize("regime", synthetic.REGIMES)
def test_a_line_of_regressions_errs_as_the_formula_says(regime):
    """The models are refitted here one by one with lstsq on all rows that a model sees."""
    rng, last = np.random.default_rng(1), []
    for _ in range(1500):
        w, xs, ys = np.zeros(5), [], []
        for _ in range(4):
            x = rng.standard_normal((20, 5))
            xs, ys = (
                ([x], [x @ w + rng.standard_normal(20)])
                if regime == "replace"
                else ([*xs, x], [*ys, x @ w + rng.standard_normal(20)])
            )
            w = np.linalg.lstsq(np.concatenate(xs), np.concatenate(ys), rcond=None)[0]
        last.append(w @ w)
    formula = {"replace": synthetic.replaced_error, "accumulate": synthetic.accumulated_error}[regime]
    assert close(last, formula(4, **ROWS))
    simulated = synthetic.regression_generations(4, regime, **ROWS, seeds=3000, seed=2)
    for n in range(4):
        assert close(simulated[:, n], formula(n + 1, **ROWS))


def test_accumulated_errors_approach_the_bound_of_the_paper_from_below():
    base = synthetic.replaced_error(1, rows=10**7, weights=5)
    ratio = synthetic.accumulated_error(np.array([1, 10, 10**5]), rows=10**7, weights=5) / base
    assert ratio[0] == pytest.approx(1)
    assert np.all(ratio < np.pi**2 / 6) and ratio[-1] == pytest.approx(np.pi**2 / 6, rel=1e-4)
    few = synthetic.accumulated_error(np.array([2, 3, 4]), rows=40, weights=10)
    assert few / synthetic.replaced_error(1, rows=40, weights=10) == pytest.approx(
        [1.210, 1.299, 1.347], abs=1e-3
    )


@pytest.mark.parametrize(("rows", "share"), [(8, 0.5), (12, 0.25), (40, 0.1), (40, 0.9)])
def test_a_mixture_errs_as_the_matrix_beta_says_at_few_rows_too(rows, share):
    runs = synthetic.mixed_regression(rows, share, 2.0, weights=4, noise=0.5, seeds=6000, seed=3)
    assert close(runs, synthetic.mixed_error(rows, share, 2.0, weights=4, noise=0.5))


def test_a_mixture_ends_where_it_must():
    clean, wrong = (synthetic.mixed_error(50, share, 3, weights=4) for share in (0, 1))
    assert clean == pytest.approx(synthetic.replaced_error(1, rows=50, weights=4))
    assert wrong == pytest.approx(clean + 9)
    assert synthetic.mixed_error(10**8, 0.2, 3, weights=4) == pytest.approx(0.2**2 * 9, rel=1e-6)


def test_one_weight_is_the_mixture_of_a_beta_variable():
    """With a single weight the synthetic share of the Gram matrix is a beta variable; its second moment is known."""
    share = stats.beta(6 / 2, 14 / 2)
    expected = 4 * share.moment(2) + 1 / (20 - 2)
    assert synthetic.mixed_error(20, 0.3, 2, weights=1) == pytest.approx(expected)


def test_normal_fits_replaced():
    mean, variance = synthetic.gaussian_generations(15, 12, "replace", seeds=20_000, seed=4)
    moment, logarithm = synthetic.gaussian_replaced(15, 12)
    assert close(mean[:, -1] ** 2, moment)
    assert close(np.log(variance[:, -1]), logarithm)
    assert close(variance[:, 3], 1) and np.median(variance[:, -1]) < 0.5
    chi = stats.chi2(11)
    assert logarithm / 15 == pytest.approx(chi.expect(np.log, lb=0) - np.log(11), abs=1e-6)


def test_normal_fits_accumulated():
    variance = synthetic.gaussian_generations(8, 6, "accumulate", seeds=20_000, seed=5)[1]
    product = synthetic.gaussian_accumulated(np.arange(1, 9), 6)
    for n in (0, 2, 7):
        assert close(variance[:, n], product[n])
    assert product[0] == pytest.approx(5 / 6)
    limit = np.sin(np.pi / np.sqrt(10)) / (np.pi / np.sqrt(10))
    assert synthetic.gaussian_accumulated(10**6, 10) == pytest.approx(limit, rel=1e-5)


def test_missing_mass_is_the_sum_over_symbols_and_what_draws_show():
    p = np.arange(1, 41.0) ** -1.5
    p /= p.sum()
    known = np.where(np.arange(40) < 10, p, 0) / p[:10].sum()
    q = 0.2 * p + 0.8 * known
    brute = [sum(a * (1 - b) ** n for a, b in zip(p, q)) for n in (1, 30)]
    given = {"power": 1.5, "cut": 10, "real": 0.2, "symbols": 40}
    assert synthetic.missing_mass(np.array([1, 30]), **given) == pytest.approx(brute)
    runs = synthetic.sampled_missing_mass(np.array([1, 30]), **given, seeds=4000, seed=6)
    assert close(runs[:, 0], brute[0]) and close(runs[:, 1], brute[1])
    floor = synthetic.missing_mass(10**6, power=1.5, cut=10, symbols=40)
    assert floor == pytest.approx(p[10:].sum())


def test_worth_reads_off_the_curve_what_is_known():
    n = np.array([10, 20, 40, 80])
    curves = 1 - np.array([[0.9], [0.6], [1.1]]) * n**-0.5  # runs that differ in level alone
    accuracy = 1 - (1 - curves[:, 1]) * 1.5**-0.5  # as with 30 rows
    assert synthetic.worth(n, curves, 20, 20, accuracy) == pytest.approx(0.5 * np.ones(3), abs=1e-2)
    assert synthetic.worth(n, curves, 20, 20, curves[:, 1]) == pytest.approx(np.zeros(3), abs=1e-6)
    assert synthetic.worth(n, curves, 20, 20, curves[:, 0]) == pytest.approx(-0.5 * np.ones(3), abs=1e-2)
    assert synthetic.worth(n, curves, 20, 10, np.ones(3)) == pytest.approx(
        6 * np.ones(3)
    )  # the end is a bound


def test_worth_has_the_spread_of_its_estimate():
    """Over many repetitions its interval has the width that the estimates have."""
    n, rng, means, errors = np.array([25, 50, 100, 200, 400]), np.random.default_rng(7), [], []
    for _ in range(300):
        curves = 1 - n**-0.5 + rng.normal(0, 0.004, (6, 5))
        values = synthetic.worth(n, curves, 100, 100, 1 - 150**-0.5 + rng.normal(0, 0.004, 6))
        means.append(values.mean())
        errors.append(values.var(ddof=1) / 6)
    assert np.mean(means) == pytest.approx(0.5, abs=0.02)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(means), rel=0.2)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: synthetic.replaced_error(1, rows=6, weights=5), "rows"),
        (lambda: synthetic.regression_generations(2, "replaced", **ROWS, seeds=2), "regime"),
        (lambda: synthetic.mixed_error(20, 1.5, 1, weights=3), "share"),
        (lambda: synthetic.gaussian_generations(2, 1, "replace", seeds=2), "rows"),
        (lambda: synthetic.missing_mass(10, power=1, cut=3), "power"),
        (lambda: synthetic.sampled_missing_mass([0, 5], power=2, cut=3, seeds=2), "n is"),
        (lambda: synthetic.sampled_missing_mass([5], power=2, cut=3, seeds=0), "seeds"),
        (lambda: synthetic.worth([10, 20, 30], np.zeros((2, 3)), 15, 5, np.zeros(2)), "real"),
    ],
)
def test_bad_input_is_named(call, word):
    with pytest.raises(ValueError, match=word):
        call()
