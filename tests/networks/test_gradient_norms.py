"""Gradient norms of every example against the loop over examples, layer by layer; what cannot be done is refused."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from labutils.networks import gradient_norms as module
from labutils.networks import models, training
from labutils.networks.gradient_norms import gradient_norms


def loop(model, x, labels):
    """One forward and backward pass an example."""
    norms = []
    for a, y in zip(torch.as_tensor(x), torch.as_tensor(labels)):
        loss = functional.cross_entropy(model(a[None]).movedim(-1, 1), y[None])
        trained = [p for p in model.parameters() if p.requires_grad]
        norms.append(sum((g**2).sum().item() for g in torch.autograd.grad(loss, trained)) ** 0.5)
    return np.array(norms)


def images(n=9, shape=(1, 8, 8), classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *shape)).astype(np.float32), rng.integers(0, classes, n)


def conv(*args, **options):
    return nn.Sequential(
        nn.Conv2d(*args, **options), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LazyLinear(4)
    )


NETWORKS = {
    "mlp": (models.mlp([64, 16, 4]), (64,)),
    "no bias": (models.mlp([64, 16, 4], bias=False), (64,)),
    "cnn": (models.cnn((8, 8), 4, width=3), (64,)),
    "colour cnn": (models.cnn((3, 8, 8), 4, width=3), (192,)),
    "stride": (conv(2, 6, 3, stride=2), (2, 9, 8)),
    "dilation": (conv(2, 6, 3, dilation=2, padding=1), (2, 9, 8)),
    "groups": (conv(4, 6, 3, groups=2, padding=1), (4, 7, 8)),
    "depthwise": (conv(4, 8, 3, groups=4, stride=(1, 2)), (4, 7, 8)),
    "oblong, same": (conv(2, 3, (3, 5), padding="same"), (2, 8, 8)),
    "reflected": (conv(2, 3, 3, padding=1, padding_mode="reflect"), (2, 8, 8)),
    "few places, many channels": (conv(32, 64, 3), (32, 4, 4)),  # where the Gram form is the cheaper
    "in place": (nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, 4)), (1, 8, 8)),
    "1-d": (nn.Sequential(nn.Conv1d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(24, 4)), (2, 10)),
    "layer norm": (nn.Sequential(nn.Linear(64, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 4)), (64,)),
    "tokens": (
        nn.Sequential(nn.Linear(6, 40), nn.LayerNorm((5, 40)), nn.GELU(), nn.Linear(40, 40), nn.Flatten(), nn.Linear(200, 4)),
        (5, 6),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_to_the_loop(name):
    model, shape = NETWORKS[name]
    x, y = images(shape=shape)
    with torch.no_grad():
        model(torch.as_tensor(x))  # a lazy layer takes its size
    models.initialise(model, 1)
    for parameter in model.parameters():  # layer norms start at one and zero: too easy
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
    expected = loop(model, x, y)
    for batch_size in (4, 100):
        np.testing.assert_allclose(gradient_norms(model, x, y, batch_size=batch_size), expected, rtol=1e-5)
    np.testing.assert_allclose(
        gradient_norms(model.double(), x, y), loop(model, x.astype(float), y), rtol=1e-12
    )
    model.float()


def test_both_forms_of_a_layer_agree():
    rng = np.random.default_rng(3)
    shapes = [(4, 50, 3, 2), (4, 3, 50, 40)]  # explicit; Gram
    for n, places, i, o in shapes:
        a, g = (torch.tensor(rng.standard_normal((n, width, places))) for width in (i, o))
        explicit = torch.stack([(p @ q.T).square().sum() for p, q in zip(a, g)])
        torch.testing.assert_close(module._product_squares(a, g), explicit)


def test_a_sequence_of_labels_is_averaged():
    model = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 4))
    x = np.random.default_rng(4).standard_normal((7, 5, 6)).astype(np.float32)
    y = np.random.default_rng(5).integers(0, 4, (7, 5))
    np.testing.assert_allclose(gradient_norms(model, x, y), loop(model, x, y), rtol=1e-5)


def test_frozen_parameters_do_not_count():
    model = models.initialise(models.cnn((8, 8), 4, width=3), 0)
    model[1].requires_grad_(False)
    model[4].weight.requires_grad_(False)
    x, y = images(shape=(64,))
    np.testing.assert_allclose(gradient_norms(model, x, y), loop(model, x, y), rtol=1e-5)


def test_many_models_one_row_each_and_the_model_stays_as_it_was():
    net = models.initialise(models.mlp([64, 8, 4]), 7)
    before = [p.detach().clone() for p in net.parameters()]
    x, y = images(shape=(64,))
    fits = training.fit_many(net, x, y, steps=2, seeds=[0, 1, 2], record="parameters")
    norms = gradient_norms(net, x, y, parameters=fits.parameters)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))
    for m in range(3):
        one = models.mlp([64, 8, 4])
        one.load_state_dict({name: torch.tensor(value[m]) for name, value in fits.parameters.items()})
        np.testing.assert_allclose(norms[m], loop(one, x, y), rtol=1e-5)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.bare = nn.Linear(64, 64), nn.Linear(64, 4)

    def forward(self, x):
        return self.bare(functional.linear(self.one(x), self.one.weight))


class Bare(Tied):
    def forward(self, x):
        return functional.linear(self.one(x), self.bare.weight)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (nn.Sequential(nn.Linear(64, 4), nn.BatchNorm1d(4)), "BatchNorm1d at '1'; it mixes examples"),
        (nn.Sequential(nn.Linear(64, 4), nn.Dropout(0.1)), "call model.eval()"),
        (nn.Sequential(nn.Linear(64, 4), nn.PReLU()), "PReLU at '1'; layers with parameters allowed: Linear"),
        (nn.Sequential(nn.Flatten()), "no trainable parameters"),
        (nn.Sequential(*[nn.Linear(64, 64)] * 2), "uses parameter '0.weight' 2 times"),
        (Tied(), "uses parameter 'one.weight' 2 times"),
        (Bare(), "outside its own layer"),
        (models.gpt(10, 8, 1, 32), "Embedding at 'tokens'"),
    ],
)  # fmt: skip
def test_what_has_no_rule_is_refused(model, sentence):
    x, y = images(shape=(64,))
    with pytest.raises(ValueError) as error:
        gradient_norms(model, x, y)
    assert sentence in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x": np.full((9, 64), np.nan)}, "NaN"),
        ({"labels": np.zeros(8, int)}, "labels (8,)"),
        ({"labels": np.full(9, 4)}, "labels run from 4 to 4; allowed: 0 to 3"),
        ({"labels": np.zeros((9, 2), int)}, "allowed by the model: (9,)"),
        ({"labels": np.zeros(9)}, "integers"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"parameters": {"0.weight": np.zeros((2, 4, 64))}}, "allowed: ['0.bias', '0.weight']"),
    ],
)
def test_bad_input_is_told_in_one_sentence(change, sentence):
    x, y = images(shape=(64,))
    with pytest.raises(ValueError) as error:
        gradient_norms(**({"model": nn.Sequential(nn.Linear(64, 4)), "x": x, "labels": y} | change))
    assert sentence in str(error.value) and "\n" not in str(error.value)
