"""`fit_many` against the same models trained one at a time with plain modules and torch's own optimisers."""

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from labutils.networks import batched, models, training

torch.set_num_threads(1)
N = 120


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    x = (data.data / 16).astype(np.float32)
    return x[:N], data.target[:N].astype(np.int64), x[N : 2 * N], data.target[N : 2 * N].astype(np.int64)


def alone(
    model, x, y, *, seed, steps, rows, rate, decay, optimizer, batch_size=None, loss="cross_entropy", w=None
):
    """The oracle: one model, autograd through the loss itself, torch.optim; returns the trained module."""
    net = models.initialise(copy.deepcopy(model), seed)
    kind = {
        "adamw": lambda p: torch.optim.AdamW(p, lr=rate, weight_decay=decay),
        "sgd": lambda p: torch.optim.SGD(p, lr=rate, weight_decay=decay, momentum=0.9),
    }[optimizer]
    stepper = kind([p for p in net.parameters() if p.requires_grad])
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    share = torch.ones(len(x)) if w is None else torch.from_numpy(w) / w[rows].mean()
    size = min(len(rows), batch_size or len(rows))
    stream = batched.batches(rows, size, seed)
    for _ in range(steps):
        b = torch.from_numpy(rows if size == len(rows) else next(stream))
        out = net(x[b])
        if loss == "mse":
            target = y[b] if y.is_floating_point() else functional.one_hot(y[b], out.shape[1]).float()
            each = functional.mse_loss(out, target, reduction="none").mean(1)
        else:
            each = functional.cross_entropy(out.flatten(0, -2), y[b].flatten(), reduction="none")
            each = each.reshape(len(b), -1).mean(1)
        stepper.zero_grad()
        (each * share[b]).mean().backward()
        stepper.step()
    return net


def assert_same(fits, net, i, tolerance=2e-4):
    for name, p in net.named_parameters():
        np.testing.assert_allclose(fits.parameters[name][i], p.detach(), rtol=tolerance, atol=tolerance)


ARCHITECTURES = {
    "mlp": lambda: models.mlp([64, 12, 10]),
    "deep": lambda: models.mlp([64, 9, 8, 10], activation="gelu", bias=False),
    "cnn": lambda: models.cnn((8, 8), 10, width=3),
}


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_same_as_one_by_one(digits, name, optimizer, batch_size, chunk):
    x, y, *_ = digits
    net = ARCHITECTURES[name]()
    rows = [np.arange(N), np.arange(5, 45), np.arange(0, N, 2), np.array([3, 3, 9, 100, 7, 7])]
    seeds, rates, decays = [3, 1, 4, 1], np.array([0.01, 0.02, 0.005, 0.01]), np.array([0, 0.1, 1.0, 0.01])
    fits = training.fit_many(
        net, x, y, included=rows, seeds=seeds, steps=12, learning_rate=rates, weight_decay=decays,
        optimizer=optimizer, momentum=0.9, batch_size=batch_size, chunk=chunk,
        record=["parameters", "logits", "train_loss", "train_accuracy", "losses", "correct", "weight_norm"],
    )  # fmt: skip
    for i, r in enumerate(rows):
        one = alone(
            net, x, y, seed=seeds[i], steps=12, rows=r, rate=rates[i], decay=decays[i],
            optimizer=optimizer, batch_size=batch_size,
        )  # fmt: skip
        assert_same(fits, one, i)
        with torch.no_grad():
            out = one(torch.from_numpy(x))
        np.testing.assert_allclose(fits.logits[i], out, rtol=1e-2, atol=2e-3)
        losses = functional.cross_entropy(out, torch.from_numpy(y), reduction="none").numpy()
        np.testing.assert_allclose(fits.losses[i], losses, rtol=1e-2, atol=2e-3)
        assert fits.train_loss[i] == pytest.approx(losses[r].mean(), abs=2e-3)
        assert fits.train_accuracy[i] == pytest.approx(fits.correct[i, r].mean())
        norm = np.sqrt(sum((p.detach().numpy() ** 2).sum() for p in one.parameters()))
        assert fits.weight_norm[i] == pytest.approx(float(norm), rel=1e-3)


