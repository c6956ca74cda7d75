import numpy as np
import pytest

from labutils.selection.d2_pruning import d2_pruning


def brute_force(x, scores, size, neighbours, forward, reverse):
    """The two messages as one would write them down, on the matrix of all pairs."""
    n = len(x)
    distance = np.linalg.norm(x[:, None] - x[None], axis=-1)
    tied = np.zeros((n, n), bool)
    for i in range(n):
        near = [j for j in np.argsort(distance[i]) if j != i][:neighbours]
        tied[i, near] = tied[near, i] = True
    unit = np.mean(distance[tied] ** 2)
    weight = lambda gamma: np.where(tied, np.exp(-gamma * distance**2 / unit), 0)  # noqa: E731
    left = np.array([scores[i] + sum(weight(forward)[i, j] * scores[j] for j in range(n)) for i in range(n)])
    chosen = []
    for _ in range(size):
        best = max((i for i in range(n) if i not in chosen), key=lambda i: left[i])
        chosen.append(best)
        for j in range(n):
            if j not in chosen:
                left[j] -= weight(reverse)[best, j] * left[best]
    return chosen


@pytest.mark.parametrize("neighbours, forward, reverse", [(3, 1.0, 1.0), (5, 0.3, 2.0), (1, 2.0, 0.0)])
def test_is_the_two_messages_written_out(neighbours, forward, reverse):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, scores = rng.normal(size=(30, 3)), rng.random(30)
        want = brute_force(x, scores, 12, neighbours, forward, reverse)
        found = d2_pruning(x, scores, 12, neighbours=neighbours, forward=forward, reverse=reverse)
        assert found.tolist() == want


def test_without_messages_it_keeps_the_hardest():
    rng = np.random.default_rng(5)
    x, scores = rng.normal(size=(50, 4)), rng.random(50)
    found = d2_pruning(x, scores, 10, forward=1e6, reverse=1e6)
    assert found.tolist() == np.argsort(-scores)[:10].tolist()


def test_near_copies_are_not_kept_twice():
    """Five pairs of almost equal rows, each pair equally hard: one of every pair."""
    x = np.repeat(np.arange(5.0)[:, None] * 100, 2, axis=0) + np.tile([[0.0], [1e-3]], (5, 1))
    found = d2_pruning(x, np.ones(10), 5, neighbours=1)
    assert sorted(found // 2) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"scores": -np.ones(6)}, "scores hold -1"),
        ({"scores": np.ones(5)}, "shape"),
        ({"size": 7}, "size is 7"),
        ({"neighbours": 0}, "neighbours is 0"),
        ({"x": np.full((6, 2), np.nan)}, "x holds NaN"),
    ],
)
def test_bad_input_is_named(change, words):
    given = {"x": np.arange(12.0).reshape(6, 2), "scores": np.ones(6), "size": 2} | change
    with pytest.raises(ValueError, match=words):
        d2_pruning(**given)


def test_one_row_is_kept():
    assert d2_pruning(np.zeros((1, 2)), np.ones(1), 1).tolist() == [0]


def test_a_copy_of_a_chosen_row_is_not_chosen_next():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(20, 2)), 2, axis=0)
    rows = d2_pruning(x, np.repeat(np.arange(1, 21) / 20, 2), 6, neighbours=3)
    assert len(set(rows // 2)) == 6
