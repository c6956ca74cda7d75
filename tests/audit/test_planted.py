import numpy as np
import pytest

from labutils.audit import planted


def test_recall_and_precision():
    truth, found = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 1], bool)
    assert planted.recall_precision(found, truth) == (0.5, pytest.approx(1 / 3))
    assert planted.recall_precision(np.zeros(4, bool), truth) == (0.0, 1.0)
    assert planted.recall_precision(found, np.zeros(4, bool)) == (1.0, 0.0)


@pytest.mark.parametrize("jitter", [0.0, 0.01])
def test_copies_stand_behind_and_are_what_they_say(jitter):
    x = np.random.default_rng(0).standard_normal((100, 5)).astype(np.float32)
    found = planted.copies(x, np.arange(100), share=0.1, jitter=jitter)
    assert len(found.x) == 110 and found.planted.sum() == 10 and found.planted[100:].all()
    away = np.linalg.norm(found.x[100:] - x[found.y[100:]], axis=1)
    assert (away == 0).all() if not jitter else ((away > 0) & (away < 0.1)).all()


@pytest.mark.parametrize(
    ("name", "share"), [("redundant heap", 0.8), ("rare cluster", 0.04), ("irrelevant half", 0.5)]
)
def test_planted_rows_are_of_the_share_and_lie_close_together(name, share):
    found = planted.case(name, 4_000)
    assert found.planted.mean() == pytest.approx(share, abs=0.03) and found.x.dtype == np.float32
    own = found.planted & (found.y == 0)
    assert found.x[own].std(axis=0).mean() < 0.8 * found.x[~found.planted & (found.y == 1)].std(axis=0).mean()
    again = planted.case(name, 4_000)
    assert np.array_equal(found.x, again.x)


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="case is 'heap'"):
        planted.case("heap")


def test_mistaken_labels_are_as_many_as_asked_and_where_classes_lie_close():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=3_000)
    centres = np.array([[0.0, 0], [2, 0], [1, 20]])  # the first two are easily confused, the third never
    x = centres[y] + rng.standard_normal((3_000, 2))
    labels, wrong = planted.mistaken(x, y, 0.05, n_classes=3)
    assert wrong.sum() == 150 and np.array_equal(wrong, labels != y)
    assert (np.abs(x[wrong, 0] - 1) < 3).mean() > 0.9 and (labels[wrong & (y < 2)] < 2).mean() > 0.9
    inside = (x[:, 0] - 1) * np.where(y == 1, 1, -1)  # how far a row lies on its own side
    assert inside[wrong & (y < 2)].mean() < 0.5 < 0.9 < inside[~wrong & (y < 2)].mean()
    with pytest.raises(ValueError, match=r"share is 1; allowed: 0 to below 1"):
        planted.mistaken(x, y, 1, n_classes=3)