def test_own_labels_and_weights(digits):
    x, y, *_ = digits
    rng = np.random.default_rng(0)
    labels, weights = rng.integers(10, size=(3, N)), rng.random((3, N)).astype(np.float32)
    net = ARCHITECTURES["mlp"]()
    mask = rng.random((3, N)) < 0.6
    options = {"steps": 10, "learning_rate": 0.01, "record": "parameters"}
    fits = training.fit_many(net, x, labels, weights=weights, included=mask, batch_size=20, **options)
    for i in range(3):
        one = alone(
            net, x, labels[i], seed=i, steps=10, rows=np.flatnonzero(mask[i]), rate=0.01, decay=0,
            optimizer="adamw", batch_size=20, w=weights[i],
        )  # fmt: skip
        assert_same(fits, one, i)
    # A weight of zero is the same as leaving the example out, whole numbers as repeating it.
    integer = rng.integers(3, size=N)
    weighted = training.fit_many(net, x, y, weights=integer, seeds=2, **options)
    repeated = training.fit_many(net, x, y, included=[np.repeat(np.arange(N), integer)], seeds=2, **options)
    for name, value in weighted.parameters.items():
        np.testing.assert_allclose(value, repeated.parameters[name], atol=2e-4)


@pytest.mark.parametrize("numbers", [True, False])
def test_mean_squares(digits, numbers):
    x, y, *_ = digits
    target = np.random.default_rng(0).normal(size=(N, 10)).astype(np.float32) if numbers else y
    net = ARCHITECTURES["mlp"]()
    fits = training.fit_many(
        net, x, target, seeds=[0, 1], steps=8, learning_rate=0.05, optimizer="sgd", momentum=0.9, loss="mse",
        record=["parameters", "train_loss"],
    )  # fmt: skip
    for i in range(2):
        one = alone(
            net,
            x,
            target,
            seed=i,
            steps=8,
            rows=np.arange(N),
            rate=0.05,
            decay=0,
            optimizer="sgd",
            loss="mse",
        )
        assert_same(fits, one, i)
        wanted = target if numbers else np.eye(10)[y]
        error = ((one(torch.from_numpy(x)).detach().numpy() - wanted) ** 2).mean()
        assert fits.train_loss[i] == pytest.approx(error, rel=1e-4)


def test_one_output_takes_plain_numbers():
    x = np.random.default_rng(0).normal(size=(50, 3))
    fits = training.fit_many(
        models.mlp([3, 1]), x, x @ [1, -2, 3] + 4, seeds=[0, 1], steps=400, learning_rate=0.1, optimizer="sgd",
        loss="mse", record="parameters",
    )  # fmt: skip
    np.testing.assert_allclose(fits.parameters["0.weight"], [[[1, -2, 3]]] * 2, atol=1e-4)
    np.testing.assert_allclose(fits.parameters["0.bias"], [[4]] * 2, atol=1e-4)


def test_sequences():
    codes, w = np.random.default_rng(0).integers(7, size=(20, 6)), np.arange(20, dtype=np.float32)
    net = models.gpt(7, 5, 1, 8, heads=2)
    fits = training.fit_many(
        net, codes[:, :-1], codes[:, 1:], seeds=[0, 1], steps=5, learning_rate=0.01, weights=w,
        record=["parameters", "losses", "correct", "probabilities", "train_accuracy"], chunk=2,
    )  # fmt: skip
    for i in range(2):
        one = alone(
            net, codes[:, :-1], codes[:, 1:], seed=i, steps=5, rows=np.arange(20), rate=0.01, decay=0,
            optimizer="adamw", w=w,
        )  # fmt: skip
        assert_same(fits, one, i, 1e-3)
    assert fits.losses.shape == (2, 20)
    assert fits.correct.shape == (2, 20, 5)
    assert fits.probabilities.shape == (2, 20, 5, 7)
    true = np.take_along_axis(fits.probabilities, codes[None, :, 1:, None], -1)[..., 0]
    np.testing.assert_allclose(-np.log(true).mean(2), fits.losses, rtol=1e-4)
    np.testing.assert_allclose(fits.correct.mean((1, 2)), fits.train_accuracy, rtol=1e-6)


