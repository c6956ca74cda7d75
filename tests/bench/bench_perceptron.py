"""What a point of the theory of easy and hard examples costs, what its quadrature resolves, and the simulation's peer.

Times are CPU seconds on one thread, the median of many points or the best of several rounds.
"""

import time

import numpy as np
from scipy import optimize

from labutils.networks.max_margin import max_margin
from labutils.selection import easy_hard


def stopwatch(call):
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def points():
    """Seconds a point over the corners of the parameters, none helped by a neighbour."""
    for angle in (0, 1, 10, 30, 60):
        took = [
            stopwatch(lambda a=a, f=f, p=p, t=angle: easy_hard.test_error(a / f, f, prefer=p, probe_angle=t))[
                0
            ]
            for p in ("hard", "easy")
            for f in (0.9, 0.5, 0.2, 0.05)
            for a in (0.1, 0.5, 2, 3, 10, 100)
        ]
        print(
            f"theory, probe {angle:2} degrees off: median {1e3 * np.median(took):.1f} ms, most {1e3 * max(took):.1f} ms"
        )


def resolution():
    """The largest relative change of an error when the quadrature gets twice as many nodes."""
    cases = [
        (a / f, f, p, t)
        for t in (0, 1, 20, 60)
        for p in ("hard", "easy")
        for f in (0.9, 0.3, 0.05)
        for a in (0.5, 3, 50)
    ]

    def errors():
        return np.array([easy_hard.test_error(a, f, prefer=p, probe_angle=t) for a, f, p, t in cases])

    rule, coarse = easy_hard.RULE, errors()
    easy_hard.RULE = tuple(np.polynomial.legendre.leggauss(2 * n) for n in easy_hard.NODES)
    fine, easy_hard.RULE = errors(), rule
    print(
        f"twice the nodes change an error by at most {abs(coarse / fine - 1).max():.1e} of itself, {len(cases)} cases"
    )


def margins(n=40, rounds=3):
    """Nonnegative least squares against sequential quadratic programming, at three examples per parameter."""
    x = np.random.default_rng(0).standard_normal((3 * n, n))
    y = np.sign(x[:, 0])
    rows = x * y[:, None]

    def peer():
        constraint = {"type": "ineq", "fun": lambda w: rows @ w - 1, "jac": lambda w: rows}
        start = np.eye(n)[0] / abs(x[:, 0]).min()
        options = {"jac": lambda w: w, "constraints": constraint, "options": {"maxiter": 500}}
        return optimize.minimize(lambda w: w @ w / 2, start, method="SLSQP", **options).x

    ours, slsqp = (
        min((stopwatch(call) for _ in range(rounds)), key=lambda r: r[0])
        for call in (lambda: max_margin(x, y), peer)
    )
    print(
        f"largest margin, {3 * n} examples, {n} weights: {1e3 * ours[0]:.1f} ms; SLSQP takes {slsqp[0] / ours[0]:.0f} times "
        f"as long and its weights are {np.linalg.norm(slsqp[1]) / np.linalg.norm(ours[1]):.6f} times as long (shortest wins)"
    )


if __name__ == "__main__":
    points()
    resolution()
    margins()
