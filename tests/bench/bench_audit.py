"""The audit by size of the data, from mapped files, and its label errors beside cleanlab's on the same probabilities.

python tests/bench/bench_audit.py [rows ...]: CPU seconds on one thread, memory beyond the program's own, and seconds over
n log n against the first size. Ten classes of four clouds each that overlap, 64 columns of float32.
"""

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import measured, peer

SIZES = (10_000, 100_000, 1_000_000)


def clouds(folder, n):
    """Rows (n, 64) and labels (n,) in files of a folder, written a block at a time: their paths."""
    rng = np.random.default_rng(0)
    centres = 0.55 * rng.standard_normal((10, 4, 64))
    x_path, y_path = Path(folder) / f"x{n}.npy", Path(folder) / f"y{n}.npy"
    x = np.lib.format.open_memmap(x_path, mode="w+", dtype=np.float32, shape=(n, 64))
    y = rng.integers(10, size=n)
    for start in range(0, n, 50_000):
        own = y[start : start + 50_000]
        x[start : start + 50_000] = centres[own, rng.integers(4, size=len(own))] + rng.standard_normal(
            (len(own), 64)
        )
    x.flush()
    np.save(y_path, y)
    return x_path, y_path


def audited(x_path, y_path):
    from labutils.audit import engine, source

    return engine.audit(source.from_file(x_path, target=str(y_path))).seconds


def sizes(rows):
    print("| rows | CPU | memory | over n log n | of that: copies, curve, rules |\n|---|---|---|---|---|")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        for n in rows:
            paths = clouds(folder, n)
            seconds, memory, steps = measured(lambda paths=paths: audited(*paths), warm=warm)
            rate = seconds / (n * math.log(n))
            first = first or rate
            parts = ", ".join(f"{steps[name]:.0f} s" for name in ("what is there", "more data", "how few"))
            print(
                f"| {n:,} | {seconds:.0f} s | {memory:,.0f} MB | {rate / first:.2f} | {parts} |", flush=True
            )


def warm():
    import labutils.audit.engine  # noqa: F401


def label_errors():
    """Recall, precision, time and memory of confident learning on digits with 5% flipped, ours and cleanlab's."""
    from sklearn.datasets import load_digits

    from labutils.audit import label_errors, learners
    from labutils.audit.planted import recall_precision
    from labutils.selection import pruning

    x, y = load_digits(return_X_y=True)
    contenders = {"labutils": lambda p, y: label_errors.confident_learning(p, y).flagged}
    if theirs := peer("cleanlab.filter"):
        contenders["cleanlab"] = lambda p, y: theirs.find_label_issues(y, p, n_jobs=1)
    print(
        "\n| label errors | recall | precision | CPU, 1,797 rows | CPU, 359,400 rows | memory |\n|---|---|---|---|---|---|"
    )
    for name, find in contenders.items():
        found, seconds = [], []
        for seed in range(5):
            given, wrong = pruning.flip_labels(y, 0.05, seed=seed)
            scores = learners.left_out(learners.choose("linear"), x / 16, given, n_classes=10)
            p = learners.probabilities(scores, given)
            took, _, mask = measured(lambda find=find, p=p, given=given: find(p, given))
            found.append(recall_precision(mask, wrong))
            seconds.append(took)
        many, labels = np.tile(p, (200, 1)), np.tile(given, 200)
        took, memory, _ = measured(lambda find=find, many=many, labels=labels: find(many, labels))
        recall, precision = np.mean(found, axis=0)
        print(
            f"| {name} | {recall:.2f} | {precision:.2f} | {np.mean(seconds):.3f} s | {took:.2f} s | {memory:,.0f} MB |"
        )


def datalab():
    """What cleanlab's Datalab takes for near copies on 30,000 rows, if it is installed."""
    lab = peer("cleanlab.datalab.datalab")
    if lab is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        x_path, y_path = clouds(folder, 30_000)
        x, y = np.load(x_path), np.load(y_path)

        def theirs():
            found = lab.Datalab({"y": y}, label_name="y", verbosity=0)
            found.find_issues(features=x, issue_types={"near_duplicate": {}})

        def ours():
            from labutils.audit import copies

            return copies.near(*copies.neighbours(x)).sum()

        for name, call in (("labutils", ours), ("Datalab", theirs)):
            try:
                seconds, memory, _ = measured(call, warm=warm)
                print(f"| near copies, 30,000 x 64, {name} | {seconds:.1f} s | {memory:,.0f} MB |")
            except EOFError:  # its process died: the package `datasets` is missing
                print(f"| near copies, {name} | it needs the package datasets |")


if __name__ == "__main__":
    sizes([int(text) for text in sys.argv[1:]] or SIZES)
    label_errors()
    datalab()
