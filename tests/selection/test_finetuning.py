import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from labutils.networks import models, training
from labutils.selection import finetuning

RNG = np.random.default_rng(0)
N = np.array([10, 30, 100, 300, 1000, 3000])


def task(classes=3, n=60, d=5):
    x = RNG.normal(size=(n, d)).astype(np.float32)
    y = x[:, :classes].argmax(axis=1)
    return finetuning.Task(x[: n // 2], y[: n // 2], x[n // 2 :], y[n // 2 :])


def drawn(net, seeds):
    return {k: v.numpy() for k, v in models.initial_parameters(net, seeds).items()}


def test_an_update_of_low_rank_changes_nothing_at_first():
    net = models.mlp([5, 8, 8, 3])
    base, own = drawn(net, [1, 2]), drawn(finetuning.low_rank(net, 2), [3, 4])
    assert set(base) < set(own) and not own["0.up"].any() and own["0.down"].any()
    x = RNG.normal(size=(7, 5)).astype(np.float32)
    tuned = training.predict(finetuning.low_rank(net, 2), x, parameters=own | base, output="logits")
    np.testing.assert_allclose(tuned, training.predict(net, x, parameters=base, output="logits"), atol=1e-6)


def test_full_rank_reaches_every_update_and_merging_keeps_predictions():
    net = models.mlp([5, 4, 3])
    adapted = finetuning.low_rank(net, 4)
    base, own = drawn(net, [1]), drawn(adapted, [1])
    wanted = RNG.normal(size=(1, 4, 5)).astype(np.float32)  # any update at all of the layer
    own = (
        own
        | base
        | {"0.down": np.linalg.pinv(np.eye(4))[None] @ wanted, "0.up": np.eye(4, dtype=np.float32)[None]}
    )
    plain = finetuning.merged(own)
    assert list(plain) == list(base)
    np.testing.assert_allclose(plain["0.weight"], base["0.weight"] + wanted, rtol=1e-5)
    x = RNG.normal(size=(7, 5)).astype(np.float32)
    merged = training.predict(net, x, parameters=plain, output="logits")
    np.testing.assert_allclose(
        merged, training.predict(adapted, x, parameters=own, output="logits"), atol=1e-5
    )


def test_low_rank_trains_as_many_numbers_as_it_says_and_leaves_the_rest():
    net = finetuning.low_rank(models.mlp([20, 16, 16, 3]), 2)
    assert models.n_parameters(net) == 2 * (20 + 16) + 2 * (16 + 16) + 17 * 3
    base, t = drawn(models.mlp([20, 16, 16, 3]), [0]), task(d=20)
    after = training.fit_many(net, t.x, t.y, steps=5, start=base, record="parameters").parameters
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        np.testing.assert_array_equal(after[name], base[name])
    assert after["0.up"].any() and np.abs(after["4.weight"] - base["4.weight"]).max() > 0


@pytest.mark.parametrize("rank", [0, -1])
def test_a_rank_below_one_is_named(rank):
    with pytest.raises(ValueError, match="rank"):
        finetuning.low_rank(models.mlp([2, 2]), rank)


def test_a_model_without_a_linear_end_is_named():
    with pytest.raises(ValueError, match="ends with a linear"):
        finetuning.low_rank(torch.nn.Sequential(torch.nn.ReLU()), 1)


def test_the_body_lacks_the_head_alone():
    assert list(finetuning.body(drawn(models.mlp([5, 4, 3]), [0]))) == ["0.weight", "0.bias"]


def test_a_network_that_knows_the_task_is_stopped_before_it_forgets():
    t, net = task(n=600), models.mlp([5, 16, 3])
    base = training.fit_many(net, t.x, t.y, steps=300, learning_rate=0.02, record="parameters").parameters
    rows = [[np.arange(3), np.arange(200)]]
    given = {"seeds": [5], "steps": 64, "learning_rate": 0.05, "start": base}
    known = finetuning.tune(net, t, rows, way="full", head=True, **given)
    assert known.error.shape == known.loss.shape == (1, 2) and known.trained == models.n_parameters(net)
    assert known.error[0, 0] < finetuning.tune(net, t, rows, way="scratch", **given).error[0, 0] - 0.2
    assert known.error[0, 0] < 0.1 < finetuning.tune(net, t, rows, way="full", **given).error[0, 0]


def test_the_probe_is_least_squares_on_the_last_hidden_layer():
    t, net = task(n=200), models.mlp([5, 6, 3])
    base, rows = drawn(net, [3]), np.arange(80)
    found = finetuning.tune(net, t, [[rows]], way="probe", start=base, seeds=[0])
    seen = [np.maximum(x @ base["0.weight"][0].T + base["0.bias"][0], 0) for x in (t.x[rows], t.x_test)]
    cut = round(100 / 3)
    errors = []
    for penalty in 10.0 ** np.arange(
        -6, 6
    ):  # the probe's own penalty is one of a grid; its error is of their kind
        fit = Ridge(penalty).fit(seen[0], np.eye(3)[t.y[rows]])
        errors.append(np.mean(fit.predict(seen[1][cut:]).argmax(axis=1) != t.y_test[cut:]))
    assert min(errors) - 0.03 <= found.error[0, 0] <= max(errors)
    assert found.trained == 7 * 3 and np.isnan(found.loss).all()


def test_unknown_ways_are_named():
    with pytest.raises(ValueError, match="low rank"):
        finetuning.tune(models.mlp([5, 3]), task(), [[np.arange(3)]], way="low-rank", seeds=[0])


@pytest.mark.parametrize("way", ["full", "low rank", "probe"])
def test_ways_that_go_on_ask_for_a_start(way):
    with pytest.raises(ValueError, match="start None"):
        finetuning.tune(models.mlp([5, 3]), task(), [[np.arange(3)]], way=way, seeds=[0])


def test_effective_data_are_exact_on_two_power_laws():
    scratch, tuned = 3 * N**-0.4, 0.9 * N**-0.3
    found = finetuning.effective_data(N, np.tile(scratch, (3, 1)), np.tile(tuned, (3, 1)))
    exact = (0.3 * N**-0.3) ** (-1 / 0.4)  # 3 m^-0.4 = 0.9 n^-0.3
    inside = (exact >= N[0]) & (exact <= N[-1])
    assert inside.sum() >= 3
    np.testing.assert_allclose(found.value[inside], exact[inside], rtol=1e-9)
    np.testing.assert_allclose(found.low[inside], exact[inside], rtol=1e-9)
    np.testing.assert_array_equal(found.beyond, np.where(exact > N[-1], 1, np.where(exact < N[0], -1, 0)))
    assert (found.value[exact > N[-1]] == N[-1]).all()


def test_tuning_that_gains_nothing_is_worth_its_own_rows():
    scratch = np.tile(N**-0.5, (2, 1))
    found = finetuning.effective_data(N, scratch, scratch)
    np.testing.assert_allclose(found.value, N)
    assert not found.beyond.any()


def test_a_plateau_is_read_off_at_its_start_and_a_bump_is_pooled():
    scratch = np.array([[0.8, 0.4, 0.2, 0.2, 0.2, 0.1]])
    assert finetuning.effective_data(N, scratch, np.full((1, 6), 0.2)).value == pytest.approx(100)
    bump = np.array([[0.8, 0.2, 0.45, 0.2, 0.2, 0.1]])  # pooled: the geometric mean 0.3
    assert finetuning.effective_data(N, bump, np.full((1, 6), 0.3)).value == pytest.approx(30)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, held = np.random.default_rng(1), []
    for i in range(150):
        scratch = 3 * N**-0.4 * np.exp(rng.normal(0, 0.05, size=(8, 6)))
        tuned = np.tile((0.9 * N**-0.3), (8, 1)) * np.exp(rng.normal(0, 0.05, size=(8, 6)))
        found = finetuning.effective_data(N, scratch, tuned, n_boot=200, seed=i)
        held.append(found.low[2] <= (0.3 * 100**-0.3) ** (-1 / 0.4) <= found.high[2])
    assert 0.75 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(
    "n, scratch, words",
    [
        ([10, 10], [[0.5, 0.4]], "rising"),
        ([10, 20], [[0.5, 0.0]], "scratch holds 0"),
        ([10, 20], [[0.5, 0.4, 0.3]], "shapes"),
    ],
)
def test_bad_curves_are_named(n, scratch, words):
    with pytest.raises(ValueError, match=words):
        finetuning.effective_data(n, scratch, np.full((1, len(n)), 0.5))


def test_the_law_of_transfer_is_found_again():
    d, size = np.array([1e3, 1e4, 1e5, 1e3, 1e4, 1e5]), np.array([1e4] * 3 + [1e6] * 3)
    law = finetuning.transfer_law(d, 1.9e4 * d**0.18 * size**0.38, size)
    assert law == pytest.approx((1.9e4, 0.18, 0.38))
    assert finetuning.transfer_law(d[:3], 2 * d[:3] ** 0.5) == pytest.approx((2, 0.5))
    with pytest.raises(ValueError, match="do not fix"):
        finetuning.transfer_law(d[:2], d[:2], size[:2])
    with pytest.raises(ValueError, match="transferred"):
        finetuning.transfer_law(d[:2], [1, 0])
