"""Intervals: they hold the truth as often as they say, and read as people write them."""

import numpy as np
import pytest

from labutils import intervals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.30103, "0.301"),
        (12345.6, "12,346"),
        (2.0, "2"),
        (0.1, "0.1"),
        (1e-5, "1.00 × 10^-5"),
        (3.2e8, "3.20 × 10^8"),
        (1450, "1,450"),
        (99.96, "100"),
    ],
)
def test_numbers_for_people(value, text):
    assert intervals.number(value) == text


def test_estimate_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = sum(
        low <= 3 <= high for _, (low, high) in (intervals.estimate(rng.normal(3, 2, 5)) for _ in range(2000))
    )
    assert abs(hits / 2000 - 0.9) < 3 * np.sqrt(0.9 * 0.1 / 2000)
    with pytest.raises(ValueError, match="at least 2 finite runs"):
        intervals.estimate([1.0])


def test_resampled_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [intervals.resample(rng.exponential(size=(40, 3)), np.median, n_boot=200) for _ in range(300)]
    hits = sum(low <= np.log(2) <= high for _, (low, high) in found)
    assert abs(hits / 300 - 0.9) < 3 * np.sqrt(0.9 * 0.1 / 300) + 0.02
    with pytest.raises(ValueError, match="at least 2 runs"):
        intervals.resample([[1.0]], np.median)


def test_text_of_a_value_with_its_interval():
    assert intervals.text(0.123456, (0.1, 0.2)) == "0.123 [0.1, 0.2]"
    assert intervals.text(1.5, (1, 2), "+.1f") == "+1.5 [+1.0, +2.0]"
    assert intervals.text(0.5, None, ".0%") == "50%"
    assert intervals.text(*intervals.estimate([1.0, 1.0]), ".0f") == "1 [1, 1]"
