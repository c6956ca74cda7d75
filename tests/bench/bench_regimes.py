"""What chapter 09's loops cost, on one thread: random features, and a diagnosis.

Times are CPU seconds, the best of several rounds in which every contender has its turn.
"""

import time

import numpy as np
from scipy import optimize

from labutils.laws import random_features, regimes


def best(*calls, rounds=3):
    """The best CPU seconds of each call, and what each returned last."""
    times, results = np.full(len(calls), np.inf), [None] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            begin = time.process_time()
            results[i] = call()
            times[i] = min(times[i], time.process_time() - begin)
    return times, results


def one_draw(examples=2048, width=16, modes=500):
    """The loss of one draw by normal equations against the pseudo-inverse of the features."""
    rng, root = np.random.default_rng(0), np.arange(1.0, modes + 1) ** -1.0
    data, projection = rng.standard_normal((examples, modes)) * root, rng.standard_normal((width, modes))

    def plain():
        fit = projection.T @ (np.linalg.pinv(data @ projection.T) @ data)
        return (((np.eye(modes) - fit) * root[:, None]) ** 2).sum()

    (ours, peer), (a, b) = best(lambda: random_features._fitted(data, projection, root**2), plain)
    print(
        f"random features, {examples:,} by {width}: {1e3 * ours:.1f} ms, {peer / ours:.1f} times that by pinv, {a / b - 1:.1g} apart"
    )


def diagnosis():
    """One diagnosis against one least-squares fit of a power law with a floor, which has no probabilities."""
    n = 32 * 2.0 ** np.arange(8)
    loss = (n**-0.5 + 0.05) * np.exp(0.05 * np.random.default_rng(0).standard_normal(8))
    curve = lambda x, a, b, c: np.log(np.exp(a - b * np.log(x)) + np.exp(c))  # noqa: E731
    fit = lambda: optimize.curve_fit(curve, n, np.log(loss), p0=[0, 0.5, -3], maxfev=10_000)  # noqa: E731
    (ours, peer), _ = best(lambda: regimes.diagnose(n, loss), fit)
    print(
        f"diagnosis of 8 points: {1e3 * ours:.0f} ms, {ours / peer:.0f} times one fit of a power law with a floor"
    )


if __name__ == "__main__":
    one_draw()
    diagnosis()
