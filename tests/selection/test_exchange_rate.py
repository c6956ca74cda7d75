import numpy as np
import pytest
from scipy import stats

from labutils.selection.exchange_rate import exchange_rate

N = np.array([100, 200, 400, 800, 1600])


def curve(n):
    """A learning curve that is a straight line in log n."""
    return 0.5 + 0.05 * np.log2(np.asarray(n, float) / 100)


def test_random_rows_are_worth_themselves():
    for k in (100, 300, 1600):
        rate = exchange_rate(N, [curve(N)] * 3, k, [curve(k)] * 3)
        assert rate.value == pytest.approx(1)
        assert rate.interval == pytest.approx((1, 1))
        assert not rate.beyond


@pytest.mark.parametrize("worth", [0.3, 2.5])
def test_rate_is_exact_on_a_curve_that_is_straight_in_log_n(worth):
    assert exchange_rate(N, curve(N), 400, curve(worth * 400)).value == pytest.approx(worth)


def test_beyond_the_curve_the_end_is_a_bound():
    above, below = exchange_rate(N, curve(N), 400, 0.9), exchange_rate(N, curve(N), 400, 0.1)
    assert (above.value, above.beyond, above.text()) == (pytest.approx(4), "above", "> 4")
    assert (below.value, below.beyond, below.text()) == (pytest.approx(0.25), "below", "< 0.25")
    far = exchange_rate(N, np.tile(curve(N), (2, 1)), 400, np.array([0.1, 0.11]))
    assert far.interval == pytest.approx((0.25, 0.25)) and far.text() == "< 0.25"


def test_a_dip_of_the_curve_is_pooled_and_a_plateau_reached_at_its_start():
    dip = [0.5, 0.62, 0.58, 0.7, 0.8]  # pooled: .5 .6 .6 .7 .8
    assert exchange_rate(N, dip, 100, 0.6).value == pytest.approx(2)
    assert exchange_rate(N, dip, 100, 0.65).value == pytest.approx(2**2.5)


def test_interval_is_students_of_the_pairs_carried_through_the_curve():
    rng = np.random.default_rng(0)
    split = rng.normal(0, 0.05, size=4)  # what a split does to both arms alike
    gaps = rng.normal(0, 0.004, size=4)
    runs = curve(N) - curve(N).mean() + 0.6 + split[:, None]
    chosen = np.array([np.interp(np.log(400), np.log(N), run) for run in runs]) + gaps
    rate = exchange_rate(N, runs, 400, chosen)
    reach = stats.t.ppf(0.95, 3) * gaps.std(ddof=1) / 2
    want = 2 ** ((gaps.mean() + np.array([-1, 1]) * reach) / 0.05)
    np.testing.assert_allclose(rate.interval, want, rtol=1e-9)
    assert exchange_rate(N, runs, 400, chosen[:3]).interval[0] < rate.interval[0]  # no pairs: wider
    assert exchange_rate(N, runs, 400, chosen[0]).interval is None


def test_interval_covers_the_true_rate_nine_times_in_ten():
    rng, held = np.random.default_rng(1), []
    for _ in range(400):
        runs = curve(N) + rng.normal(0, 0.01, size=(5, len(N)))
        rate = exchange_rate(N, runs, 200, curve(300) + rng.normal(0, 0.01, size=5))
        held.append(rate.interval[0] <= 1.5 <= rate.interval[1])
    assert 0.85 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(
    "n, random, k, chosen, words",
    [
        ([100, 100], [0.5, 0.6], 10, 0.5, "rising"),
        ([100, 200], [0.5, 0.6, 0.7], 10, 0.5, "shape"),
        ([100, 200], [0.5, np.nan], 10, 0.5, "random_accuracy"),
        ([100, 200], [0.5, 0.6], 0, 0.5, "k holds 0"),
        ([100, 200], [0.5, 0.6], 10, [[0.5]], "accuracy of shape"),
    ],
)
def test_bad_input_is_named(n, random, k, chosen, words):
    with pytest.raises(ValueError, match=words):
        exchange_rate(n, random, k, chosen)
