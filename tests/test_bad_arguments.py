"""A table of bad arguments of public functions, and the one sentence each gets before any work is done."""

import numpy as np
import pytest
from test_bad_input import says, soon  # noqa: F401

from labutils import data
from labutils.budget import fourier, grokking
from labutils.geometry import similarity, translation
from labutils.laws import intrinsic_dimension, joint_law, power_law, regimes
from labutils.networks import gradient_norms, max_margin, models, training
from labutils.selection import (
    coresets,
    easy_hard,
    knn_shapley,
    prototypes,
    pruning,
    scores,
    weighted_coresets,
)

N, RNG = 2.0 ** np.arange(4, 11), np.random.default_rng(0)
LOSS, X = N**-0.5, RNG.normal(size=(40, 5))
HOLED = np.where(np.arange(X.size).reshape(X.shape) == 7, np.nan, X)
P, Y, LABELS = np.full((3, 8, 4), 0.25), np.arange(8) % 4, np.arange(40) % 4
NET, HALF = models.mlp([5, 8, 4]), grokking.subsets(7, [0.5], seeds=[0])


def fit(x=X, y=LABELS, steps=3, **options):
    return training.fit_many(NET, x, y, steps=steps, **options)


ARGUMENTS = {
    "text too short": (lambda: data.text(min_chars=0), "min_chars is 0; allowed: at least 1"),
    "text of nobody": (lambda: data.text("gone.txt"), "text is 'gone.txt': no such file; allowed: 'python', 'novels' or a text file"),
    "seed below zero": (lambda: data.load(seed=-1), "seed is -1; allowed: a whole number from 0 to 2**32 - 1"),
    "more than whole rows": (lambda: data.load(max_train=7.5), "max_train is 7.5; allowed: a whole number of at least 2"),
    "fewer rows than classes": (lambda: data.load(max_train=9), "max_train is 9; with 10 classes at least 10 are needed"),
    "loss of nothing": (lambda: power_law.fit_power_law(N, 0 * LOSS), "loss holds 0; allowed: finite numbers above zero"),
    "loss NaN": (lambda: power_law.fit_power_law(N, np.nan * LOSS), "loss holds nan; allowed: finite numbers above zero"),
    "three sizes": (lambda: power_law.fit_power_law(N[:3], LOSS[:3]), "n holds 3 sizes; allowed: at least 4"),
    "one size": (lambda: power_law.fit_power_law(0 * N + 1, LOSS), "n holds 1 sizes; allowed: at least 4"),
    "noise below zero": (lambda: power_law.fit_power_law(N, LOSS, sigma=-N), "sigma holds -16; allowed: finite numbers"),
    "more losses than sizes": (lambda: power_law.fit_power_law(N[:4], LOSS), "shapes of n, loss, sigma are (4,), (7,), (7,)"),
    "law unknown": (lambda: power_law.extrapolate(N, LOSS, 2e3, law="pow4"), "law is 'pow4'; allowed: pow3, pow2, exp3, last. Did you mean"),
    "forecast for nothing": (lambda: power_law.extrapolate(N, LOSS, 0), "n_target holds 0; allowed: finite numbers above zero"),
    "no epoch": (lambda: joint_law.effective_tokens(100, 0), "epochs is 0; allowed: at least 1"),
    "joint law of two points": (lambda: joint_law.fit_joint(N[:2], N[:2], N[:2]), "allowed: equal, with at least 6 points"),
    "joint law, loss below zero": (lambda: joint_law.fit_kaplan(N, N, -LOSS), "loss holds -0.25; allowed: finite numbers"),
    "diagnosis of two points": (lambda: regimes.diagnose(N[:2], LOSS[:2]), "2 sizes, 2 losses; allowed: as many, of at least 4"),
    "diagnosis, loss below zero": (lambda: regimes.diagnose(N, -LOSS), "loss holds -0.25; allowed: finite numbers above zero"),
    "dimension of NaN": (lambda: intrinsic_dimension.two_nn(HOLED), "x holds NaN or infinity; allowed: finite numbers"),
    "dimension of a point": (lambda: intrinsic_dimension.two_nn(0 * X), "x holds 1 distinct rows; allowed: more than 2"),
    "dimension of a line of numbers": (lambda: intrinsic_dimension.levina_bickel(X[:, 0]), "x has shape (40,); allowed: (N, d)"),
    "cka of NaN": (lambda: similarity.cka(HOLED, X), "x holds NaN or infinity; allowed: finite numbers"),
    "cka of other inputs": (lambda: similarity.cka(X, X[:9]), "x has 40 rows, y 9; allowed: the same inputs in both"),
    "cka of three rows": (lambda: similarity.cka(X[:3], X[:3]), "x has shape (3, 5); allowed: (rows, features) with at least 4"),
    "cka, kernel unknown": (lambda: similarity.cka(X, X, kernel="gauss"), "kernel is 'gauss'; allowed: linear, rbf"),
    "cka, no width": (lambda: similarity.cka(X, X, kernel="rbf", bandwidth=0), "bandwidth holds 0; allowed: finite numbers"),
    "no neighbour": (lambda: similarity.mutual_knn(X, X, 0), "k is 0; allowed: 1 to 39, the other rows"),
    "all rows neighbours": (lambda: similarity.mutual_knn(X, X, 40), "k is 40; allowed: 1 to 39, the other rows"),
    "metric unknown": (lambda: similarity.mutual_knn(X, X, metric="l1"), "metric is 'l1'; allowed: cosine, euclidean"),
    "more than all variance": (lambda: similarity.cca(X, X, fraction=2), "fraction is 2; allowed: a share above 0 and up to 1"),
    "translation of nine rows": (lambda: translation.translate(X[:9], X), "x has shape (9, 5); allowed: (rows, features) with at least 16"),
    "translation of a point": (lambda: translation.translate(0 * X, X), "x is the same in every row; allowed: rows that differ"),
    "translation, no start": (lambda: translation.translate(X, X, n_starts=0), "n_starts is 0; allowed: at least 1"),
    "pairs without partners": (lambda: translation.translate_pairs(X, X[:9]), "x has 40 rows, y 9; allowed: pairs"),
    "quality of other spaces": (lambda: translation.quality(X, X[:, :2]), "translated has shape (40, 5), y (40, 2); allowed"),
    "logits for probabilities": (lambda: scores.el2n(8 * P, Y), "sum to 8; allowed: 1. Were logits passed?"),
    "below zero for probabilities": (lambda: scores.entropy(-P), "probabilities hold -0.25; allowed: 0 to 1"),
    "probabilities of one class": (lambda: scores.margin(4 * P[..., :1]), "one class (shape (3, 8, 1)); allowed: at least two"),
    "logits of one class": (lambda: scores.aum(P[..., :1], 0 * Y), "one class"),
    "labels out of range": (lambda: scores.loss(P, Y + 1), "labels run from 1 to 4; allowed: 0 to 3"),
    "labels with fractions": (lambda: scores.loss(P, Y / 2), "type float64; allowed: (8,) integers"),
    "fewer labels than rows": (lambda: scores.aum(P, Y[:3]), "labels have shape (3,) and type int64; allowed: (8,) integers"),
    "history of one time": (lambda: scores.forgetting(P[:1, :, 0] > 1), "correct"),
    "halves for right or wrong": (lambda: scores.forgetting(P[..., 0] / 2), "correct holds other values than 0 and 1"),
    "committee of one": (lambda: scores.disagreement(P[:1]), "allowed: (M, N, C) of M at least 2 members"),
    "map of one time": (lambda: scores.cartography(P[0], Y), "probabilities have shape (8, 4); allowed: (T, N, C)"),
    "no row": (lambda: coresets.k_center(X, 0), "size is 0; allowed: a whole number from 1 to 40, the number of rows"),
    "more rows than there are": (lambda: coresets.herding(X, 41), "size is 41; allowed: a whole number from 1 to 40"),
    "half a row": (lambda: coresets.graph_cut(X, 2.5), "size is 2.5; allowed: a whole number from 1 to 40"),
    "coreset of NaN": (lambda: coresets.facility_location(HOLED, 3), "x holds NaN or infinity in row 1; allowed: finite"),
    "coreset of no columns": (lambda: coresets.k_center(X[:, :0], 3), "x has shape (40, 0); allowed: (examples, features)"),
    "nothing kept": (lambda: pruning.select(X[:, 0], 0), "fraction is 0; allowed: above 0 to 1"),
    "scores NaN": (lambda: pruning.select(HOLED[:, 2], 0.5), "scores holds NaN or infinity; allowed: finite numbers"),
    "no scores": (lambda: pruning.select([], 0.5), "scores have shape (0,); allowed: (N,), at least one"),
    "rule unknown": (lambda: pruning.select(X[:, 0], 0.5, prefer="hardest"), "prefer is 'hardest'; allowed: .* Did you mean 'hard'?"),
    "labels of other scores": (lambda: pruning.select(X[:, 0], 0.5, labels=Y), "labels have shape (8,); allowed: (40,), one for each"),
    "no strata": (lambda: pruning.coverage(X[:, 0], 0.5, bins=0), "bins is 0; allowed: at least 1"),
    "all mislabelled": (lambda: pruning.coverage(X[:, 0], 0.5, mislabelled=1), "mislabelled is 1; allowed: a share from 0 to below 1"),
    "more than all flipped": (lambda: pruning.flip_labels(Y, 2), "share is 2, classes 4; allowed: 0 to below 1, at least 2"),
    "no model to leave out of": (lambda: pruning.leave_out(40, 0), "n_models is 0; allowed: at least 1"),
    "most left out": (lambda: pruning.leave_out(40, 3, share=0.9), "share is 0.9 of 40; allowed: above 0 to 1/2"),
    "agreement with NaN": (lambda: pruning.agreement({"a": X[:, 0], "b": HOLED[:, 2]}), "b holds NaN or infinity; allowed: finite numbers"),
    "agreement of nothing": (lambda: pruning.agreement({}), "scores have shapes []; allowed: one and the same, (N,)"),
    "agreement of other rows": (lambda: pruning.agreement({"a": X[:, 0], "b": Y}), "scores have shapes [(8,), (40,)]; allowed"),
    "agreement with a constant": (lambda: pruning.agreement({"a": X[:, 0], "b": 0 * X[:, 0]}), "a score is the same for all examples"),
    "no prototype": (lambda: prototypes.prototype_distance(X, 0), "clusters is 0"),
    "more prototypes than rows": (lambda: prototypes.prototype_distance(X, 41), "clusters is 41"),
    "no other row": (lambda: prototypes.neighbour_distance(X, 40), "k is 40"),
    "value of NaN": (lambda: knn_shapley.knn_shapley(HOLED, LABELS, X, LABELS), "x_train holds NaN or infinity"),
    "value by no neighbour": (lambda: knn_shapley.knn_shapley(X, LABELS, X, LABELS, 0), "k is 0; allowed: whole numbers from 1 to 40"),
    "value for nobody": (lambda: knn_shapley.knn_shapley(X, LABELS, X[:0], Y[:0]), "x_test has shape (0, 5), y_test (0,); allowed"),
    "value in other spaces": (lambda: knn_shapley.knn_shapley(X, LABELS, X[:, :2], LABELS), "x_test has 2 columns; allowed: 5"),
    "weights below zero": (lambda: weighted_coresets.lightweight(X, 5, weights=-X[:, 0] ** 2), "allowed: (40,), finite, none negative"),
    "no clusters": (lambda: weighted_coresets.kmeans_coreset(X, 0, 5), "clusters is 0; allowed: at least 1"),
    "empty stream": (lambda: weighted_coresets.merge_and_reduce([], weighted_coresets.uniform), "stream is empty; allowed"),
    "no data per weight": (lambda: easy_hard.test_error(0, 0.5), "alpha holds 0; allowed: finite numbers above zero"),
    "more than all kept": (lambda: easy_hard.test_error(2, 2), "fraction holds 2; allowed: shares above 0 and up to 1"),
    "preference unknown": (lambda: easy_hard.test_error(2, 0.5, prefer="hardest"), "prefer is 'hardest'; allowed: hard, easy, random"),
    "nothing to divide by": (lambda: grokking.sums(1), "p is 1; allowed: whole numbers from 2"),
    "part of nothing": (lambda: grokking.subsets(7, [0], seeds=[0]), "fractions are [0] for 1 seeds; allowed: one a seed, in (0, 1]"),
    "recipe unknown": (lambda: grokking.run(7, HALF, steps=5, recipe="adam"), "recipe is 'adam'; allowed: adamw, grokfast"),
    "measured never": (lambda: grokking.run(7, HALF, steps=5, every=-1), "every is -1; allowed: at least 1"),
    "table of another size": (lambda: grokking.run(5, HALF, steps=5), "included has shape (1, 49); allowed: (M, 25)"),
    "cosines of an even number": (lambda: fourier.cosine_solution(8, (1,)), "p is 8, frequencies (1,); allowed: an odd prime"),
    "training on NaN": (lambda: fit(HOLED), "x holds NaN or infinity; allowed: finite numbers"),
    "label the model lacks": (lambda: fit(y=LABELS + 1), "y holds labels 1 to 4; allowed by the model: 0 to 3"),
    "labels of other rows": (lambda: fit(y=Y), "y has shape (8,); allowed: (40,), or (M, *(40,))"),
    "half labels": (lambda: fit(y=LABELS / 2), "y holds fractional numbers; allowed for cross_entropy: integer labels"),
    "no step": (lambda: fit(steps=0), "steps is 0; allowed: whole numbers from 1"),
    "half a step": (lambda: fit(steps=2.5), "steps is 2.5; allowed: whole numbers from 1"),
    "rate below zero": (lambda: fit(learning_rate=-1), "learning_rate is [-1.] of shape (1,); allowed"),
    "rate NaN": (lambda: fit(learning_rate=np.nan), "learning_rate is [nan] of shape (1,); allowed"),
    "optimizer misspelt": (lambda: fit(optimizer="adamm"), "optimizer is 'adamm'; allowed: adamw, sgd. Did you mean 'adamw'?"),
    "no batch": (lambda: fit(batch_size=0), "batch_size is 0; allowed: whole numbers from 1"),
    "a record unknown": (lambda: fit(record="accuracy"), "record is 'accuracy'; allowed: train_loss, train_accuracy"),
    "test without rows": (lambda: fit(record="test_accuracy"), "record asks for 'test_accuracy'; allowed only with x_test and y_test"),
    "nothing included": (lambda: fit(included=np.zeros((1, 40), bool)), "allowed: a mask (40,) or at least one row number"),
    "rows too narrow": (lambda: fit(X[:, :3]), "x of shape (40, 3) and type torch.float32 does not suit the model"),
    "output unknown": (lambda: training.predict(NET, X, output="labels"), "output is 'labels'; allowed: probabilities, logits"),
    "network of one layer": (lambda: models.mlp([5]), "sizes is (5,); it needs an input and an output width at least"),
    "layer of no unit": (lambda: models.mlp([5, 0, 2]), "sizes is (5, 0, 2); allowed: positive integers"),
    "activation unknown": (lambda: models.mlp([5, 2], activation="rely"), "activation is 'rely'; allowed: .* Did you mean 'relu'?"),
    "convolution of a row": (lambda: models.cnn((30,), 4), "shape is (30,); allowed: (H, W) or (C, H, W)"),
    "heads that do not divide": (lambda: models.gpt(10, 4, 1, 7, heads=2), "heads is 2; it must divide width 7"),
    "gradient of another label": (lambda: gradient_norms.gradient_norms(NET, X, LABELS + 1), "labels run from 1 to 4; allowed: 0 to 3"),
    "plane between NaN": (lambda: max_margin.max_margin(HOLED, LABELS), "x holds NaN or infinity; allowed: finite numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", ARGUMENTS)
def test_bad_argument(case):
    call, sentence = ARGUMENTS[case]
    says(sentence, call)
