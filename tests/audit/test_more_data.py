import numpy as np
import pytest
from sklearn.neighbors import KNeighborsRegressor

from labutils.audit import learners, more_data

LINEAR = learners.choose("linear")


def noisy(n, d=20, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32)
    return x, (x @ rng.standard_normal(d) / np.sqrt(d) + noise * rng.standard_normal(n)).astype(np.float32)


def test_the_curve_is_that_of_least_squares():
    """With n rows of d features the excess error of least squares is noise^2 d / (n - d - 1): exact for Gaussian rows."""
    x, y = noisy(4_000)
    found = more_data.measure(x, y, LINEAR, repeats=6)
    at = found.n >= 200
    variance = y.var()
    expected = 0.25 * (1 + 20 / (found.n[at] - 21)) / variance
    assert np.allclose(found.loss.mean(axis=0)[at], expected, rtol=0.06)


def smooth(n=1_500):
    """A smooth target in four dimensions, which one nearest neighbour learns as n^-1/2."""
    x = np.random.default_rng(0).random((n, 4)).astype(np.float32)
    return x, np.sin(2 * np.pi * x).sum(axis=1).astype(np.float32)


NEAREST = learners.choose(lambda size, seed: KNeighborsRegressor(1))


def test_says_worth_it_where_the_curve_falls_and_not_where_only_noise_is_left():
    flat = more_data.measure(*noisy(4_000), LINEAR, repeats=8)
    assert flat.verdict != "worth it" and flat.diagnosis.doubling < 0.04
    found = more_data.measure(*smooth(), NEAREST)
    assert found.verdict == "worth it" and 0.15 < found.diagnosis.doubling < 0.4  # 1 - 2^-1/2 = 0.29


def test_the_rows_for_a_target_are_those_at_which_the_forecast_reaches_it():
    x, y = smooth()
    last = more_data.measure(x, y, NEAREST).loss[:, -1].mean()
    found = more_data.measure(x, y, NEAREST, target=float(last * 0.7))
    assert found.rows_interval[0] <= found.rows <= found.rows_interval[1]
    assert 1.3 < found.rows / found.n[-1] < 4  # 0.7^-2 = 2
    assert found.forecast(np.array([found.rows]))[0][0] == pytest.approx(found.target, rel=0.03)
    easy = more_data.measure(x, y, NEAREST, target=float(last * 1.5))
    assert easy.rows == easy.n[-1]


def test_no_error_at_all_is_said_and_every_split_holds_other_rows():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=300)
    x = (rng.standard_normal((300, 3)) + 40 * y[:, None]).astype(np.float32)
    found = more_data.measure(x, y, LINEAR, n_classes=2)
    assert found.spotless and found.verdict == "stop" and (found.loss > 0).all()
    parts = more_data.splits(100, 4, 0)
    assert all(len(held) == 20 and not set(own) & set(held) for own, held in parts)
    assert len({tuple(sorted(held)) for _, held in parts}) == 4


@pytest.mark.parametrize(("n", "classes"), [(32, 2), (48, 10), (1_000, 3), (100_000, 10), (600_000, 2)])
def test_sizes_rise_to_all_rows_and_are_at_least_four(n, classes):
    found = more_data.sizes(n, classes)
    assert len(found) >= 4 and (np.diff(found) > 0).all() and n / 1.5 < found[-1] <= n and len(found) < 32
