"""The way of a translation: begins knowing nothing, ends where `translate` ends, and every step is a map of its form."""

import numpy as np
import pytest

from labutils.geometry import translation, translation_steps


@pytest.fixture(scope="module")
def clouds():
    """A cloud with an uneven shape, and the same cloud rotated; half of the points of each are the other's."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((12, 8)) * np.geomspace(3, 0.5, 8)
    x = centres[rng.integers(12, size=600)] + 0.3 * rng.standard_normal((600, 8))
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    return x, x @ turn + 1.0


def test_one_start_of_several_arrives_at_the_rotation(clouds):
    x, y = clouds
    ways = translation_steps.steps(x[:300], y[300:], n_starts=6, seed=0)
    ends = [translation.quality(way[-1][1](x), y, mean=way[-1][1].mean_y).top1 for way in ways]
    assert len(ways) == 6 and max(ends) > 0.9
    best = ways[int(np.argmax(ends))]
    begin = translation.quality(best[0][1](x), y, mean=best[0][1].mean_y).top1
    assert begin < 0.5 < max(ends)


def test_steps_are_named_and_alike(clouds):
    x, y = clouds
    ways = translation_steps.steps(x[:300], y[300:], n_starts=2, seed=1)
    names = [name for name, _ in ways[0]]
    assert names[:2] == ["longest axes on one another", "clusters matched"] and len(names) == 22
    assert names == [name for name, _ in ways[1]]
    first = [way[0][1].matrix for way in ways]
    assert first[0] == pytest.approx(first[1])  # before anything is drawn
    assert all(np.isfinite(each.matrix).all() and each.matrix.shape == (8, 8) for _, each in ways[0])
    assert np.allclose(x[:300].mean(axis=0), ways[0][0][1].mean_x)


def test_the_same_seed_gives_the_same_way_and_bad_input_is_refused(clouds):
    x, y = clouds
    one, two = (translation_steps.steps(x[:100], y[:100], n_starts=1, seed=3)[0][-1][1].matrix for _ in "ab")
    assert np.array_equal(one, two)
    with pytest.raises(ValueError, match="16 rows"):
        translation_steps.steps(x[:10], y)
    with pytest.raises(ValueError, match="n_starts"):
        translation_steps.steps(x, y, n_starts=0)
