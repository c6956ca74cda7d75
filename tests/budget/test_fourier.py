"""Fourier analysis: the solution by hand adds without an error, and the measures find it."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from labutils.budget import fourier, grokking


@pytest.mark.parametrize("p", [3, 5, 31, 97, 113])
def test_cosines_by_hand_add_without_an_error(p):
    for frequencies in ((1,), (2, 1) if p > 3 else (1,)):
        w = fourier.cosine_solution(p, frequencies)
        assert w.shape == (3, p, 9 * len(frequencies))
        a, b, c = grokking.sums(p)
        found = grokking.scores(w)
        assert (found.argmax(1) == c).all()
        k = 2 * np.pi * np.asarray(frequencies) / p
        waves = np.cos(k * ((a + b)[:, None] - np.arange(p))[..., None]).sum(-1)
        assert np.allclose(found, 4.5 * waves, atol=1e-8)  # nine units, each half a cosine


def test_cosines_need_an_odd_prime():
    with pytest.raises(ValueError, match="p is 9"):
        fourier.cosine_solution(9)


def test_fourier_power_of_cosines_lies_on_their_frequencies():
    shares = fourier.fourier_power(fourier.cosine_solution(13, (2, 5))[:2])
    assert shares.shape == (6,)
    assert np.allclose(shares[[1, 4]], 0.5) and np.allclose(np.delete(shares, [1, 4]), 0)
    assert sorted(fourier.key_frequencies(shares)) == [2, 5]
    assert fourier.key_frequencies(shares, 0.4).size == 1
    alone = fourier.fourier_power(fourier.cosine_solution(13, (2, 5))[:2], units=True)
    assert alone.shape == (6, 18)
    assert np.allclose(alone[1, :3], 1) and np.allclose(alone.max(0), 1)
    noise = np.random.default_rng(0).normal(size=(2, 13, 2000))
    assert np.allclose(fourier.fourier_power(noise), 1 / 6, atol=0.02)


def test_gini_by_its_definition():
    x = np.random.default_rng(0).random(7)
    pairs = abs(x[:, None] - x).sum() / (2 * 7 * x.sum())
    assert fourier.gini(x) == pytest.approx(pairs)
    assert fourier.gini(np.ones(5)) == pytest.approx(0)
    assert fourier.gini(np.eye(5)[2]) == pytest.approx(0.8)


def test_progress_splits_the_rule_from_the_rest():
    p = 11
    seen = grokking.subsets(p, [0.5], seeds=[0])[0]
    rule = 2 * fourier.cosine_solution(p, (3,))
    whole = grokking.scores(rule)
    restricted, excluded = fourier.progress(whole, [3], seen)
    loss = functional.cross_entropy(torch.from_numpy(whole), torch.from_numpy(grokking.sums(p)[2])).item()
    assert restricted == pytest.approx(loss, abs=1e-6)  # nothing but the rule
    assert excluded == pytest.approx(np.log(p), abs=1e-6)  # and without it nothing is known
    assert np.allclose(fourier.progress(0 * whole, [3], seen), np.log(p))
    other, left = fourier.progress(whole, [2], seen)
    assert other == pytest.approx(np.log(p)) and left < 0.5
