"""Exact kNN-Shapley values, k-means and prototype distances: seconds and memory, against the peers.

Features are a Gaussian mixture of ten classes. Times are CPU seconds on one thread; every contender runs in a
process of its own and must give the same values. `python tests/bench/bench_shapley.py quick` leaves out what
takes minutes.
"""

import pathlib
import sys
import tempfile
import time

import numpy as np
from measure import measured, peer
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import KNeighborsClassifier

from labutils import rows
from labutils.selection import prototypes
from labutils.selection.knn_shapley import knn_shapley

K, CLUSTERS, FILE_ROWS = 10, 100, 10_000_000


def mixture(n, d, seed=0, classes=10):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    means = np.random.default_rng(99).standard_normal((classes, d))
    return (means[y] + rng.standard_normal((n, d))).astype(np.float32), y


def textbook(x_train, y_train, x_test, y_test, k):
    """The recursion of Jia et al. 2019 as it is printed: a loop over tests and one over neighbours."""
    n, values = len(x_train), np.zeros(len(x_train))
    for x, y in zip(x_test, y_test):
        order = np.argsort(((x_train - x) ** 2).sum(axis=1))
        right = (y_train[order] == y).astype(float)
        s = np.empty(n)
        s[-1] = right[-1] / n
        for i in range(n - 2, -1, -1):
            s[i] = s[i + 1] + (right[i] - right[i + 1]) / k * min(k, i + 1) / (i + 1)
        values[order] += s
    return values / len(x_test)


def pydvl(x_train, y_train, x_test, y_test, k):
    from pydvl.valuation import Dataset, KNNShapleyValuation

    data = [Dataset(x, y) for x, y in ((x_train, y_train), (x_test, y_test))]
    valuation = KNNShapleyValuation(KNeighborsClassifier(k), data[1], progress=False)
    return valuation.fit(data[0]).result.values


def opendataval(x_train, y_train, x_test, y_test, k):
    import torch
    from opendataval.dataval import KNNShapley

    codes = [torch.eye(10)[torch.as_tensor(y)] for y in (y_train, y_test)]
    valuation = KNNShapley(k_neighbors=k, batch_size=1000)
    valuation.input_data(torch.as_tensor(x_train), codes[0], torch.as_tensor(x_test), codes[1])
    return valuation.train_data_values().evaluate_data_values()


def report(what, seconds, megabytes, ours=None, note=""):
    times = "" if ours is None else f"{seconds / ours:.1f}x"
    print(f"| {what} | {seconds:.2f} s | {megabytes:.0f} MB | {times} | {note} |", flush=True)


def shapley(n, tests, d, quick):
    print(f"\nkNN-Shapley, {n:,} train x {tests:,} test, d = {d}, k = {K}\n")
    print("| | CPU | memory | times ours | largest difference |\n|---|---|---|---|---|")
    case = (*mixture(n, d), *mixture(tests, d, seed=1), K)
    ours, megabytes, values = measured(lambda: knn_shapley(*case), rounds=5)
    report("labutils, exact", ours, megabytes)
    for error in (0.01, 0.001):
        s, mb, short = measured(lambda error=error: knn_shapley(*case, error=error), rounds=3)
        report(f"labutils, error at most {error}", s, mb, ours, f"{np.abs(short - values).max():.1e}")
    if not quick:
        for name, call in (("pydvl", pydvl), ("opendataval", opendataval)):
            if peer(name):
                s, mb, theirs = measured(lambda call=call: call(*case))
                report(name, s, mb, ours, f"{np.abs(theirs - values).max():.1e}")
    some = tests // 20
    s, mb, theirs = measured(lambda: textbook(*case[:2], case[2][:some], case[3][:some], K))
    same = knn_shapley(*case[:2], case[2][:some], case[3][:some], K)
    report(f"textbook loop (timed on {some} tests)", 20 * s, mb, ours, f"{np.abs(theirs - same).max():.1e}")


def kmeans(n=200_000, d=64):
    print(f"\nk-means, {n:,} x {d}, {CLUSTERS} clusters: mean squared distance to the centres\n")
    print("| | CPU | memory | times ours | mean square |\n|---|---|---|---|---|")
    x, _ = mixture(n, d)
    ours = None
    for name, call, rounds in (
        ("labutils, 3 passes", lambda: rows.kmeans(x, CLUSTERS), 3),
        (
            "scikit-learn KMeans",
            lambda: KMeans(CLUSTERS, n_init=1, random_state=0).fit(x).cluster_centers_,
            1,
        ),
        (
            "scikit-learn MiniBatchKMeans",
            lambda: MiniBatchKMeans(CLUSTERS, n_init=1, random_state=0).fit(x).cluster_centers_,
            1,
        ),
    ):
        s, mb, centres = measured(call, rounds=rounds)
        ours = ours or s
        report(name, s, mb, ours, f"{(rows.nearest(x, centres)[1] ** 2).mean():.3f}")


def mapped(folder, n_rows, d=64):
    """Prototype distance over growing beginnings of a file of float32."""
    print(f"\nPrototype distance over a memory-mapped file, d = {d}, {CLUSTERS} clusters\n")
    print("| rows | CPU | memory | a million rows |\n|---|---|---|---|")
    path = pathlib.Path(folder) / "x.npy"
    x = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, d))
    for first in range(0, n_rows, 100_000):
        x[first : first + 100_000] = mixture(100_000, d, seed=first)[0][: n_rows - first]
    x.flush()
    del x
    for n in (n_rows // 10, n_rows):
        x = np.load(path, mmap_mode="r")[:n]
        s, mb, distance = measured(lambda x=x: prototypes.prototype_distance(x, CLUSTERS, 0))
        assert np.isfinite(distance).all()
        print(f"| {n:,} | {s:.1f} s | {mb:.0f} MB | {1e6 * s / n:.2f} s |", flush=True)


if __name__ == "__main__":
    quick = "quick" in sys.argv
    print(time.strftime("%Y-%m-%d"))
    shapley(20_000, 1_000, 64, quick)
    kmeans()
    with tempfile.TemporaryDirectory() as folder:
        mapped(folder, FILE_ROWS // 10 if quick else FILE_ROWS)
