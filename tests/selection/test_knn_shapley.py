"""kNN-Shapley values against the definition over all subsets, their axioms, and the bound of the short form."""

import itertools
import math

import numpy as np
import pytest

from labutils import rows
from labutils.selection.knn_shapley import knn_shapley


def problem(n, tests, classes=3, d=4, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n + tests, d)), rng.integers(0, classes, n + tests)
    y[:classes] = np.arange(classes)
    return x[:n], y[:n], x[n:], y[n:]


def worth(rows, x_train, y_train, x_test, y_test, k):
    """Mean share, of k, of right labels among the nearest of the training rows."""
    rows = np.array(rows, dtype=int)
    right = 0
    for x, y in zip(x_test, y_test):
        nearest = rows[np.argsort(((x_train[rows] - x) ** 2).sum(axis=1))][:k]
        right += (y_train[nearest] == y).sum() / k
    return right / len(x_test)


def all_subsets(x_train, y_train, x_test, y_test, k):
    n = len(x_train)
    subsets = [s for size in range(n + 1) for s in itertools.combinations(range(n), size)]
    v = {s: worth(s, x_train, y_train, x_test, y_test, k) for s in subsets}
    values = np.zeros(n)
    for s in subsets:
        share = (
            math.factorial(len(s)) * math.factorial(n - len(s) - 1) / math.factorial(n) if len(s) < n else 0
        )
        for i in set(range(n)) - set(s):
            values[i] += share * (v[tuple(sorted((*s, i)))] - v[s])
    return values


@pytest.mark.parametrize("k", [1, 2, 5, 8])
@pytest.mark.parametrize("seed", range(2))
def test_equal_to_brute_force_over_all_subsets(k, seed):
    case = problem(8, 3, seed=seed)
    np.testing.assert_allclose(knn_shapley(*case, k), all_subsets(*case, k), atol=1e-14)


@pytest.mark.parametrize("block", [1, 1000, 2**18])
def test_values_sum_to_the_worth_of_all_whatever_the_block(block, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", block)
    case = problem(300, 40, d=10, seed=1)
    values = knn_shapley(*case, 7)
    assert values.sum() == pytest.approx(worth(range(300), *case, 7), abs=1e-12)
    one_by_one = [knn_shapley(*case[:2], x[None], y[None], 7) for x, y in zip(*case[2:])]
    np.testing.assert_allclose(values, np.mean(one_by_one, axis=0), atol=1e-14)


@pytest.mark.parametrize("error", [0.3, 0.05, 0.01])
def test_the_short_form_keeps_its_bound(error):
    case = problem(400, 1, classes=2, seed=2)  # one test example: nothing averages out
    exact, short = knn_shapley(*case, 3), knn_shapley(*case, 3, error=error)
    assert 0 < np.abs(exact - short).max() <= error
    assert np.count_nonzero(short) <= math.ceil(1 / error)
    np.testing.assert_array_equal(knn_shapley(*case, 3, error=1e-9), exact)


def test_far_from_the_origin_the_order_survives_float32():
    case = problem(60, 5, seed=3)
    moved = [case[0] + 1e4, case[1], case[2] + 1e4, case[3]]
    np.testing.assert_allclose(knn_shapley(*moved, 5), knn_shapley(*case, 5), atol=1e-12)


def test_wrong_labels_get_low_values():
    x, y, x_test, y_test = problem(500, 200, classes=2, seed=4)
    x[:, 0] += 6 * y
    x_test[:, 0] += 6 * y_test
    flipped = y.copy()
    flipped[:50] = 1 - y[:50]
    values = knn_shapley(x, flipped, x_test, y_test, 5)
    assert set(np.argsort(values)[:45]) <= set(range(50))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k": 0}, "k is 0; allowed: whole numbers from 1 to 20"),
        ({"k": 21}, "k is 21"),
        ({"error": 1.0}, "error is 1.0"),
        ({"x_train": np.full((20, 4), np.nan)}, "x_train holds NaN"),
        ({"x_test": np.full((5, 4), np.inf)}, "x_test holds NaN or infinity"),
        ({"x_test": np.ones((5, 3))}, "x_test has 3 columns; allowed: 4"),
        ({"y_train": np.zeros(19)}, "y_train (19,)"),
        ({"y_train": np.zeros(20)}, "one class"),
        ({"x_test": np.ones((0, 4)), "y_test": np.ones(0)}, "at least one"),
    ],
)
def test_bad_input_is_told_in_one_sentence(change, sentence):
    case = dict(zip(("x_train", "y_train", "x_test", "y_test"), problem(20, 5))) | {"k": 3} | change
    with pytest.raises(ValueError) as error:
        knn_shapley(**case)
    assert sentence in str(error.value) and "\n" not in str(error.value)
