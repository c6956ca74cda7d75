"""The audit by size of the data, from mapped files, and its label errors beside cleanlab's where errors are planted.

python tests/bench/bench_audit.py [rows ...]: CPU seconds on one thread, memory beyond the program's own, and seconds over
n log n against the first size. Ten classes of four clouds each that overlap, 64 columns of float32.
"""

import math
import sys
import tempfile
import time
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
    """Ours, confident learning on the linear probe, and cleanlab as its tutorials have it, where errors are planted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import cross_val_predict

    from labutils import data
    from labutils.audit import judges, label_errors, learners, planted
    from labutils.audit.features import WIDE
    from labutils.networks import encoders
    from labutils.selection import pruning

    linear, theirs = learners.choose("linear"), peer("cleanlab.filter")

    def ours(x, y, n_classes):
        said = learners.left_out(linear, x, y, n_classes=n_classes)
        found = label_errors.find(judges.judge(x, y, said, n_classes=n_classes), y)
        return found.flagged, found.confidence

    def confident(x, y, n_classes):
        said = learners.left_out(linear, x, y, n_classes=n_classes)
        found = label_errors.confident_learning(learners.probabilities(said, y), y)
        return found.flagged, found.confidence

    def cleanlab(x, y, n_classes):
        p = cross_val_predict(LogisticRegression(max_iter=1_000), x, y, cv=5, method="predict_proba")
        return theirs.find_label_issues(y, p, n_jobs=1), p[np.arange(len(y)), y]

    contenders = {"labutils": ours, "confident learning, linear probe": confident}
    if theirs:
        contenders["cleanlab, 5-fold logistic regression"] = cleanlab
    print(
        "\n| errors | share | by | average precision | recall | precision | flagged / wrong | CPU |\n"
        + "|---" * 8
        + "|"
    )
    for kind in ("at random", "a person's"):
        for share in (0.02, 0.1):
            found = {name: [] for name in contenders}
            for name, seed in [(name, seed) for name in ("digits", "fashion", "novels") for seed in range(5)]:
                d = data.load(name, seed=seed, max_train=1_500)
                x = encoders.fixed(
                    d.x_train, d.x_test[:2], d.shape, n_features=WIDE, n_filters=48, seed=seed
                )[0]
                n_classes = len(d.classes)
                if kind == "at random":
                    y, wrong = pruning.flip_labels(d.y_train, share, seed=seed)
                else:
                    y, wrong = planted.mistaken(x, d.y_train, share, n_classes=n_classes, seed=seed)
                for by, find in contenders.items():
                    begin = time.process_time()
                    mask, right = find(x, y, n_classes)
                    took = time.process_time() - begin
                    recall, precision = planted.recall_precision(mask, wrong)
                    ranked = average_precision_score(wrong, -right)
                    found[by].append((ranked, recall, precision, mask.sum() / wrong.sum(), took))
            for by, rows in found.items():
                values = " | ".join(f"{value:.2f}" for value in np.mean(rows, axis=0))
                print(f"| {kind} | {share:.0%} | {by} | {values} s |", flush=True)


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