def test_histories_follow_one_trajectory(digits):
    x, y, x_test, y_test = digits
    net = ARCHITECTURES["mlp"]()
    names = ["test_loss", "test_accuracy", "test_correct", "test_probabilities", "correct", "weight_norm"]
    options = {"seeds": [0, 1, 2], "learning_rate": 0.01, "x_test": x_test, "y_test": y_test, "record": names}
    history = training.fit_many(net, x, y, steps=7, record_every=3, batch_size=32, **options)
    picked = training.fit_many(net, x, y, steps=7, record_at=[6, 0], batch_size=32, **options)
    assert history.steps.tolist() == [3, 6, 7]
    assert picked.steps.tolist() == [0, 6]
    assert history.correct.shape == (3, 3, N)
    assert history.test_probabilities.shape == (3, 3, N, 10)
    np.testing.assert_array_equal(history.test_loss[:, 1], picked.test_loss[:, 1])
    for t, steps in enumerate(history.steps):
        final = training.fit_many(net, x, y, steps=int(steps), batch_size=32, **options)
        for name in names:
            np.testing.assert_array_equal(getattr(history, name)[:, t], getattr(final, name))
    np.testing.assert_allclose(history.test_correct.mean(2), history.test_accuracy, rtol=1e-6)
    assert history.logits is None
    drawn = models.initialise(net, 2)
    with torch.no_grad():
        loss = functional.cross_entropy(drawn(torch.from_numpy(x_test)), torch.from_numpy(y_test))
    assert picked.test_loss[2, 0] == pytest.approx(loss.item(), rel=1e-5)


def test_start_frozen_and_schedule(digits):
    x, y, *_ = digits
    net = ARCHITECTURES["mlp"]()
    options = {"seeds": [0, 1], "learning_rate": 0.1, "optimizer": "sgd", "record": "parameters"}
    half = training.fit_many(net, x, y, steps=5, **options)
    resumed = training.fit_many(net, x, y, steps=5, start=half.parameters, **options)
    straight = training.fit_many(net, x, y, steps=10, **options)
    np.testing.assert_allclose(resumed.parameters["0.weight"], straight.parameters["0.weight"], atol=1e-5)
    net[0].weight.requires_grad_(False)
    head = training.fit_many(net, x, y, steps=5, momentum=0.9, **(options | {"seeds": [4, 5]}))
    one = alone(net, x, y, seed=5, steps=5, rows=np.arange(N), rate=0.1, decay=0, optimizer="sgd")
    assert_same(head, one, 1)
    drawn = models.initialise(copy.deepcopy(net), 5)
    np.testing.assert_array_equal(head.parameters["0.weight"][1], drawn[0].weight)
    assert not np.array_equal(head.parameters["2.weight"][1], drawn[2].weight.detach())


def test_cosine_schedule():
    """One weight, one example: SGD on (w - y)^2 multiplies the error by 1 - 2 rate at each step."""
    net, x, y = models.mlp([1, 1], bias=False), np.ones((1, 1)), np.array([[3.0]])
    options = {"optimizer": "sgd", "learning_rate": 0.2, "loss": "mse", "record": "parameters"}
    start = {"0.weight": np.zeros((1, 1, 1))}
    fits = training.fit_many(net, x, y, steps=4, schedule="cosine", start=start, **options)
    rates = 0.2 * (1 + np.cos(np.pi * np.arange(4) / 4)) / 2
    assert fits.parameters["0.weight"].item() == pytest.approx(3 * (1 - np.prod(1 - 2 * rates)), rel=1e-5)


def test_nothing_given_is_changed(digits):
    x, y, *_ = digits
    net = ARCHITECTURES["cnn"]()
    before = [p.detach().clone() for p in net.parameters()]
    state, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one = training.fit_many(net, x, y, seeds=[5, 6], steps=3, batch_size=8, record="losses")
    again = training.fit_many(net, x, y, seeds=[6], steps=3, batch_size=8, record="losses")
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002
    assert all(torch.equal(p, q) for p, q in zip(before, net.parameters()))
    np.testing.assert_allclose(one.losses[1], again.losses[0], rtol=1e-4)


