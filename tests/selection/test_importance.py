import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.networks import models
from labutils.selection import importance

RNG = np.random.default_rng(0)


def network():
    net = models.initialise(models.mlp([6, 5, 3]), 1)
    x, y = RNG.normal(size=(30, 6)).astype(np.float32), RNG.integers(3, size=30)
    return net, {name: p.detach().numpy() for name, p in net.named_parameters()}, x, y


def test_gradients_are_those_of_autograd_one_row_at_a_time():
    net, parameters, x, y = network()
    found = importance.gradients(net, parameters, x, y)
    for i in range(len(y)):
        loss = functional.cross_entropy(net(torch.tensor(x[i : i + 1])), torch.tensor(y[i : i + 1]))
        exact = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
        np.testing.assert_allclose(found[i], exact.numpy(), atol=1e-6)


def test_projected_inner_products_keep_within_the_bound():
    """Lengths of all rows and of all their sums within e, by the union bound over Achlioptas' tails."""
    net, parameters, x, y = network()
    exact = importance.gradients(net, parameters, x, y)
    m, e = 4000, 0.15
    seen = importance.gradients(net, parameters, x, y, projected=m, seed=3)
    pairs = list(itertools.combinations(range(len(y)), 2))
    assert 2 * (len(pairs) + len(y)) * np.exp(-(e**2 / 4 - e**3 / 6) * m) < 1e-3
    off = np.square(seen).sum(axis=1) / np.square(exact).sum(axis=1) - 1
    assert abs(off).max() < e
    for i, j in pairs:
        bound = (
            e * (np.square(exact[i]).sum() + np.square(exact[j]).sum()) / 2
        )  # from the lengths of sum and difference
        assert abs(seen[i] @ seen[j] - exact[i] @ exact[j]) <= 1.5 * bound


def test_projections_of_one_seed_agree_and_their_mean_is_the_product():
    net, parameters, x, y = network()
    exact = importance.gradients(net, parameters, x[:2], y[:2])
    given = {"projected": 20}
    np.testing.assert_allclose(
        importance.gradients(net, parameters, x[:2], y[:2], seed=1, **given),
        importance.gradients(net, parameters, x, y, seed=1, **given)[:2],
        atol=1e-5,
    )
    drawn = [importance.gradients(net, parameters, x[:2], y[:2], seed=s, **given) for s in range(400)]
    products = [d[0] @ d[1] for d in drawn]
    reach = 4 * np.std(products) / 20
    assert abs(np.mean(products) - exact[0] @ exact[1]) < reach


def test_similarity_is_the_cosine_with_the_nearest_mean():
    rows, target = RNG.normal(size=(7, 4)), RNG.normal(size=(6, 4))
    groups = np.array([0, 0, 1, 1, 2, 2])
    found = importance.similarity(rows, target, groups)
    for i, row in enumerate(rows):
        means = [target[groups == g].mean(axis=0) for g in range(3)]
        assert found[i] == pytest.approx(
            max(row @ m / np.linalg.norm(row) / np.linalg.norm(m) for m in means)
        )
    assert importance.similarity(np.zeros((1, 4)), target) == 0


def test_log_importance_is_the_exact_density_ratio_of_a_small_world():
    """Two independent features of two values each: with many target rows the ratio is that of the products."""
    rng = np.random.default_rng(2)
    shares = {"target": (0.8, 0.3), "pool": (0.5, 0.6)}
    rows = {k: np.column_stack([rng.random(200_000) < p for p in v]).astype(int) for k, v in shares.items()}
    counts = {k: np.eye(2)[v].reshape(len(v), 4) for k, v in rows.items()}
    found = importance.log_importance(counts["pool"], counts["target"])
    for a, b in itertools.product((0, 1), repeat=2):
        p = [np.prod([s if v else 1 - s for s, v in zip(shares[k], (a, b))]) for k in ("target", "pool")]
        own = (rows["pool"] == (a, b)).all(axis=1)
        np.testing.assert_allclose(found[own], np.log(p[0] / p[1]), atol=0.03)


def test_a_pool_that_is_the_target_weighs_all_rows_alike():
    counts = importance.ngrams(["the sea is calm", "the whale dived", "she smiled"], buckets=64).toarray()
    np.testing.assert_allclose(importance.log_importance(counts, counts), 0, atol=1e-6)


def test_words_of_the_target_weigh_more():
    texts = ["the whale and the sea", "the ball and the dress", "a dress at the ball", "sea sea whale"]
    counts = importance.ngrams(texts, buckets=1024)
    weights = importance.log_importance(counts, importance.ngrams(["a whale in the sea"], buckets=1024))
    assert set(np.argsort(-weights)[:2]) == {0, 3}


def test_ngrams_count_words_and_pairs():
    counts = importance.ngrams(["a b a b", "a"], buckets=2**16)
    assert sorted(counts[0].data) == [1, 2, 2, 2] and counts[1].sum() == 1  # a, b, ab twice; ba once


def test_bins_are_quantiles_of_the_pool():
    pool = np.arange(100.0)[:, None]
    found = importance.bins(pool, pool, n_bins=4)
    np.testing.assert_array_equal(found.sum(axis=0), [25, 25, 25, 25])
    np.testing.assert_array_equal(importance.bins(np.array([[-5.0], [500.0]]), pool).argmax(axis=1), [0, 3])


def test_resampling_draws_in_proportion_to_the_weights():
    weights = np.array([0.5, 0.3, 0.2])
    first = [importance.resample(np.log(weights), 1, seed=s)[0] for s in range(4000)]
    np.testing.assert_allclose(np.bincount(first) / 4000, weights, atol=0.03)
    pairs = [tuple(importance.resample(np.log(weights), 2, seed=s)) for s in range(4000)]
    assert np.mean([p == (0, 1) for p in pairs]) == pytest.approx(0.5 * 0.3 / 0.5, abs=0.03)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: importance.resample(np.zeros(3), 4), "k is 4"),
        (lambda: importance.resample(np.array([np.nan]), 1), "log_weights"),
        (lambda: importance.log_importance(np.ones((2, 2)), np.ones((1, 2)), smoothing=0), "smoothing"),
        (lambda: importance.similarity(np.array([[np.inf]]), np.ones((1, 1))), "rows"),
        (lambda: importance.bins(np.ones((2, 1)), np.ones((2, 1)), n_bins=1), "n_bins"),
        (lambda: importance.ngrams(["a"], buckets=1), "buckets"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
