"""Four regimes: the diagnosis on curves whose regime is known."""

import numpy as np
import pytest

from labutils.laws import forecasts, random_features, regimes


def known(rng, regime, points=8, noise=0.05):
    """A curve of exact theory in the given regime: sizes, noisy losses, the exponent of its spectrum."""
    exponent = np.exp(rng.uniform(np.log(0.15), np.log(2)))
    n = 2 ** rng.uniform(4, 8) * rng.uniform(1.5, 3) ** np.arange(points)
    other = n[-1] * rng.uniform(16, 200) if regime == "resolution" else n[0] / rng.uniform(1.5, 16)
    loss = random_features.loss(n, other, exponent)
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
    assert np.mean(stated) - np.mean(right) < 0.05  # without a floor it may be more modest, see the next test
    assert 0.75 <= np.mean(covered) <= 1  # 50 of 90% intervals


def test_the_diagnosis_is_right_as_often_as_it_says_where_powers_have_floors():
    rng, right, stated = np.random.default_rng(5), [], []
    for i in range(200):
        truth = ("resolution", "variance")[i % 2]
        n, loss, exponent = known(rng, truth)
        if i % 4 == 0:  # half of the powers
            power, share = (n / n[-1]) ** -exponent, rng.uniform(0.05, 0.95)
            loss = ((1 - share) * power + share) * np.exp(0.05 * rng.standard_normal(8))
        d = regimes.diagnose(n, loss)
        right.append(d.regime == truth)
        stated.append(d.probability[d.regime])
    assert abs(np.mean(right) - np.mean(stated)) < 0.05


def test_the_diagnosis_is_right_as_often_as_it_says_when_unsure():
    rng, right, stated = np.random.default_rng(1), [], []
    for i in range(100):
        truth = ("resolution", "variance")[i % 2]
        n, loss, _ = known(rng, truth, points=5, noise=0.1)
        d = regimes.diagnose(n, loss)
        if d.probability[d.regime] < 0.9:
            right.append(d.regime == truth)
            stated.append(d.probability[d.regime])
    assert len(right) > 30
    assert abs(np.mean(right) - np.mean(stated)) < 3 * 0.5 / np.sqrt(len(right))


def test_it_says_where_to_measure_but_never_beyond_the_rows_there_are():
    n = 64 * 2.0 ** np.arange(5)
    loss = n**-0.12 * np.exp(0.03 * np.cos(np.arange(5)))
    d = regimes.diagnose(n, loss)
    assert d.verdict == "cannot tell" and d.measure_next == 2048 and "measure at 2,048 next" in str(d)
    assert regimes.diagnose(n, loss, rows=1500).measure_next == 1500
    used = regimes.diagnose(n, loss, rows=1024)
    assert used.measure_next is None and "repeat the largest sizes" in str(used)
    with pytest.raises(ValueError, match="rows is 1000; allowed: at least 1024"):
        regimes.diagnose(n, loss, rows=1000)


def test_the_verdict_is_what_the_calibrated_forecast_says():
    rng, n = np.random.default_rng(7), 32 * 2.0 ** np.arange(8)
    for exponent, floor in [(0.5, 0), (0.02, 0), (1, 0.5)]:
        loss = (n**-exponent + floor) * np.exp(0.01 * rng.standard_normal((3, 8)))
        d, ahead = regimes.diagnose(n, loss), forecasts.forecast(n, loss, 2 * n[-1])
        assert d.doubling == pytest.approx(1 - ahead.value[0] / ahead.last)
        assert d.doubling_interval == pytest.approx(
            [1 - end[0] / ahead.last for end in ahead.interval()[::-1]]
        )
        assert d.worth == pytest.approx(ahead.chance_below(0.9 * ahead.last)[0])
        assert d.idle == pytest.approx(1 - ahead.chance_below(0.97 * ahead.last)[0])
        assert d.last_step == pytest.approx(1 - loss.mean(axis=0)[-1] / loss.mean(axis=0)[-2])
        assert d.verdict == {0.5: "worth it", 0.02: "stop", 1: "stop"}[exponent] and d.measure_next is None


def test_doubling_and_floor_are_those_of_the_curve():
    n = 100 * 2.0 ** np.arange(8)
    d = regimes.diagnose(n, 3 * n**-0.5)
    assert d.limited_by == "data" and d.exponent == pytest.approx(0.5, abs=0.03)
    low, high = d.doubling_interval
    assert low <= 1 - 2**-0.5 <= high and high - low < 0.1
    d = regimes.diagnose(n, 0.7 + 50 / n)
    assert d.limited_by == "not data" and d.floor == pytest.approx(0.7, rel=0.02) and d.doubling < 0.03
    assert d.floor_interval[0] <= 0.7 <= d.floor_interval[1]


@pytest.mark.parametrize("share", [0.6, 0.8])
def test_what_doubling_buys_is_foretold_above_a_high_floor_reached_slowly(share):
    rng, n, held = np.random.default_rng(4), 64 * 2.0 ** np.arange(8), []
    for _ in range(60):
        exponent = rng.uniform(0.3, 0.6)
        curve = share + (1 - share) * np.r_[n, 2 * n[-1]] ** -exponent / n[-1] ** -exponent
        d = regimes.diagnose(n, curve[:-1] * np.exp(0.05 * rng.standard_normal(8)))
        low, high = d.doubling_interval
        held.append(low <= 1 - curve[-1] / curve[-2] <= high)
    assert np.mean(held) > 0.85  # of 90% intervals


def test_the_law_of_large_language_models_is_foretold():
    n = 1e9 * 2.0 ** np.arange(9)
    loss = 1.69 + 406.4 / 1e9**0.34 + 410.7 / n**0.28  # Hoffmann et al. 2022, a billion parameters
    d = regimes.diagnose(n[:-1], loss[:-1])
    low, high = d.doubling_interval
    assert low <= 1 - loss[-1] / loss[-2] <= high < 0.06 and low > 0
    assert (
        d.regime == "resolution"
        and d.floor_interval[0] <= loss[-1] - 410.7 / n[-1] ** 0.28 <= d.floor_interval[1]
    )


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


def test_a_rising_loss_gets_no_verdict_and_a_level_one_with_noise_does():
    n = 32 * 2.0 ** np.arange(8)
    for size in (4, 8):
        d = regimes.diagnose(n[:size], 0.1 * n[:size] ** 0.3, width=n, width_loss=1 / n)
        assert d.limited_by == "cannot tell yet" and "the loss rises" in str(d)
        assert (
            d.regime == "rising" and "ariance" not in str(d).split(".")[0] and not sum(d.probability.values())
        )
    assert not regimes.diagnose(n[::-1], (0.1 * n**0.3)).rises
    rng = np.random.default_rng(0)
    level = [regimes.diagnose(n, np.exp(0.05 * rng.standard_normal(8))) for _ in range(100)]
    assert sum(d.rises for d in level) <= 3


def test_the_diagnosis_refuses_what_it_cannot_use():
    n = np.array([10, 20, 40, 80])
    with pytest.raises(ValueError, match="width_loss"):
        regimes.diagnose(n, 1 / n, width=n)
    with pytest.raises(ValueError, match="at least 4 different sizes"):
        regimes.diagnose(n[:3], 1 / n[:3])
    with pytest.raises(ValueError, match="loss holds 0"):
        regimes.diagnose(n, [1, 0.5, 0.2, 0])