def test_predict_is_the_module_itself(digits):
    x, y, x_test, y_test = digits
    net = ARCHITECTURES["mlp"]()
    many = training.fit_many(
        net, x, y, seeds=[3, 4], steps=30, learning_rate=0.01, x_test=x_test, y_test=y_test,
        record=["parameters", "logits", "test_accuracy", "train_loss"],
    )  # fmt: skip
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(torch.from_numpy(many.parameters[name][1]))
    guess = training.predict(net, x_test)
    assert (guess.argmax(1) == y_test).mean() == pytest.approx(many.test_accuracy[1])
    np.testing.assert_allclose(guess.sum(1), 1, rtol=1e-5)
    stacked_ = training.predict(net, x, parameters=many.parameters, output="logits")
    np.testing.assert_allclose(stacked_, many.logits, atol=1e-4)
    folded = {name: value.reshape(2, 1, *value.shape[1:]) for name, value in many.parameters.items()}
    assert training.predict(net, x, parameters=folded).shape == (2, 1, N, 10)
    with torch.no_grad():
        hidden = net[:-1](torch.from_numpy(x))
    np.testing.assert_allclose(training.predict(net[:-1], x, output="logits"), hidden, atol=1e-5)
    further = training.fit_many(
        net, x, y, start=many.parameters, steps=30, learning_rate=0.01, record="train_loss"
    )
    assert (further.train_loss < many.train_loss).all()


CASES = {
    "model is a list": {"model": []},
    "model has Dropout at '1'": {"model": torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.Dropout(0.5))},
    "optimizer is 'adam'.*mean 'adamw'": {"optimizer": "adam"},
    "loss is 'cross_entropi'.*mean 'cross_entropy'": {"loss": "cross_entropi"},
    "schedule is 'cos'.*'cosine'": {"schedule": "cos"},
    "record is 'test_acuracy'.*mean 'test_accuracy'": {"record": "test_acuracy"},
    "'test_loss'; allowed only with x_test": {"record": "test_loss"},
    "'train_accuracy'; allowed only with integer": {
        "y": np.zeros((N, 10)), "loss": "mse", "record": "train_accuracy",
    },
    "steps is 0": {"steps": 0},
    "batch_size is 0": {"batch_size": 0},
    "disagree on the number of models .*learning_rate: 3.*": {"seeds": [1, 2], "learning_rate": [1, 2, 3]},
    "learning_rate is .*not negative": {"learning_rate": -1},
    "y has shape .119,.; allowed: .120,.": {"y": np.zeros(119, int)},
    "y holds labels 0 to 10; allowed by the model: 0 to 9": {"y": np.arange(N) % 11},
    "y holds fractional": {"y": np.zeros(N) + 0.5},
    "y_test is missing": {"x_test": np.zeros((2, 64))},
    "x holds NaN": {"x": np.full((N, 64), np.nan)},
    "x of shape .120, 63. .*does not suit": {"x": np.zeros((N, 63))},
    r"included\[1\] .*allowed: a mask": {"included": [[1, 2], [3, N]]},
    r"included\[0\] .*at least one": {"included": np.zeros((2, N), bool)},
    "weights is .* of shape .1, 5.; allowed: .120,.": {"weights": np.ones(5)},
    r"start is '0.wieght'.*mean '0.weight'": {"start": {"0.wieght": 1}},
    r"start\['0.bias'\] has shape": {"start": {"0.bias": np.zeros(3)}},
    "both given": {"record_every": 1, "record_at": [1]},
    r"record_at is \[9\]; allowed: from 0 to steps = 2": {"record_at": [9]},
}  # fmt: skip


@pytest.mark.parametrize("message", CASES)
def test_bad_input_is_named(digits, message):
    x, y, *_ = digits
    arguments = {"model": ARCHITECTURES["mlp"](), "x": x, "y": y, "steps": 2} | CASES[message]
    with pytest.raises((ValueError, TypeError), match=message):
        training.fit_many(arguments.pop("model"), arguments.pop("x"), arguments.pop("y"), **arguments)


def test_predict_names_bad_input(digits):
    net = ARCHITECTURES["mlp"]()
    with pytest.raises(ValueError, match=r"output is 'logit'.*mean 'logits'"):
        training.predict(net, digits[0], output="logit")
    with pytest.raises(ValueError, match=r"parameters lack .*2\.bias"):
        training.predict(net, digits[0], parameters={"0.weight": np.zeros((1, 12, 64))})
