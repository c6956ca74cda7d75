"""The engine room of `fit_many`: its batches, its chunks, and one batched pass against one module at a time."""

import numpy as np
import pytest
import torch

from labutils.networks import batched, models


def test_random_orders_use_every_row_equally():
    stream = batched.batches(np.arange(10, 20), 4, 0)
    drawn = np.concatenate([next(stream) for _ in range(5)])
    for order in (drawn[:10], drawn[10:]):
        assert sorted(order) == list(range(10, 20))
    assert not np.array_equal(drawn[:10], drawn[10:])


@pytest.mark.parametrize(("n", "hidden"), [(16, 8), (1257, 64), (60_000, 64), (64, 2048)])
def test_chunks_stay_within_the_cache(n, hidden):
    """What a step works on: inputs, hidden layer and parameters."""
    if models.device().type == "cuda":
        pytest.skip("on CUDA the memory counts")
    net = models.mlp([64, hidden, 10])
    chunk = batched.chunk_size(net, torch.zeros(n, 64), n)
    one = 4 * n * (64 + hidden) + 4 * models.n_parameters(net)
    assert chunk == 1 or chunk * one <= batched.CACHE
    assert chunk == 1 or chunk * one > batched.CACHE / 2


@pytest.mark.parametrize(
    "net", [models.mlp([64, 32, 10]), models.cnn((8, 8), 10, width=4)], ids=["mlp", "cnn"]
)
def test_one_batched_pass_is_one_module_at_a_time(net):
    x = torch.rand(7, 64, generator=torch.Generator().manual_seed(0))
    copies = []
    for seed in range(3):
        models.initialise(net, seed)
        copies.append(({k: v.detach().clone() for k, v in net.named_parameters()}, net(x).detach()))
    together = batched.outputs(net, {k: torch.stack([c[0][k] for c in copies]) for k in copies[0][0]}, x)
    assert torch.allclose(together, torch.stack([c[1] for c in copies]), atol=1e-5)
