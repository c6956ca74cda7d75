"""What chapter 09's loops cost, in CPU seconds on one thread: random features, and a diagnosis."""

import numpy as np
from measure import measured
from scipy import optimize

from labutils.laws import random_features, regimes


def one_draw(examples=2048, width=16, modes=500):
    """The loss of one draw by normal equations against the pseudo-inverse of the features."""
    rng, root = np.random.default_rng(0), np.arange(1.0, modes + 1) ** -1.0
    data, projection = rng.standard_normal((examples, modes)) * root, rng.standard_normal((width, modes))

    def plain():
        fit = projection.T @ (np.linalg.pinv(data @ projection.T) @ data)
        return (((np.eye(modes) - fit) * root[:, None]) ** 2).sum()

    ours, _, a = measured(lambda: random_features._fitted(data, projection, root**2), rounds=3)
    peer, _, b = measured(plain, rounds=3)
    print(
        f"random features, {examples:,} by {width}: {1e3 * ours:.1f} ms, {peer / ours:.1f} times that by pinv, {a / b - 1:.1g} apart"
    )


def diagnosis():
    """One diagnosis against one least-squares fit of a power law with a floor, which has no probabilities."""
    n = 32 * 2.0 ** np.arange(8)
    loss = (n**-0.5 + 0.05) * np.exp(0.05 * np.random.default_rng(0).standard_normal(8))
    curve = lambda x, a, b, c: np.log(np.exp(a - b * np.log(x)) + np.exp(c))  # noqa: E731
    fit = lambda: optimize.curve_fit(curve, n, np.log(loss), p0=[0, 0.5, -3], maxfev=10_000)  # noqa: E731
    ours, peer = (measured(call, rounds=3)[0] for call in (lambda: regimes.diagnose(n, loss), fit))
    print(
        f"diagnosis of 8 points: {1e3 * ours:.0f} ms, {ours / peer:.0f} times one fit of a power law with a floor"
    )


if __name__ == "__main__":
    one_draw()
    diagnosis()
