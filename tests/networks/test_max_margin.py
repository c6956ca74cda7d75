"""The separating plane against another solver, a linear program and the conditions of optimality."""

import numpy as np
import pytest
from scipy import optimize

from labutils.networks.max_margin import max_margin


@pytest.mark.parametrize(("points", "n"), [(1, 4), (6, 3), (30, 8)])
def test_agrees_with_sequential_quadratic_programming(points, n):
    x = np.random.default_rng(points).standard_normal((points, n))
    y = np.sign(x[:, 0])
    rows = x * y[:, None]
    peer = optimize.minimize(
        lambda w: w @ w / 2,
        10 * np.eye(n)[0],
        jac=lambda w: w,
        constraints={"type": "ineq", "fun": lambda w: rows @ w - 1, "jac": lambda w: rows},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert peer.success
    np.testing.assert_allclose(max_margin(x, y), peer.x, rtol=1e-5, atol=1e-6)


def test_meets_the_conditions_of_optimality():
    x = np.random.default_rng(0).standard_normal((300, 100))
    y = np.sign(x[:, 0])
    w = max_margin(x, y)
    rows = x * y[:, None]
    slack = rows @ w - 1
    assert slack.min() > -1e-9
    touching = slack < 1e-8
    force, rest = optimize.nnls(rows[touching].T, w)  # w is a nonnegative sum of the examples on the margin
    assert rest < 1e-8 * np.linalg.norm(w)
    assert force.sum() == pytest.approx(w @ w)


def test_agrees_with_a_linear_program_on_whether_there_is_one():
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((24, 12)), rng.choice([-1, 1], 24)
        w = max_margin(x, y)
        program = optimize.linprog(np.zeros(12), A_ub=-y[:, None] * x, b_ub=-np.ones(24), bounds=(None, None))
        assert (w is not None) == (program.status == 0)
        if w is not None:
            assert (y * (x @ w)).min() == pytest.approx(1)
        found.append(w is not None)
    assert 15 < sum(found) < 45


def test_none_where_nothing_separates():
    assert max_margin(np.ones((2, 2)), [1, -1]) is None
    assert max_margin(np.zeros((2, 2)), [1, -1]) is None


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((2, 2)), [1, 0], "only -1 and 1"),
        (np.ones((2, 2)), [1], "shape"),
        (np.ones((0, 2)), [], "shape"),
        (np.full((1, 2), np.nan), [1], "x holds NaN"),
    ],
)
def test_bad_input_is_named(x, y, message):
    with pytest.raises(ValueError, match=message):
        max_margin(x, y)
