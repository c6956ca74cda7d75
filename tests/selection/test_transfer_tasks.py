import numpy as np
import pytest
import torch

from labutils import bundled, data
from labutils.selection import transfer_tasks
from labutils.selection.finetuning import Task

DIGITS = data.load("digits")


def small():
    x = np.arange(40, dtype=np.float32).reshape(10, 4)
    return Task(x, np.arange(10) % 5, x[:5], np.arange(5))


def test_halves_share_no_row_to_learn_from_and_lose_none():
    a, b = transfer_tasks.halves(small(), 3)
    rows = np.concatenate([a.x[:, 0], b.x[:, 0]])
    assert sorted(rows) == list(small().x[:, 0]) and len(a.y) == len(b.y) == 5
    for half in (a, b):
        np.testing.assert_array_equal(half.y, half.x[:, 0] // 4 % 5)
        np.testing.assert_array_equal(half.x_test, small().x_test)


def test_only_some_classes_are_kept_and_numbered_anew():
    t = transfer_tasks.only(small(), (4, 1))
    np.testing.assert_array_equal(t.y, [1, 0, 1, 0])
    np.testing.assert_array_equal(t.x[:, 0] // 4 % 5, [1, 4, 1, 4])
    np.testing.assert_array_equal(t.y_test, [1, 0])
    assert t.n_classes == 2


def test_groups_take_the_place_of_classes():
    np.testing.assert_array_equal(transfer_tasks.regrouped(small(), (0, 0, 1, 1, 1)).y, [0, 0, 1, 1, 1] * 2)


def test_pictures_are_mirrored_or_tilted():
    image = np.zeros((1, 25), np.float32)
    image[0, 5] = 1  # second row, leftmost
    t = Task(image, np.zeros(1, int), image, np.zeros(1, int))
    assert transfer_tasks.seen_otherwise(t, "fashion").x.argmax() == 9
    disc = np.zeros((1, 9, 9), np.float32)
    disc[0, 3:6, 3:6] = 1
    d = Task(disc.reshape(1, 81), t.y, disc.reshape(1, 81), t.y)
    tilted = transfer_tasks.seen_otherwise(d, "digits").x.reshape(9, 9)
    assert tilted[4, 4] == pytest.approx(1) and tilted.sum() == pytest.approx(9, rel=0.15)


def test_shrinking_takes_means():
    x = np.arange(16, dtype=np.float32)[None]
    np.testing.assert_allclose(transfer_tasks.shrunk(x, (4, 4), 2), [[2.5, 4.5, 10.5, 12.5]])
    np.testing.assert_allclose(
        transfer_tasks.shrunk(np.tile(x, 3) * [1] * 1, (3, 4, 4), 2), [[2.5, 4.5, 10.5, 12.5]]
    )


@pytest.mark.parametrize("relation", ["seen otherwise", "coarser labels", "other classes", "digits"])
def test_pairs_fit_their_network_and_the_numbers_are_scaled_by_the_source(relation):
    p = transfer_tasks.pair(DIGITS, relation, seed=1)
    assert abs(p.source.x.mean()) < 1e-5 and p.source.x.std() == pytest.approx(1, abs=1e-4)
    assert p.head == (relation == "seen otherwise") and not p.runs
    sizes = [
        [layer.in_features, layer.out_features] for layer in p.network(7, 3) if hasattr(layer, "in_features")
    ]
    assert sizes == [[64, 7], [7, 7], [7, 3]]
    if relation in ("seen otherwise", "coarser labels"):
        assert len(p.source.y) + len(p.target.y) == len(DIGITS.y_train)
    if relation == "coarser labels":
        assert p.source.n_classes == 2 and p.target.n_classes == 10
    if relation == "other classes":
        assert p.source.n_classes == p.target.n_classes == 5


def test_subsets_lie_in_each_other_and_letters_in_a_row():
    p = transfer_tasks.pair(DIGITS, "other classes")
    for own in p.subsets([5, 20, 100], [0, 1]):
        assert [len(set(rows)) for rows in own] == [5, 20, 100]
        np.testing.assert_array_equal(own[1][:5], own[0])
    with pytest.raises(ValueError, match="sizes"):
        p.subsets([10**6], [0])


def test_letters_follow_their_context():
    codes = data.encoded("It was the best of times, it was … the worst")
    x, y = transfer_tasks.windows(codes)
    text = lambda row: "".join(data.ALPHABET[c] for c in row)  # noqa: E731
    assert len(x) == len(y) == len(codes) - 8
    assert text(x[0]) == "It was t" and text(y[:3]) == "he " and "?" in text(codes)


def test_letters_of_the_source_are_of_other_authors():
    p = transfer_tasks.letters(n_source=3000, n_target=4000, seed=1)
    found, train = bundled.read("novels")
    own = np.isin(found.y, transfer_tasks.FIRST["novels"])
    for t, n, mine in ((p.source, 3000, own), (p.target, 4000, ~own)):
        assert t.x.shape == (n, 8) and len(t.y_test) == 2000
        text = "".join(data.ALPHABET[c] for c in np.r_[t.x[:-1, 0], t.x[-1], t.y[-1]])
        whole = text.split("\n")[1]  # a passage between two others
        assert len(whole) > 50
        plain = [data.encoded(found.texts[i]) for i in np.flatnonzero(mine & train)]
        assert whole in {"".join(data.ALPHABET[c] for c in codes) for codes in plain}
    rows = p.subsets([10, 50], [4])[0][1]
    np.testing.assert_array_equal(np.diff(rows), 1)
    assert p.network(5, 0)(torch.tensor(p.target.x[:3].astype(int))).shape == (3, len(data.ALPHABET))


def test_unknown_relations_are_named():
    with pytest.raises(ValueError, match="coarser labels"):
        transfer_tasks.pair(DIGITS, "coarser label")


def test_too_few_classes_are_named():
    with pytest.raises(ValueError, match="classes of wine is 3"):
        transfer_tasks.pair(data.load("wine"), "other classes")
