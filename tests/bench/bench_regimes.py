"""What chapter 09's loops cost, in CPU seconds on one thread: random features, and forecasts of a learning curve."""

import numpy as np
from measure import measured
from scipy import optimize

from labutils.laws import forecasts, power_law, random_features, regimes


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


def curves():
    """A forecast, a fit with its interval and a diagnosis, of few points and of many, beside one fit by least squares."""
    curve = lambda x, a, b, c: np.log(np.exp(a - b * np.log(x)) + np.exp(c))  # noqa: E731
    for points, octave in ((8, 1), (70, 8)):
        n = 32 * 2.0 ** (np.arange(points) / octave)
        loss = (n**-0.5 + 0.05) * np.exp(0.05 * np.random.default_rng(0).standard_normal(points))
        calls = {
            "forecast": lambda n=n, loss=loss: forecasts.forecast(n, loss, 4 * n[-1]),
            "fit with interval": lambda n=n, loss=loss: power_law.fit_power_law(n, loss).interval(8 * n[-1]),
            "diagnosis": lambda n=n, loss=loss: regimes.diagnose(n, loss),
            "scipy's curve_fit": lambda n=n, loss=loss: optimize.curve_fit(
                curve, n, np.log(loss), p0=[0, 0.5, -3], maxfev=10_000
            ),
        }
        times = [
            f"{name} {1e3 * measured(call, rounds=5, warm=call)[0]:.1f} ms" for name, call in calls.items()
        ]
        print(f"{points} points: {', '.join(times)}")


if __name__ == "__main__":
    one_draw()
    curves()
