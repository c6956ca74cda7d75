"""Networks: their sizes, what they compute, and that a seed means the same as building them alone."""

import numpy as np
import pytest
import torch

from labutils.networks import models

SHAPES = [(1, 32, 2048, 64), (2, 128, 2048, 64), (4, 64, 2048, 64), (2, 24, 50, 7), (3, 16, 10, 1)]


@pytest.mark.parametrize(("layers", "width", "vocabulary", "context"), SHAPES)
def test_gpt_has_the_published_number_of_parameters(layers, width, vocabulary, context):
    model = models.gpt(vocabulary, context, layers, width)
    rest = layers * (12 * width**2 + 13 * width) + 2 * width
    assert models.n_parameters(model) == vocabulary * width + context * width + rest


def test_gpt_counts_of_table_1():
    """Morris et al. (2505.24832), table 1, to the printed digits."""
    published = {(1, 32): 8.04e4, (1, 128): 4.69e5, (4, 256): 3.70e6, (8, 256): 6.86e6}
    for (layers, width), count in published.items():
        n = models.n_parameters(models.gpt(2048, 64, layers, width))
        assert float(f"{n:.2e}") == count


def test_gpt_never_looks_ahead():
    model = models.initialise(models.gpt(11, 8, 2, 16, heads=4), 0)
    codes = torch.arange(8)[None] % 11
    changed = codes.clone()
    changed[0, 5] = 9
    with torch.no_grad():
        difference = (model(codes) - model(changed)).abs().amax(-1)[0]
    assert difference[:5].max() == 0
    assert difference[5:].min() > 0


def test_gpt_attention_is_torchs():
    torch.manual_seed(0)
    block = models._Block(12, 3)
    reference = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(block.attend.weight)
        reference.in_proj_bias.copy_(block.attend.bias.normal_())
        reference.out_proj.weight.copy_(block.project.weight)
        reference.out_proj.bias.copy_(block.project.bias)
        h = torch.randn(4, 5, 12)
        z = block.norm1(h)
        future = torch.ones(5, 5, dtype=torch.bool).triu(1)
        h1 = h + reference(z, z, z, attn_mask=future, need_weights=False)[0]
        expected = h1 + block.shrink(torch.nn.functional.gelu(block.grow(block.norm2(h1))))
        torch.testing.assert_close(block(h), expected)


def test_initial_parameters_are_what_each_seed_draws():
    p = models.initial_parameters(models.gpt(16, 4, 2, 4), [3, 8])
    for m, seed in enumerate([3, 8]):
        for name, w in models.initialise(models.gpt(16, 4, 2, 4), seed).named_parameters():
            assert torch.equal(p[name][m].cpu(), w)


@pytest.mark.parametrize(
    "build",
    [
        lambda: models.mlp([5, 4, 3]),
        lambda: models.mlp([5, 4, 3], bias=False),
        lambda: models.cnn((3, 8, 8), 4, width=2),
        lambda: models.gpt(9, 4, 2, 8),
    ],
)
def test_initialise_equals_building_alone_and_leaves_the_global_generator(build):
    model = build()
    torch.manual_seed(7)
    alone = build()
    before = torch.get_rng_state()
    assert models.initialise(model, 7) is model
    assert torch.equal(before, torch.get_rng_state())
    for found, expected in zip(model.parameters(), alone.parameters()):
        assert torch.equal(found, expected)
    again = [p.detach().clone() for p in model.parameters()]
    models.initialise(model, 8)
    assert not all(torch.equal(p, q) for p, q in zip(model.parameters(), again))


def test_initialise_refuses_what_it_cannot_draw():
    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(2))

    with pytest.raises(ValueError, match=r"Odd.*no reset_parameters"):
        models.initialise(Odd(), 0)


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (1, 28, 28), (3, 32, 32), (5, 7)])
def test_cnn_takes_flat_images(shape):
    out = models.cnn(shape, 6)(torch.zeros(2, int(np.prod(shape))))
    assert out.shape == (2, 6)


def test_mlp_is_the_written_out_formula():
    model = models.initialise(models.mlp([3, 4, 2], activation="tanh"), 0)
    w1, b1, w2, b2 = (p.detach().numpy() for p in model.parameters())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = np.tanh(x @ w1.T + b1) @ w2.T + b2
    np.testing.assert_allclose(model(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    assert models.n_parameters(model) == 3 * 4 + 4 + 4 * 2 + 2
    assert models.n_parameters(models.mlp([3, 4, 2], bias=False)) == 3 * 4 + 4 * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.mlp([3, 2], activation="rellu"), "activation is 'rellu'.*mean 'relu'"),
        (lambda: models.mlp([3]), "sizes is .3,.; it needs"),
        (lambda: models.mlp([3, 0, 2]), r"sizes is \(3, 0, 2\); allowed: positive"),
        (lambda: models.cnn((3, 2), 4), "shape is .*at least 4"),
        (lambda: models.cnn((64,), 4), r"allowed: \(H, W\)"),
        (
            lambda: models.gpt(9, 4, 1, 8, heads=3),
            "heads is 3; it must divide width 8.*nearest that does is [24]",
        ),
        (lambda: models.gpt(9, 4, 1, 8)(torch.zeros(1, 5, dtype=torch.int64)), "length 5; the context is 4"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
