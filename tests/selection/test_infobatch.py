import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris

from labutils.networks import models
from labutils.selection import infobatch

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NET = models.mlp([4, 8, 3])
COMMON = {"x_test": X, "y_test": Y, "batch_size": 32, "learning_rate": 0.01}


def test_weights_make_the_expected_gradient_that_of_all_rows():
    """Over every pattern of what is left out, weighted by its chance: exact for three easy rows."""
    losses, gradients = np.array([0.1, 0.2, 0.3, 5.0]), np.array([1.0, -2.0, 4.0, 8.0])

    class Fixed:
        def __init__(self, draws):
            self.draws = np.array(draws)

        def random(self, n):
            return self.draws

    for prune in (0.5, 0.25):
        total = 0.0
        for pattern in np.ndindex(2, 2, 2):
            rows, weights = infobatch.keep(
                losses, prune, Fixed([*(0.0 if out else 0.99 for out in pattern), 0.0])
            )
            chance = np.prod([prune if out else 1 - prune for out in pattern])
            total += chance * (weights * gradients[rows]).sum()
        assert total == pytest.approx(gradients.sum())


def test_hard_rows_are_always_kept_with_weight_one():
    losses = np.r_[np.zeros(50), np.ones(50)]
    rows, weights = infobatch.keep(losses, 0.9, np.random.default_rng(0))
    assert np.isin(np.arange(50, 100), rows).all()
    assert (weights[rows >= 50] == 1).all() and weights[rows < 50] == pytest.approx(10)


def test_training_on_all_is_a_plain_loop():
    found = infobatch.train(NET, X, Y, epochs=3, rule="all", seed=4, **COMMON)
    assert found.passes == 3
    net, rng = models.initialise(copy.deepcopy(NET), 4), np.random.default_rng(4)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0)
    x, y = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(Y)
    for epoch in range(3):
        order = rng.permutation(150)
        for start in range(0, 150, 32):
            optimizer.param_groups[0]["lr"] = 0.01 * (1 + np.cos(np.pi * (epoch + start / 150) / 3)) / 2
            loss = torch.nn.functional.cross_entropy(
                net(x[order[start : start + 32]]), y[order[start : start + 32]]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    want = (net(x).argmax(dim=1) == y).double().mean().item()
    assert found.accuracy == pytest.approx(want)


def test_dynamic_rules_pay_for_fewer_passes_and_as_many_as_each_other():
    runs = {rule: infobatch.train(NET, X, Y, epochs=16, rule=rule, **COMMON) for rule in infobatch.RULES}
    assert runs["all"].passes == 16
    assert 8 < runs["infobatch"].passes < 13
    assert infobatch.train(NET, X, Y, epochs=16, prune=0.0, **COMMON).passes == 16
    assert infobatch.train(NET, X, Y, epochs=2.5, rule="all", **COMMON).passes == 2.5


@pytest.mark.parametrize(
    "change, words",
    [({"rule": "none"}, "rule is"), ({"prune": 1.0}, "prune is 1"), ({"epochs": 0}, "epochs is 0")],
)
def test_bad_input_is_named(change, words):
    with pytest.raises(ValueError, match=words):
        infobatch.train(NET, X, Y, **(COMMON | {"epochs": 2} | change))
