"""Gradient matching: against non-negative least squares solved anew at each step, and scikit-learn's matching pursuit."""

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.linear_model import orthogonal_mp

from labutils.selection.gradient_matching import gradient_matching


def by_hand(g, size, penalty):
    """The paper's loop, each step with its own non-negative least squares on rows stretched by the damping."""
    damping = penalty * (g**2).sum() / len(g)
    goal, order, weights = g.sum(axis=0), [], np.zeros(0)
    while len(order) < size:
        gain = g @ (goal - weights @ g[order])
        gain[order] = -np.inf
        order.append(int(gain.argmax()))
        stretched = np.vstack([g[order].T, np.sqrt(damping) * np.eye(len(order))])
        weights = nnls(stretched, np.append(goal, np.zeros(len(order))))[0]
    return order, weights


@pytest.mark.parametrize(
    ("shape", "penalty"), [((60, 5), 0.5), ((40, 80), 0.5), ((60, 5), 0.01), ((50, 3), 20.0)]
)
@pytest.mark.parametrize("seed", range(5))
def test_choices_and_weights_are_those_of_the_loop_by_hand(shape, penalty, seed):
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(shape) + 0.3 * rng.standard_normal(shape[1])
    found = gradient_matching(g, 30, penalty=penalty)
    order, weights = by_hand(g, 30, penalty)
    assert found.indices.tolist() == order
    np.testing.assert_allclose(found.weights, weights, atol=1e-7)


def test_without_damping_it_is_orthogonal_matching_pursuit():
    rng = np.random.default_rng(0)
    g = np.abs(rng.standard_normal((30, 200)))  # rows so wide that all weights stay above zero
    found = gradient_matching(g, 8, penalty=1e-7)
    for size in range(1, 9):
        theirs = orthogonal_mp(g.T, g.sum(axis=0), n_nonzero_coefs=size)
        assert set(np.flatnonzero(theirs)) == set(found.indices[:size].tolist())
    assert (theirs[found.indices] > 0).all()
    np.testing.assert_allclose(found.weights, theirs[found.indices], rtol=1e-4)


def test_a_choice_of_rows_is_the_beginning_of_a_longer_one():
    g = np.random.default_rng(1).standard_normal((80, 6)).astype(np.float32)
    long = gradient_matching(g, 50).indices
    assert gradient_matching(g, 7).indices.tolist() == long[:7].tolist()
    assert len(set(long.tolist())) == 50


def test_all_rows_have_the_weights_of_least_squares_and_a_few_come_nearer_than_chance():
    rng = np.random.default_rng(2)
    g = rng.standard_normal((200, 6)) + 0.5
    all_rows = gradient_matching(g, 200)
    damping = 0.5 * (g**2).sum() / len(g)
    stretched = np.vstack([g.T, np.sqrt(damping) * np.eye(200)])
    best = nnls(stretched, np.append(g.sum(axis=0), np.zeros(200)))[0]
    np.testing.assert_allclose(all_rows.weights, best[all_rows.indices], atol=1e-8)
    few = gradient_matching(g, 20, penalty=0.01)
    missed = np.linalg.norm(few.weights @ g[few.indices] - g.sum(axis=0))
    draws = [10 * g[rng.permutation(200)[:20]].sum(axis=0) for _ in range(50)]
    assert missed < 0.3 * np.median([np.linalg.norm(d - g.sum(axis=0)) for d in draws])


def test_copies_zeros_and_opposites_come_to_an_end():
    g = np.vstack([np.ones((5, 3)), np.zeros((4, 3)), -np.ones((3, 3))])
    found = gradient_matching(g, 12)
    assert sorted(found.indices.tolist()) == list(range(12))
    assert found.indices[:5].tolist() == [0, 1, 2, 3, 4]
    assert (found.weights[:5] > 0).all() and (found.weights[5:] == 0).all()
    assert gradient_matching(np.zeros((4, 2)), 4).weights.tolist() == [0, 0, 0, 0]


def test_bad_input_is_named():
    g = np.ones((4, 2))
    with pytest.raises(ValueError, match=r"gradients has shape \(4,\)"):
        gradient_matching(g[:, 0], 2)
    with pytest.raises(ValueError, match="size is 5; allowed: a whole number from 1 to 4"):
        gradient_matching(g, 5)
    with pytest.raises(ValueError, match="penalty holds 0"):
        gradient_matching(g, 2, penalty=0)
    with pytest.raises(ValueError, match="gradients holds NaN"):
        gradient_matching(np.full((4, 2), np.nan), 2)
