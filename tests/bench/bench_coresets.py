"""Greedy coresets: seconds, memory and objective, against the packages and the textbook loops.

Features are a Gaussian mixture of ten classes. Times are CPU seconds on one thread; every contender runs in a
process of its own, and its objective is computed from its choice by the same lines. A peer's time includes the
matrix of similarities it needs, and for apricot the compilation that it repeats at every fit.
`python tests/bench/bench_coresets.py k_center herding` runs those parts only.
"""

import heapq
import os
import sys

os.environ["NUMBA_NUM_THREADS"] = "1"  # before apricot brings numba in

import numpy as np
from measure import measured, peer
from sklearn.metrics import pairwise_distances

from labutils.selection import coresets
from labutils.selection import facility_location as module


def mixture(n, d, seed=0, classes=10):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    return np.random.default_rng(99).standard_normal((classes, d))[y] + rng.standard_normal((n, d)), y


def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def kernel(x):
    u = directions(x)
    s = u @ u.T
    s += 1
    s /= 2
    return s


# --- the textbook ---------------------------------------------------------------------------------------------
def k_center_loop(x, size):
    chosen = [int(np.random.default_rng(0).integers(len(x)))]
    gap = pairwise_distances(x, x[chosen])[:, 0]
    while len(chosen) < size:
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, pairwise_distances(x, x[chosen[-1:]])[:, 0])
    return np.array(chosen)


def herding_loop(x, size):
    mean, total, chosen = x.mean(axis=0), np.zeros(x.shape[1]), []
    free = np.ones(len(x), bool)
    for m in range(1, size + 1):
        miss = np.linalg.norm(m * mean - total - x, axis=1)
        chosen.append(int(np.where(free, miss, np.inf).argmin()))
        total += x[chosen[-1]]
        free[chosen[-1]] = False
    return np.array(chosen)


def herding_product(x, size):
    """The same choices from one product a step."""
    y = x - x.mean(axis=0)
    left, debt, chosen = (y * y).sum(axis=1), np.zeros(x.shape[1]), []
    for _ in range(size):
        chosen.append(int((left - 2 * (y @ debt)).argmin()))
        debt -= y[chosen[-1]]
        left[chosen[-1]] = np.inf
    return np.array(chosen)


def graph_cut_product(x, size):
    u = directions(x)
    gain, chosen = len(u) + u @ u.sum(axis=0), []
    for _ in range(size):
        chosen.append(int(gain.argmax()))
        gain -= 1 + u @ u[chosen[-1]]
        gain[chosen[-1]] = -np.inf
    return np.array(chosen)


def lazy_greedy(x, size):
    """Gains fall only, so a gain worked out anew that is still the largest wins: a heap and a stored matrix."""
    u = directions(x).astype(np.float32)
    s, near, chosen = 1 + u @ u.T, np.zeros(len(u), np.float32), []
    heap = [(-gain, i) for i, gain in enumerate(s.sum(axis=1))]
    heapq.heapify(heap)
    while len(chosen) < size:
        i = heapq.heappop(heap)[1]
        gain = np.maximum(s[i] - near, 0).sum()
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, i))
        else:
            chosen.append(i)
            near = np.maximum(near, s[i])
    return np.array(chosen)


def by_class(choose):
    """Indices and weights from choose(distances, size) in each class, weights the number of rows nearest."""

    def run(x, y, size):
        indices, weights = [], []
        for c, share in enumerate(np.bincount(y[coresets.craig(x[:, :1], size, labels=y).indices])):
            rows = np.flatnonzero(y == c)
            distances = pairwise_distances(x[rows])
            chosen = choose(distances, int(share))
            indices.append(rows[chosen])
            weights.append(np.bincount(distances[:, chosen].argmin(axis=1), minlength=share))
        return np.concatenate(indices), np.concatenate(weights)

    return run


def craig_loop(distances, size):
    """All gains anew at every step, from the stored matrix."""
    s = (distances.max() - distances).astype(np.float32)
    best, chosen = np.zeros(len(s), np.float32), []
    for _ in range(size):
        gain = np.maximum(s, best).sum(axis=1)
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        best = np.maximum(best, s[chosen[-1]])
    return np.array(chosen)


# --- the packages ---------------------------------------------------------------------------------------------
def apricot(name, s, size, **options):
    import apricot as package

    selector = getattr(package, name)
    return np.asarray(selector(size, metric="precomputed", **options).fit(s).ranking)


def submodlib(s, size):
    from submodlib import FacilityLocationFunction

    function = FacilityLocationFunction(n=len(s), mode="dense", sijs=s.astype(np.float32), separate_rep=False)
    return np.array(
        [i for i, _ in function.maximize(budget=size, optimizer="LazyGreedy", show_progress=False)]
    )


# --- what is compared -----------------------------------------------------------------------------------------
def table(title, objective, contenders):
    print(f"\n{title}\n\n| | CPU | memory | times ours | objective |\n|---|---|---|---|---|", flush=True)
    base = None
    for name, call, rounds in contenders:
        package = name.split(",")[0]
        if package in ("apricot", "submodlib") and not peer(package):
            continue
        try:
            seconds, megabytes, chosen = measured(call, rounds=rounds)
        except EOFError:  # the process died
            print(f"| {name} | did not finish | | | |", flush=True)
            continue
        base = base or seconds
        value = objective(chosen) if objective else ""
        print(
            f"| {name} | {seconds:.2f} s | {megabytes:.0f} MB | {seconds / base:.1f}x | {value} |", flush=True
        )


