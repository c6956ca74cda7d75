import numpy as np
import pytest
from scipy import stats

from labutils.audit import confirm, learners

LINEAR = learners.choose("linear")


def clouds(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return (2 * np.eye(5)[y] + rng.standard_normal((n, 5))).astype(np.float32), y


def test_scores_are_those_of_a_fit_on_the_rows_kept_and_on_all():
    (x, y), (z, t) = clouds(300, 0), clouds(200, 1)
    kept = np.arange(0, 300, 10)
    found = confirm.look(x, y, kept, z, t, LINEAR, n_classes=3)
    for rows, value in ((kept, found.kept), (np.arange(300), found.full)):
        fitted = LINEAR.fit(x[rows], y[rows], n_classes=3)
        assert value == pytest.approx(np.mean(fitted.predict(z).argmax(axis=1) == t))
    assert found.gap == pytest.approx(found.kept - found.random) and found.n_test == 200


def test_random_rows_beat_random_rows_no_more_often_than_the_interval_says():
    (x, y), missed = clouds(400, 0), 0
    for seed in range(30):
        z, t = clouds(200, 100 + seed)
        kept = np.random.default_rng(seed).permutation(400)[:40]
        low, high = confirm.look(x, y, kept, z, t, LINEAR, n_classes=3, seed=seed).gap_interval
        missed += not low <= 0 <= high
    assert missed <= stats.binom.ppf(0.99, 30, 0.1)


def test_intervals_of_shares_are_wilsons_and_of_numbers_normal():
    right = np.r_[np.ones(90), np.zeros(10)]
    z = stats.norm.ppf(0.95)
    low, high = confirm.share_interval(right, z)
    want = stats.binomtest(90, 100).proportion_ci(0.9, method="wilson")
    assert (low, high) == pytest.approx((want.low, want.high))
    values = np.random.default_rng(0).standard_normal(400)
    low, high = confirm.share_interval(values, z)
    assert high - low == pytest.approx(2 * z * values.std() / 20)


def test_all_rows_kept_leave_no_gap():
    (x, y), (z, t) = clouds(100, 0), clouds(100, 1)
    found = confirm.look(x, y, np.arange(100), z, t, LINEAR, n_classes=3)
    assert found.kept == found.full == found.random and found.gap == 0
