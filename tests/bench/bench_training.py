"""How fast `fit_many` trains small networks on one thread, and against the usual loops.

Task: digits, each model 70% of the 1,797 examples of its own, MLP 64-64-10, AdamW, at least 99.5% train
accuracy. Times are CPU seconds, the best of several rounds in which every contender has its turn.
"""

import functools
import itertools
import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from labutils import data
from labutils.networks import models, training

SIZES, STEPS, RATE, ROUNDS, GOAL = [64, 64, 10], 60, 0.02, 8, 0.995
BATCH, BATCH_RATE = 64, 0.02  # the quickest there of 0.001, 0.003, 0.01 and 0.02


def dataloader_loop(x, y, seed, *, goal=None):
    """The loop of the tutorials: DataLoader, shuffled batches of 64, AdamW; 60 epochs, or until the goal."""
    net = models.initialise(models.mlp(SIZES), seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=BATCH_RATE, weight_decay=0)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True, generator=order)
    epochs = 0
    while epochs < STEPS and not (goal and accuracy(net, x, y) >= goal):
        for xb, yb in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(xb), yb).backward()
            optimizer.step()
        epochs += 1
    return accuracy(net, x, y), epochs


def plain_loop(x, y, seed):
    """One model at a time, full batch, without DataLoader: the same arithmetic as fit_many's."""
    net = models.initialise(models.mlp(SIZES), seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return accuracy(net, x, y), STEPS


def accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def sgemm_rate():
    """The best of a few matrix products, flop/s."""
    rates = []
    for n in (256, 512, 1024):
        a = torch.randn(n, n)
        seconds = [stopwatch(lambda a=a: a @ a)[0] for _ in range(5)]
        rates.append(2 * n**3 / min(seconds))
    return max(rates)


def stopwatch(call):
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def main(m=24):
    torch.set_num_threads(1)
    digits = data.load("digits")
    x = np.concatenate([digits.x_train, digits.x_test])
    y = np.concatenate([digits.y_train, digits.y_test])
    n = round(0.7 * len(x))
    rng = np.random.default_rng(0)
    rows = [rng.permutation(len(x))[:n] for _ in range(m)]
    xt, yt = torch.from_numpy(x[rows[0]]), torch.from_numpy(y[rows[0]])
    net = models.mlp(SIZES)
    many = functools.partial(training.fit_many, net, x, y, included=rows, record="train_accuracy")
    epochs = dataloader_loop(xt, yt, 0, goal=GOAL)[1]
    steps = epochs * -(-n // BATCH)
    contenders = {  # name: models, call, the contender that does the same work in the usual way
        "fit_many, full batch": (m, lambda: many(steps=STEPS, learning_rate=RATE)),
        "one at a time, full batch": (1, lambda: plain_loop(xt, yt, 0)),
        "DataLoader, batches of 64": (1, lambda: dataloader_loop(xt, yt, 0)),
        "fit_many, batches of 64": (m, lambda: many(steps=steps, learning_rate=BATCH_RATE, batch_size=BATCH)),
        "DataLoader, ended at 99.5%": (1, lambda: dataloader_loop(xt, yt, 0, goal=GOAL)),
    }
    passes = [STEPS, STEPS, STEPS, epochs, epochs]
    best, results, gemm = dict.fromkeys(contenders, np.inf), {}, 0
    for _ in range(ROUNDS):
        gemm = max(gemm, sgemm_rate())
        for name, (count, call) in contenders.items():
            seconds, results[name] = stopwatch(call)
            best[name] = min(best[name], seconds / count)
    first = best["fit_many, full batch"]
    print(f"MLP {SIZES} on {n} digits, one thread      epochs  accuracy  models/s  a minute  times the first")
    for (name, seconds), epoch in zip(best.items(), passes):
        result = results[name]
        reached = result[0] if isinstance(result, tuple) else result.train_accuracy.mean()
        print(
            f"{name:45} {epoch:3} {reached:9.4f} {1 / seconds:9.2f} {60 / seconds:9.0f} {seconds / first:15.1f}x"
        )
    same = best["DataLoader, ended at 99.5%"] / best["fit_many, batches of 64"]
    print(
        f"the same batches of 64 for as many steps: fit_many is {same:.1f} times as fast as the DataLoader loop"
    )
    # forward 2 flop a weight and example, backward the same for weights and for all inputs but the first
    n_weights = [a * b for a, b in itertools.pairwise(SIZES)]
    flops = 2 * n * STEPS * (2 * sum(n_weights) + sum(n_weights[1:]))
    rate = flops / first
    print(
        f"full batch: {rate / 1e9:.1f} GFLOP/s, {rate / gemm:.0%} of the sgemm rate here, {gemm / 1e9:.1f} GFLOP/s"
    )


if __name__ == "__main__":
    main()