def k_center(n=50_000, d=128, size=1000):
    x, _ = mixture(n, d)

    def radius(chosen):
        parts = [pairwise_distances(p, x[chosen]).min(axis=1).max() for p in np.array_split(x, 20)]
        return f"radius {max(parts):.6f}"

    ours = ("labutils", lambda: coresets.k_center(x, size), 3)
    theirs = ("scikit-learn loop", lambda: k_center_loop(x, size), 1)
    table(f"k-center, N = {n:,}, d = {d}, k = {size:,}", radius, [ours, theirs])


def herding(n=50_000, d=128, size=1000):
    x, _ = mixture(n, d)
    contenders = [
        ("labutils", lambda: coresets.herding(x, size), 3),
        ("NumPy loop over all differences", lambda: herding_loop(x, size), 1),
        ("NumPy loop, one product a step", lambda: herding_product(x, size), 1),
    ]
    table(
        f"herding, N = {n:,}, d = {d}, k = {size:,}",
        lambda chosen: f"distance of means {np.linalg.norm(x[chosen].mean(axis=0) - x.mean(axis=0)):.3e}",
        contenders,
    )


def graph_cut(cases=((20_000, 64, 2000, True), (50_000, 128, 2000, False), (1_000_000, 64, 1000, False))):
    for n, d, size, peers in cases:
        x, _ = mixture(n, d)
        every = directions(x).sum(axis=0)

        def value(chosen, x=x, every=every):
            part = directions(x[chosen])
            total = part.sum(axis=0)
            return f"{len(part) * len(x) + total @ every - (len(part) ** 2 + total @ total) / 2:.4f}"

        contenders = [("labutils", lambda x=x, size=size: coresets.graph_cut(x, size), 3 if peers else 1)]
        if peers:
            contenders += [
                ("NumPy loop, one product a step", lambda x=x, size=size: graph_cut_product(x, size), 1),
                (
                    "apricot, two-stage",
                    lambda x=x, size=size: apricot("GraphCutSelection", kernel(x), size, alpha=2.0),
                    1,
                ),
            ]
        table(f"graph cut, N = {n:,}, d = {d}, k = {size:,}", value, contenders)


def facility_location(
    cases=((1000, 100), (3000, 300), (5000, 500), (10_000, 1000), (20_000, 1000), (200_000, 1000)), d=64
):
    for n, size in cases:
        x, _ = mixture(n, d)

        def value(chosen, x=x):
            u = directions(x)
            return f"{sum(((1 + p @ u[chosen].T) / 2).max(axis=1).sum() for p in np.array_split(u, 40)):.3f}"

        def ours(x=x, s=size, m=None if n < 1e5 else n // 20):
            return coresets.facility_location(x, s, sample=m)

        def unlisted(x=x, s=size):
            module.SHARE = 0
            return coresets.facility_location(x, s)

        def apricot_lazy(x=x, s=size):
            return apricot("FacilityLocationSelection", kernel(x), s, optimizer="lazy")

        contenders = [("labutils" if n < 1e5 else "labutils, sample of 10,000", ours, 3 if n < 1e5 else 1)]
        if n <= 10_000:
            contenders.append(("lazy greedy, ten lines", lambda x=x, s=size: lazy_greedy(x, s), 3))
        if n == 20_000:
            contenders.append(("labutils without its list", unlisted, 1))
        if n in (5000, 20_000):
            contenders.append(("apricot, lazy", apricot_lazy, 1))
        if n == 5000:
            contenders.append(("submodlib, lazy", lambda x=x, s=size: submodlib(kernel(x), s), 1))
        table(f"facility location, N = {n:,}, d = {d}, k = {size:,}", value, contenders)


def craig(cases=((5000, 64, 500), (50_000, 128, 1000))):
    for n, d, size in cases:
        x, y = mixture(n, d)

        def ours(x=x, y=y, size=size):
            core = coresets.craig(x, size, labels=y)
            return core.indices, core.weights

        def lazy(distances, size):
            s = distances.max() - distances
            return apricot("FacilityLocationSelection", s, size, optimizer="lazy")

        def value(choice, x=x, y=y):
            indices, weights = choice
            total = 0.0
            for c in range(10):
                own = indices[y[indices] == c]
                total += pairwise_distances(x[y == c], x[own]).min(axis=1).sum()
            return f"sum of distances {total:.2f}, of weights {weights.sum():.0f}"

        contenders = [
            ("labutils", ours, 3),
            ("NumPy loop over stored matrices", lambda x=x, y=y, k=size: by_class(craig_loop)(x, y, k), 1),
            ("apricot, lazy", lambda x=x, y=y, k=size, f=lazy: by_class(f)(x, y, k), 1),
        ]
        table(f"CRAIG in each of ten classes, N = {n:,}, d = {d}, k = {size:,}", value, contenders)


if __name__ == "__main__":
    parts = {f.__name__: f for f in (k_center, herding, graph_cut, facility_location, craig)}
    for part in sys.argv[1:] or parts:
        parts[part]()
