"""GPTs that learn random tokens by heart, against the plain model's count, brute force, and runs that were not interrupted."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats

from labutils.budget import capacity, memorisation
from labutils.budget.memorisation import Shape
from labutils.networks import batched_gpt, models

TINY = Shape(vocabulary=16, length=4, layers=1, width=4)


@pytest.mark.parametrize("shape", [Shape(2048, 64, 1, 32), Shape(7, 3, 2, 4)])
def test_shape_counts_what_the_model_has(shape):
    net = models.gpt(shape.vocabulary, shape.length, shape.layers, shape.width)
    assert models.n_parameters(net) == shape.n_parameters


def test_a_small_set_is_memorised_and_a_fresh_one_is_not():
    tokens, fresh = (
        memorisation.random_tokens(TINY, 8, n_seeds=2),
        memorisation.random_tokens(TINY, 200, seed=1)[0],
    )
    # A fifth of the usual rate, where no update of 200 starts blew up: the least of them kept 88% of its bits.
    found = memorisation.memorise(tokens, TINY, steps=500, learning_rate=0.02, fresh=fresh)
    assert found.data_bits == 8 * 4 * 4
    assert (found.bits[:, -1] > 0.8 * found.data_bits).all()
    assert (found.bits <= found.data_bits).all()  # a code length is never negative
    np.testing.assert_allclose(found.data_bits - found.train.sum(1), found.bits[:, -1])
    assert found.steps[-1] == 500 and found.bits.shape == (2, len(found.steps))
    assert (found.fresh.mean(axis=1) > 16).all()  # no one predicts the unpredictable
    assert (capacity.membership_f1(found.train, found.fresh) > 0.95).all()


@pytest.mark.parametrize("optimizer", ["soap", "muon", "adam"])
def test_models_are_trained_as_if_alone_and_the_global_generator_untouched(optimizer):
    tokens = memorisation.random_tokens(TINY, 5, n_seeds=2, seed=3)
    before = torch.get_rng_state()
    both = memorisation.memorise(tokens, TINY, steps=12, optimizer=optimizer, seed=4)
    assert torch.equal(before, torch.get_rng_state())
    second = memorisation.memorise(tokens[1:], TINY, steps=12, optimizer=optimizer, seed=5)
    np.testing.assert_allclose(both.train[1], second.train[0], rtol=2e-3)
    again = memorisation.memorise(tokens, TINY, steps=12, optimizer=optimizer, seed=4)
    assert np.array_equal(both.train, again.train)


def test_random_tokens_fill_the_budget_asked_for():
    n = Shape(64, 8, 1, 8).sequences(4)
    assert n * 8 * 6 == pytest.approx(4 * Shape(64, 8, 1, 8).n_parameters, rel=0.01)
    tokens = memorisation.random_tokens(TINY, 500, seed=2)
    assert tokens.shape == (1, 500, 5)
    assert stats.chisquare(np.bincount(tokens.ravel())).pvalue > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": "soup"}, "soap"),
        ({"steps": 0}, "steps is 0"),
        ({"tokens": np.zeros((2, 3), int)}, "tokens has shape"),
        ({"tokens": np.full((1, 3, 5), 16)}, "allowed: 0 to 15"),
        ({"fresh": np.zeros((3, 4), int)}, "fresh has shape"),
        ({"heads": 3}, "heads is 3"),
    ],
)
def test_bad_input_is_named(change, words):
    arguments = {"tokens": memorisation.random_tokens(TINY, 3), "shape": TINY, "steps": 1} | change
    with pytest.raises(ValueError, match=words):
        memorisation.memorise(arguments.pop("tokens"), arguments.pop("shape"), **arguments)


# What any model can hold


@pytest.mark.parametrize(("vocabulary", "length", "n"), [(2, 3, 9), (3, 2, 14), (2, 1, 5), (50, 6, 4)])
def test_most_is_the_best_table_of_what_follows_each_beginning(vocabulary, length, n):
    """The best a model can do is to know for every beginning how often each token follows; counted one by one."""
    shape = Shape(vocabulary, length, 1, 4)
    tokens = memorisation.random_tokens(shape, n, n_seeds=3, seed=n)
    for own, found in zip(tokens, memorisation.most_bits(tokens, shape)):
        bits = 0.0
        for sequence, i in itertools.product(own, range(1, length + 1)):
            alike = own[(own[:, :i] == sequence[:i]).all(1)]
            bits -= math.log2((alike[:, i] == sequence[i]).mean())
        assert found == pytest.approx(n * length * math.log2(vocabulary) - bits)


def test_most_is_near_what_is_expected_of_random_first_tokens():
    """Without whole sequences twice a set costs n E log2(1 + others with the same first token)."""
    shape, n = Shape(64, 8, 1, 8), 120
    lost = n * 8 * 6 - memorisation.most_bits(memorisation.random_tokens(shape, n, n_seeds=200), shape)
    others = np.arange(n)
    expected = n * (stats.binom.pmf(others, n - 1, 1 / 64) * np.log2(1 + others)).sum()
    assert abs(lost.mean() - expected) < 4 * lost.std() / math.sqrt(200)


def test_a_model_that_may_train_long_holds_nearly_all_that_can_be_told_apart():
    shape = Shape(2, 5, 1, 16)
    tokens = memorisation.random_tokens(shape, 6, n_seeds=2, seed=1)
    run = memorisation.memorise(tokens, shape, steps=400, learning_rate=0.02)
    most, held = run.most, run.bits[:, -1]
    assert (most < 6 * 5).all() and (held <= most + 1e-3).all() and (held > 0.97 * most).all()


# Long runs


@pytest.mark.parametrize("options", [{}, {"optimizer": "muon"}, {"average": 0.5, "watch": True}])
def test_an_interrupted_run_ends_as_one_that_was_not(options, monkeypatch, tmp_path):
    tokens, fresh = memorisation.random_tokens(TINY, 5, n_seeds=2), memorisation.random_tokens(TINY, 3)[0]
    options = {"steps": 23, "fresh": fresh, "seed": 3} | options
    whole = memorisation.memorise(tokens, TINY, **options)
    original, calls = batched_gpt.gradient, []

    def fail_at_the_twelfth(*arguments, **how):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return original(*arguments, **how)

    monkeypatch.setattr(batched_gpt, "gradient", fail_at_the_twelfth)
    with pytest.raises(KeyboardInterrupt):
        memorisation.memorise(tokens, TINY, checkpoint=tmp_path, every=0, **options)
    (file,) = tmp_path.iterdir()
    resumed = memorisation.memorise(tokens, TINY, checkpoint=tmp_path, every=0, **options)
    assert len(calls) == 12 + 23 - 11  # it went on after the eleventh update
    for name in ("steps", "bits", "train", "fresh") + ("watched",) * bool(options.get("watch")):
        assert np.array_equal(getattr(whole, name), getattr(resumed, name))
    again = memorisation.memorise(tokens, TINY, checkpoint=tmp_path, **options)  # nothing is left to do
    assert np.array_equal(again.train, whole.train) and list(tmp_path.iterdir()) == [file]
    memorisation.memorise(tokens, TINY, checkpoint=tmp_path, **options | {"seed": 4})
    assert len(list(tmp_path.iterdir())) == 2  # another run is another file


def test_what_is_watched_is_what_a_shorter_look_would_show():
    tokens, fresh = memorisation.random_tokens(TINY, 5), memorisation.random_tokens(TINY, 30, seed=1)[0]
    found = memorisation.memorise(tokens, TINY, steps=40, fresh=fresh, watch=True)
    assert found.watched.shape == (1, len(found.steps), 30)
    assert np.array_equal(found.watched[:, -1], found.fresh)
    start = models.gpt(16, 4, 1, 4, heads=4)
    own = batched_gpt.code_bits(models.initial_parameters(start, [0]), torch.as_tensor(fresh)[None], heads=4)
    assert abs(own.mean() - 4 * 4) < 0.1  # an untrained model guesses
    assert found.watched[0, 0].mean() == pytest.approx(own.mean(), abs=0.1)


def test_the_mean_of_the_last_weights_is_another_model():
    tokens = memorisation.random_tokens(TINY, 5)
    last, mean = (memorisation.memorise(tokens, TINY, steps=60, average=a) for a in (0, 0.2))
    assert np.array_equal(last.bits[:, :-1], mean.bits[:, :-1]) and last.bits[0, -1] != mean.bits[0, -1]
    one = memorisation.memorise(tokens, TINY, steps=60, average=1 / 60)
    assert np.array_equal(one.train, last.train)
