import numpy as np
import pytest

from labutils.audit import features, inputs

RNG = np.random.default_rng(0)


def examined(raw, train, test, y, n_classes=2):
    made = features.make(raw, train, test)
    return inputs.examine(
        raw, train, test, made.train, made.test, y, n_classes=n_classes, missing=made.missing
    )


def planted():
    x = RNG.standard_normal((500, 6))
    x[100:110] = x[:10]  # exact, both in training
    x[120:130] = x[20:30] + 1e-4  # near
    x[400:405] = x[40:45]  # leaks: exact
    x[405:410] = x[50:55] + 1e-4  # and near
    y = np.zeros(500, int)
    y[125:130] = 1
    return x, np.arange(400), np.arange(400, 500), y


def test_finds_copies_twins_and_leaks():
    x, train, test, y = planted()
    found = examined(x, train, test, y[train])
    assert np.flatnonzero(found.copies).tolist() == list(range(100, 110))
    assert set(range(120, 130)) <= set(np.flatnonzero(found.near_copies)) and found.near_copies.sum() <= 12
    assert (found.near[120:130] == np.arange(20, 30)).all() and found.twins == 5
    assert (found.leaks[:5] == 2).all() and (found.leaks[5:10] == 1).all() and (found.leaks > 0).sum() <= 12
    assert len(found.single) == 400 - 10 - found.near_copies.sum()
    assert found.counts.tolist() == [395, 5]


def test_the_test_rows_change_nothing_that_is_said_of_the_training_rows():
    x, train, test, y = planted()
    found = examined(x, train, test, y[train])
    other = x.copy()
    other[test] = x[0]
    again = examined(other, train, test, y[train])
    assert np.array_equal(found.near, again.near) and np.array_equal(found.first, again.first)
    assert (again.leaks == 2).all()


def test_training_rows_need_not_come_first():
    x, _, _, y = planted()
    order = RNG.permutation(500)
    train, test = np.sort(order[:400]), np.sort(order[400:])
    found = examined(x, train, test, y[train])
    assert found.copies.sum() == sum(i in train and i - 100 in train for i in range(100, 110)) + sum(
        i in train and i - 360 in train for i in range(400, 405)
    )
    again = found.first[found.copies]
    assert np.allclose(x[train][found.copies], x[train][again])


@pytest.mark.parametrize(
    ("n", "classes", "said"),
    [
        (39, 2, "allowed: at least 40"),
        (100, 30, "the target has 30 classes in 100 rows; allowed: at least 5 rows a class"),
    ],
)
def test_too_few_rows_or_too_many_classes(n, classes, said):
    with pytest.raises(ValueError, match=said):
        inputs.check(np.zeros((n, 2)), np.arange(n) % classes, n_classes=classes)
    with pytest.raises(ValueError, match="one label or number a row"):
        inputs.check(np.zeros((n, 2)), np.zeros(n + 1), n_classes=classes)
