"""How fast `grokking.run` trains on one thread: its share of the machine's rate, and against the usual loop.

The arithmetic needed for one update of one network on n sums modulo p with h hidden units is three products of
2 n h p flop (scores, gradient of W, gradient of the squares); looking rows up instead of multiplying one-hot
inputs saves two more with 2p rows. Times are CPU seconds, the best of several rounds in which all take turns.
"""

import itertools
import time

import numpy as np
import torch
from torch import nn

from labutils.budget import grokking, grokking_transformer

ROUNDS = 5
TASKS = {  # p, share of the table, hidden units, networks, updates
    "the map": (31, 0.4, 128, 6, 100),
    "recipes": (59, 0.4, 128, 3, 40),
    "delayed curve": (97, 0.3, 128, 1, 30),
    "delayed curve, larger": (113, 0.3, 128, 1, 20),
}
SEARCH = {  # recipe: learning rates, weight decays; chapter 03 races each recipe at its best pair
    "adamw": ((0.01, 0.03), (1.0, 3.0)),
    "grokfast": ((0.01, 0.02, 0.03), (1.0, 2.0, 3.0)),
    "muon": ((0.05, 0.1, 0.2, 0.3), (0.1, 0.3, 1.0)),
}


class Square(nn.Module):
    def forward(self, x):
        return x * x


def usual_loop(p, fraction, hidden, seed, steps):
    """One network after the other: one-hot inputs, two linear layers, autograd, torch's AdamW."""
    rows = np.flatnonzero(grokking.subsets(p, [fraction], seeds=[seed])[0])
    a, b, c = (torch.from_numpy(v[rows]) for v in grokking.sums(p))
    x = torch.cat([nn.functional.one_hot(v, p).float() for v in (a, b)], 1)
    net = nn.Sequential(nn.Linear(2 * p, hidden, bias=False), Square(), nn.Linear(hidden, p, bias=False))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.02, betas=(0.9, 0.98), weight_decay=1.0)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), c).backward()
        optimizer.step()


def stopwatch(call):
    begin = time.process_time()
    call()
    return time.process_time() - begin


def sgemm_rate(n=512):
    a = torch.randn(n, n)
    return 2 * n**3 / min(stopwatch(lambda: a @ a) for _ in range(5))


def search(p=59, fraction=0.4, seed=500, steps=600):
    """Updates of a transformer to 99% of the unseen sums for each recipe, learning rate and weight decay.

    Its part of the table is not one of those of the chapter's race.
    """
    print(f"updates to 99% of the unseen sums modulo {p}, {fraction:.0%} seen; inf: more than {steps}")
    part = grokking.subsets(p, [fraction], seeds=[seed])[0]
    for recipe, (rates, decays) in SEARCH.items():
        for rate, decay in itertools.product(rates, decays):
            settings = {"recipe": recipe, "learning_rate": rate, "weight_decay": decay, "seed": seed}
            run = grokking_transformer.run(p, part, steps=steps, every=20, goal=0.99, **settings)
            print(f"  {recipe:10} rate {rate:<5} decay {decay:<4} {run.first('test'):6.0f}")


def main():
    torch.set_num_threads(1)
    print(f"{'task, one thread':24} ms an update  GFLOP/s  share of sgemm  faster than the usual loop")
    for name, (p, fraction, hidden, m, steps) in TASKS.items():
        part = grokking.subsets(p, [fraction] * m, seeds=range(m))
        ours = usual = np.inf
        rate = 0
        for _ in range(ROUNDS):
            rate = max(rate, sgemm_rate())
            run = lambda part=part, p=p, h=hidden, steps=steps: grokking.run(  # noqa: E731
                p, part, steps=steps, hidden=h, every=steps
            )
            ours = min(ours, stopwatch(run) / (m * steps))
            usual = min(usual, stopwatch(lambda: usual_loop(p, fraction, hidden, 0, steps)) / steps)  # noqa: B023
        flops = 6 * round(fraction * p * p) * hidden * p
        print(
            f"{name:24} {1e3 * ours:12.2f} {flops / ours / 1e9:8.1f} {flops / ours / rate:14.0%} {usual / ours:11.1f}x"
        )
    search()


if __name__ == "__main__":
    main()
