"""Weighted coresets of a memory-mapped file: seconds and memory at 1 and 10 million rows, and what they buy.

The file holds float32 rows of 64 features in 20 clusters, one of them small and far. Times are CPU seconds on one
thread, memory is what a process of its own held at most above what it held before, mapped pages included.
`python tests/bench/bench_sensitivity.py quick` stops at 1 million rows.
"""

import pathlib
import sys
import tempfile
import time
from functools import partial

import numpy as np
from measure import measured
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from labutils.selection import weighted_coresets

D, CLUSTERS, SIZE, STEP = 64, 20, 10_000, 100_000


def write(path, n, seed=0):
    """Write the file block by block and return it mapped."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.standard_normal((CLUSTERS, D), dtype=np.float32)
    centres[0] += 100
    share = np.r_[1e-3, np.full(CLUSTERS - 1, (1 - 1e-3) / (CLUSTERS - 1))]
    file = np.lib.format.open_memmap(path, "w+", np.float32, (n, D))
    for start in range(0, n, STEP):
        block = centres[rng.choice(CLUSTERS, STEP, p=share)]
        file[start : start + STEP] = block + rng.standard_normal(block.shape, dtype=np.float32)
        file.flush()
    del file
    return np.load(path, mmap_mode="r")


def textbook_lightweight(x, size, seed=0):
    """As the paper prints it, all rows in memory."""
    x = np.array(x, dtype=float)
    distance = ((x - x.mean(axis=0)) ** 2).sum(axis=1)
    q = 0.5 / len(x) + 0.5 * distance / distance.sum()
    rows = np.random.default_rng(seed).choice(len(x), size, p=q)
    return rows, 1 / (size * q[rows])


def textbook_exact(x):
    """Caratheodory's proof as a loop: one singular value decomposition for each row that goes."""
    points = np.column_stack([x, (x**2).sum(axis=1), np.ones(len(x))])
    weights, rows = np.ones(len(x)), np.arange(len(x))
    while len(rows) > points.shape[1]:
        head = rows[: points.shape[1] + 1]
        v = np.linalg.svd(points[head].T)[2][-1]
        v = v if v.max() > 0 else -v
        ratio = np.where(v > 1e-14, weights[head] / np.where(v > 1e-14, v, 1), np.inf)
        weights[head] -= ratio.min() * v
        weights[head[ratio.argmin()]] = 0
        rows = rows[weights[rows] > 0]
    return rows, weights[rows]


def stream(x):
    """Lightweight merge-and-reduce over the file, read as a stream and not mapped."""
    with open(x.filename, "rb") as file:
        file.seek(x.offset)
        blocks = (np.fromfile(file, np.float32, STEP * D).reshape(-1, D) for _ in range(0, len(x), STEP))
        return weighted_coresets.merge_and_reduce(
            blocks, partial(weighted_coresets.lightweight, size=SIZE), size=SIZE
        )


METHODS = {
    "lightweight": partial(weighted_coresets.lightweight, size=SIZE),
    "sensitivity sampling": partial(weighted_coresets.kmeans_coreset, clusters=CLUSTERS, size=SIZE),
    "leverage": partial(weighted_coresets.leverage, size=SIZE),
    "exact, one mean": weighted_coresets.exact_mean,
    "merge and reduce": stream,
}


def scaling(folder, sizes):
    files = {n: write(folder / f"{n}.npy", n) for n in sizes}
    print(f"| method | {' | '.join(f'{n:,} rows: s | MB' for n in sizes)} | time over time per row |")
    for name, method in METHODS.items():
        cells = [measured(partial(method, x))[:2] for x in files.values()]
        growth = cells[-1][0] / cells[0][0] / (sizes[-1] / sizes[0])
        print(f"| {name} | {' | '.join(f'{s:.1f} | {m:.0f}' for s, m in cells)} | {growth:.2f} |", flush=True)
    return files[sizes[0]]


def against_textbooks(x):
    ours, theirs = (
        measured(partial(f, x, SIZE)) for f in (weighted_coresets.lightweight, textbook_lightweight)
    )
    print("\n| at 1 million rows | s | MB |")
    print(f"| lightweight | {ours[0]:.1f} | {ours[1]:.0f} |")
    print(f"| the same in NumPy, rows in memory | {theirs[0]:.1f} | {theirs[1]:.0f} |")
    few = np.array(x[:3000, :10], dtype=float)
    ours, theirs = (
        measured(partial(f, few), rounds=3)[0] for f in (weighted_coresets.exact_mean, textbook_exact)
    )
    print(f"exact mean of 3,000 x 10: {ours:.4f} s, one by one {theirs:.2f} s: {theirs / ours:.0f} times")


def benefit(x):
    """k-means on the coreset instead of on all rows: seconds, and the cost on all rows."""
    x = np.array(x[:200_000], dtype=float)
    print(
        "\n| k-means of 200,000 rows on | s, coreset included | its cost on all rows, over the best found |"
    )
    found = {}
    for name, draw in {"all rows": None, "uniform": weighted_coresets.uniform, **METHODS}.items():
        if name in ("all rows", "uniform", "lightweight", "sensitivity sampling"):
            begin = time.process_time()
            c = draw and (draw(x, size=2000) if name != "uniform" else draw(x, 2000))
            data, weights = (x, None) if c is None else (x[c.indices], c.weights)
            model = KMeans(CLUSTERS, n_init=3, random_state=0).fit(data, sample_weight=weights)
            seconds = time.process_time() - begin
            found[name] = seconds, weighted_coresets.kmeans_cost(x, [model.cluster_centers_])[0]
    best = min(cost for _, cost in found.values())
    for name, (seconds, cost) in found.items():
        print(f"| {name} | {seconds:.2f} | {cost / best:.3f} |")


if __name__ == "__main__":
    sizes = [100_000, 1_000_000] if "quick" in sys.argv else [1_000_000, 10_000_000]
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        first = scaling(pathlib.Path(folder), sizes)
        against_textbooks(first)
        benefit(first)
