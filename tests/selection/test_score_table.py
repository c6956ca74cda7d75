"""The table computes every score it lists, from the runs that it says, and says what each cost."""

import numpy as np

from labutils import data
from labutils.networks import models, training
from labutils.selection import pruning, score_table, scores


def small():
    d = data.load("digits", max_train=200)
    return d, models.mlp([64, 16, 10]), {"steps": 30, "batch_size": 32, "learning_rate": 1e-2}


def test_every_score_of_the_table_is_given_and_the_price_of_what_it_needs():
    d, net, options = small()
    found, cost = score_table.compute_all(net, d.x_train, d.y_train, n_seeds=6, seed=5, **options)
    assert list(found) == list(cost) == [score.name for score in score_table.SCORES]
    assert all(values.shape == (200,) and np.isfinite(values).all() for values in found.values())
    assert min(cost.values()) >= 0
    again, cost = score_table.compute_all(net, d.x_train, d.y_train, n_seeds=6, seed=5, **options)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    assert cost["EL2N early"] < cost["forgetting"]  # a fifth of the updates, and no history
    options["seeds"] = 5 + np.arange(6)
    runs = training.fit_many(net, d.x_train, d.y_train, record="probabilities", **options)
    assert np.allclose(found["EL2N"], scores.el2n(runs.probabilities, d.y_train))


def test_the_table_says_which_scores_read_the_label():
    blind = {score.name for score in score_table.SCORES if not score.labelled}
    assert blind == {"prototypes", "density", "entropy", "margin", "least confidence", "disagreement"}
    d, net, _ = small()
    y = np.where(np.arange(200) == 7, (d.y_train + 1) % 10, d.y_train)  # one label changed
    given = {
        "x": d.x_train,
        "seed": 0,
        "probabilities": np.random.default_rng(0).dirichlet(np.ones(10), (3, 200)),
    }
    given |= {"logits": given["probabilities"], "model": net, "resolution": 1e-9}
    for score in score_table.SCORES:
        if "y" in score.needs and set(score.needs) <= {*given, "y"}:
            before, after = (
                score.compute(*((given | {"y": labels})[need] for need in score.needs))
                for labels in (d.y_train, y)
            )
            assert before[7] != after[7], score.name


def test_wrong_labels_come_out_harder_by_six_scores_that_read_them():
    d, net, options = small()
    y, wrong = pruning.flip_labels(d.y_train, 0.1, classes=10, seed=2)
    found, _ = score_table.compute_all(net, d.x_train, y, n_seeds=6, **options)
    for name in ("class prototypes", "kNN Shapley", "EL2N early", "AUM", "difficulty", "left-out loss"):
        assert found[name][wrong].mean() > found[name][~wrong].mean() + found[name].std() / 2, name
