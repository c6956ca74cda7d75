"""Modular addition: gradients against autograd, updates against torch's and the papers' formulas, exact solutions."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.budget import grokking


def test_sums_are_the_table_of_a_clock():
    a, b, c = grokking.sums(12)
    assert len(a) == 144
    assert c[(a == 9) & (b == 5)] == 2
    with pytest.raises(ValueError, match="p is 1"):
        grokking.sums(1)


def test_subsets_have_their_size_and_nest():
    small, large = grokking.subsets(13, [0.2, 0.5], seeds=[3, 3])
    assert small.sum() == round(0.2 * 169) and large.sum() == round(0.5 * 169)
    assert not (small & ~large).any()
    with pytest.raises(ValueError, match="fractions"):
        grokking.subsets(13, [0.0], seeds=[0])


def network(w, a, b):
    """Scores of one network by the definition, one sum at a time."""
    return torch.stack([w[2] @ (w[0, i] + w[1, j]) ** 2 for i, j in zip(a, b)])


def test_scores_follow_the_definition():
    w = grokking.draw(5, 4, 0)
    a, b, _ = grokking.sums(5)
    assert np.allclose(grokking.scores(w), network(torch.tensor(w), a, b).numpy(), atol=1e-6)
    assert grokking.scores(np.stack([[w, w]])).shape == (1, 2, 25, 5)


def gradient(p, w, rows, labels):
    """The gradient of the mean cross-entropy by autograd."""
    w = torch.tensor(w, requires_grad=True)
    a, b, _ = grokking.sums(p)
    functional.cross_entropy(network(w, a[rows], b[rows]), torch.as_tensor(labels[rows])).backward()
    return w.grad


def reference(recipe, p, w, rows, labels, steps, rate, decay):
    """Training by torch.optim and the formulas of the papers, written plainly for one network."""
    w, slow = torch.tensor(w), None
    w.requires_grad_()
    orthogonal = recipe == "orthogonal"
    optimizer = torch.optim.AdamW(
        [w],
        rate,
        betas=(0.9, 0.99 if orthogonal else 0.98),
        eps=1e-25 if orthogonal else 1e-8,
        weight_decay=decay,
    )
    for _ in range(steps):
        g = gradient(p, w.detach().numpy(), rows, labels)
        if orthogonal:
            for table in range(3):
                v, d = w[table].detach().flatten(), g[table].flatten()
                rest = d - (v @ d) / (v @ v) * v
                g[table] = (rest * d.norm() / rest.norm()).view_as(g[table])
        if recipe == "grokfast":
            slow = g.clone() if slow is None else 0.98 * slow + 0.02 * g
            g = g + 2 * slow
        w.grad = g
        optimizer.step()
    return w.detach().numpy()


@pytest.mark.parametrize("recipe", ["adamw", "grokfast", "orthogonal"])
def test_side_by_side_training_is_each_network_alone(recipe):
    p, rates, decays = 7, [0.01, 0.03, 0.02], [0.0, 1.0, 0.5]
    part = grokking.subsets(p, [0.4, 0.7, 0.4], seeds=[0, 1, 2])  # two sizes, so two groups
    labels = np.random.default_rng(0).integers(p, size=part.shape)
    runs = grokking.run(
        p, part, steps=6, hidden=5, recipe=recipe, learning_rate=rates, weight_decay=decays, labels=labels
    )
    for i in range(3):
        rows = np.flatnonzero(part[i])
        alone = reference(recipe, p, grokking.draw(p, 5, i), rows, labels[i], 6, rates[i], decays[i])
        assert np.allclose(runs.weights[i], alone, atol=2e-5)
        assert runs.weight_norm[i, -1] == pytest.approx(np.linalg.norm(alone), rel=1e-4)


def test_histories_hold_what_the_weights_give():
    p = 7
    part = grokking.subsets(p, [0.5, 1.0], seeds=[0, 1])
    runs = grokking.run(p, part, steps=5, hidden=6, every=2, snapshots=True)
    assert runs.steps.tolist() == [0, 2, 4, 5]
    assert np.array_equal(runs.snapshots[:, -1], runs.weights)
    assert np.array_equal(runs.snapshots[0, 0], grokking.draw(p, 6, 0))
    right = grokking.scores(runs.snapshots).argmax(-1) == grokking.sums(p)[2]
    assert np.allclose(runs.train_accuracy[0], right[0][:, part[0]].mean(1))
    assert np.allclose(runs.test_accuracy[0], right[0][:, ~part[0]].mean(1))
    assert np.isnan(runs.test_accuracy[1]).all()  # nothing is left to test on
    loss = functional.cross_entropy(
        torch.tensor(grokking.scores(runs.weights[0])), torch.tensor(grokking.sums(p)[2]), reduction="none"
    )
    assert runs.train_loss[0, -1] == pytest.approx(loss[part[0]].mean().item(), rel=1e-5)


def test_it_groks_and_stops_and_others_go_on_undisturbed():
    p, options = 23, {"steps": 500, "hidden": 64, "weight_decay": [2.0, 0.0], "every": 10, "seeds": [0, 0]}
    part = grokking.subsets(p, [0.6, 0.6], seeds=[0, 0])
    runs = grokking.run(p, part, goal=0.95, **options)
    fit, gen = runs.first("train"), runs.first("test", 0.95)
    assert fit[0] < gen[0] <= 500
    assert fit[1] <= 500 and gen[1] == np.inf and runs.last("test_accuracy")[1] < 0.3
    stopped = np.isnan(runs.test_accuracy)
    assert (stopped[0] == (runs.steps > gen[0])).all() and not stopped[1].any()
    alone = grokking.run(p, part[1:], **(options | {"weight_decay": 0.0, "seeds": [0], "steps": 60}))
    assert np.allclose(runs.train_loss[1, :7], alone.train_loss[0], rtol=1e-3)
    assert runs.last("test_accuracy")[0] >= 0.95


def test_critical_fraction_interpolates_the_last_rise():
    f = [0.1, 0.2, 0.3, 0.4]
    curves = [[0, 0, 1, 1], [0, 0.6, 0.4, 0.9], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0.25, 0.75, 1]]
    assert np.allclose(grokking.critical_fraction(f, curves), [0.25, 0.32, np.nan, 0.1, 0.25], equal_nan=True)


def test_memorised_bits_at_chance_and_at_certainty():
    assert np.allclose(grokking.memorised_bits([np.log(32), 0.0], 100, 32), [0, 500])


def test_small_networks_hold_less_than_large_ones():
    p = 11
    part = grokking.subsets(p, [1.0, 1.0], seeds=[0, 1])
    labels = np.random.default_rng(0).integers(p, size=part.shape)
    bits = {}
    for hidden in (2, 16):
        runs = grokking.run(p, part, steps=300, hidden=hidden, labels=labels, weight_decay=0, every=300)
        bits[hidden] = grokking.memorised_bits(runs.last("train_loss"), p * p, p).mean()
    assert bits[2] < 4.23 * 3 * p * 2 and bits[2] < 0.7 * bits[16]
    assert bits[16] == pytest.approx(p * p * np.log2(p), rel=0.05)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"recipe": "adam"}, "Did you mean 'adamw'"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": [0.1, 0.2, 0.3]}, "learning_rate has 3 entries"),
        ({"included": np.ones((2, 9), bool)}, "included has shape"),
        ({"included": np.zeros((2, 25), bool)}, "each row with a sum"),
        ({"start": np.zeros((2, 3, 4, 8))}, "start has shape"),
    ],
)
def test_bad_input_is_named(change, match):
    good = {"included": np.ones((2, 25), bool), "steps": 1, "hidden": 4}
    with pytest.raises(ValueError, match=match):
        grokking.run(5, **(good | change))
    with pytest.raises(ValueError, match="Did you mean 'train'"):
        grokking.run(5, **good).first("trian")
