"""What a capacity measurement costs, on one thread: separability, a step of many GPTs, and the optimisers compared.

Times are CPU seconds, the best of several rounds in which every contender has its turn.
"""

import time

import numpy as np
import torch
from scipy import optimize

from labutils.budget import memorisation
from labutils.networks import batched_gpt, models
from labutils.networks.max_margin import max_margin

STEPS, SEEDS, SHAPE, LOAD = 300, 3, memorisation.Shape(vocabulary=64, length=8, layers=1, width=8), 4
RATES = {"soap": (0.03, 0.06, 0.1, 0.15), "muon": (0.03, 0.1, 0.2, 0.3), "adam": (0.03, 0.1, 0.15, 0.2)}


def stopwatch(call):
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def separability(n_weights=100, n_seeds=5):
    """Nonnegative least squares against a linear program, at twice as many examples as weights."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_seeds, 2 * n_weights, n_weights))
    y = rng.choice([-1, 1], (n_seeds, 2 * n_weights))

    def program(x, y):
        found = optimize.linprog(
            np.zeros(n_weights), A_ub=-y[:, None] * x, b_ub=-np.ones(len(x)), bounds=(None, None)
        )
        return found.status == 0

    ours, fits = stopwatch(lambda: [max_margin(a, b) is not None for a, b in zip(x, y)])
    peer, also = stopwatch(lambda: [program(a, b) for a, b in zip(x, y)])
    print(
        f"separable? {2 * n_weights} examples, {n_weights} weights: {1e3 * ours / n_seeds:.1f} ms by least squares, "
        f"{peer / ours:.0f} times that by HiGHS, the same answer {sum(a == b for a, b in zip(fits, also))} of {n_seeds}"
    )


def gradients(rounds=5):
    """The gradients of three GPTs, stacked and turned, against the plain model by autograd, one after the other."""
    shape = SHAPE
    tokens = torch.as_tensor(memorisation.random_tokens(shape, shape.sequences(LOAD), n_seeds=SEEDS))
    net = models.gpt(shape.vocabulary, shape.length, shape.layers, shape.width, heads=shape.width)
    p = models.initial_parameters(net, range(SEEDS))
    scored = tokens[0, :, 1:].numel()

    def plain():
        for own in tokens:
            logits = net(own[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), own[:, 1:].flatten())
            torch.autograd.grad(loss, list(net.parameters()))

    contenders = {"stacked": lambda: batched_gpt.gradient(p, tokens, heads=shape.width), "plain": plain}
    best = dict.fromkeys(contenders, np.inf)
    gemm = 0.0
    a = torch.randn(512, 512)
    for _ in range(rounds):
        gemm = max(gemm, 2 * 512**3 / min(stopwatch(lambda: a @ a)[0] for _ in range(5)))
        for name, call in contenders.items():
            call()
            best[name] = min(best[name], stopwatch(lambda call=call: [call() for _ in range(5)])[0] / 5)
    d, s = shape.width, shape.length
    per_token = 3 * 2 * (shape.layers * (12 * d * d + 2 * s * d) + shape.vocabulary * d)
    rate = SEEDS * scored * per_token / best["stacked"]
    print(
        f"gradients of {SEEDS} GPTs on {scored} tokens each: {1e3 * best['stacked']:.1f} ms; plain torch takes "
        f"{best['plain'] / best['stacked']:.1f} times as long; {per_token:,} flop a token, {rate / 1e9:.1f} GFLOP/s, "
        f"{rate / gemm:.0%} of the sgemm rate here ({gemm / 1e9:.0f}): narrow layers are bound by elementwise work"
    )


def optimisers():
    """Bits per parameter after the same number of steps, each optimiser at several rates; this chose the defaults."""
    tokens = memorisation.random_tokens(SHAPE, SHAPE.sequences(LOAD), n_seeds=SEEDS)
    print(
        f"{SHAPE.n_parameters} parameters, {LOAD} bits of data each, {STEPS} full-batch steps, {SEEDS} seeds"
    )
    for name, rates in RATES.items():
        for rate in rates:
            seconds, found = stopwatch(
                lambda name=name, rate=rate: memorisation.memorise(
                    tokens, SHAPE, steps=STEPS, optimizer=name, learning_rate=rate
                )
            )
            default = " (default)" if rate == memorisation.RATES[name] else ""
            print(f"{name:5} {rate:5} {found.per_parameter.mean():6.2f} bits {seconds:6.1f} s{default}")
    for heads in (1, 2, 4, 8):
        found = memorisation.memorise(tokens, SHAPE, steps=STEPS, heads=heads)
        print(f"soap, {heads} heads {found.per_parameter.mean():6.2f} bits")


if __name__ == "__main__":
    torch.set_num_threads(1)
    separability()
    gradients()
    optimisers()
