"""Exact gradient norms of every example: seconds against the loop, vmap, Opacus and one epoch of training.

10,000 images of 28 x 28 (random, for time does not depend on what they show), one thread, CPU seconds; each
contender runs in a process of its own and must give the loop's norms. At the end, on digits, how the last
layer's norm ranks examples against the whole network's.
"""

import time

import numpy as np
import torch
from measure import measured, peer
from scipy import stats
from torch import nn
from torch.nn import functional

from labutils import data
from labutils.networks import models, training
from labutils.selection import scores

N, LOOP = 10_000, 500
NETWORKS = {
    "MLP 784-100-10": models.mlp([784, 100, 10]),
    "strided: 3x3 convolutions of 8 and 16 channels, stride 2": nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(784, 10),
    ),
    "models.cnn, width 8": models.cnn((28, 28), 10, width=8),
    "models.cnn, width 16": models.cnn((28, 28), 10),
}


def loop(net, x, y):
    """As in the tutorials: zero_grad, backward, norms of .grad, an example at a time."""
    norms = []
    for a, b in zip(x, y):
        net.zero_grad()
        functional.cross_entropy(net(a[None]), b[None]).backward()
        norms.append(sum(p.grad.square().sum().item() for p in net.parameters()) ** 0.5)
    return np.array(norms)


def vmap(net, x, y, batch=128):
    """torch.func: the gradient of one example, vectorised over a batch."""
    values = {name: p.detach() for name, p in net.named_parameters()}

    def loss(values, a, b):
        return functional.cross_entropy(torch.func.functional_call(net, values, (a[None],)), b[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    norms = []
    for a, b in zip(x.split(batch), y.split(batch)):
        squares = sum(g.flatten(1).square().sum(1) for g in each(values, a, b).values())
        norms.append(squares.sqrt())
    return torch.cat(norms).numpy()


def opacus(net, x, y, batch=128):
    """Opacus: hooks that keep every example's gradient in .grad_sample."""
    from opacus import GradSampleModule

    wrapped = GradSampleModule(net, loss_reduction="sum")
    norms = []
    for a, b in zip(x.split(batch), y.split(batch)):
        wrapped.zero_grad()
        functional.cross_entropy(wrapped(a), b, reduction="sum").backward()
        squares = sum(p.grad_sample.flatten(1).square().sum(1) for p in wrapped.parameters())
        norms.append(squares.sqrt())
    return torch.cat(norms).numpy()


def epoch(net, x, y, batch=128):
    """One ordinary pass of training: batches of 128, SGD."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    for a, b in zip(x.split(batch), y.split(batch)):
        optimizer.zero_grad()
        functional.cross_entropy(net(a), b).backward()
        optimizer.step()


def table(name, net):
    print(f"\n{name}\n")
    print("| | CPU | memory | times ours | largest relative difference |\n|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    x, y = rng.random((N, 784), dtype=np.float32), rng.integers(0, 10, N)
    models.initialise(net, 0)
    tx, ty = torch.tensor(x), torch.tensor(y)
    exact, slow = None, 1e9

    def few(call):
        return lambda: call(net, *((x[:4], y[:4]) if call is scores.grand else (tx[:4], ty[:4])))

    ours, megabytes, norms = measured(lambda: scores.grand(net, x, y), rounds=5, warm=few(scores.grand))
    for _ in range(3):
        seconds, mb, exact = measured(lambda: loop(net, tx[:LOOP], ty[:LOOP]), warm=few(loop))
        slow = min(slow, seconds * N / LOOP)

    def row(what, seconds, mb, found):
        apart = np.zeros(1) if found is None else np.abs(found[:LOOP] / exact - 1)
        apart = f"{apart.max():.1e} ({(apart > 1e-5).sum()} above 1e-5)" if found is not None else ""
        print(f"| {what} | {seconds:.2f} s | {mb:.0f} MB | {seconds / ours:.1f}x | {apart} |", flush=True)

    row("labutils", ours, megabytes, norms)
    row("one epoch of training", *measured(lambda: epoch(net, tx, ty), rounds=5, warm=few(epoch))[:2], None)
    row(f"loop (timed on {LOOP})", slow, mb, exact)
    row("torch.func.vmap", *measured(lambda: vmap(net, tx, ty), warm=few(vmap)))
    if peer("opacus"):
        row("opacus", *measured(lambda: opacus(net, tx, ty), warm=few(opacus)))


def shortcut(n_seeds=5):
    """Rank correlation over digits of the last layer's norm, and of EL2N, with the whole network's norm."""
    print("\nSpearman correlation with the exact norm, digits, mean of the seeds\n")
    print("| network | updates | last layer | EL2N |\n|---|---|---|---|")
    digits = data.load("digits")
    x, y = digits.x_train, digits.y_train
    for name, net in (("MLP 64-64-10", models.mlp([64, 64, 10])), ("CNN", models.cnn((8, 8), 10, width=8))):
        for steps in (1, 20, 100):
            fits = training.fit_many(
                net,
                x,
                y,
                steps=steps,
                record="parameters",
                seeds=range(n_seeds),
                learning_rate=0.01,
                batch_size=128,
            )
            parameters, found = fits.parameters, []
            for seed in range(n_seeds):
                own = {key: value[[seed]] for key, value in parameters.items()}
                exact = scores.grand(net, x, y, parameters=own)
                hidden = training.predict(net[:-1], x, parameters=own, output="logits")[0]
                p = training.predict(net, x, parameters=own)[0]
                last = scores.el2n(p, y) * np.sqrt(
                    (hidden**2).sum(axis=-1) + 1
                )  # |p - onehot| |(features, 1)|
                found.append([stats.spearmanr(exact, s).statistic for s in (last, scores.el2n(p, y))])
            last, el2n = np.mean(found, axis=0)
            print(f"| {name} | {steps} | {last:.2f} | {el2n:.2f} |", flush=True)


if __name__ == "__main__":
    print(time.strftime("%Y-%m-%d"))
    for name, net in NETWORKS.items():
        table(name, net)
    shortcut()
