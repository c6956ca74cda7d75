import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from labutils.selection import information_plane
from labutils.selection.information import entropy


def test_labels_are_those_of_every_rotation_of_the_pattern():
    x, y = information_plane.patterns()
    assert x.shape == (4096, 12) and len(np.unique(x, axis=0)) == 4096
    golden = (1 + np.sqrt(5)) / 2
    corners = np.array([np.roll((0, a, b * golden), k) for k in range(3) for a in (-1, 1) for b in (-1, 1)])
    assert len(np.unique(corners.round(6), axis=0)) == 12
    axis = corners[0] / np.linalg.norm(corners[0])  # a fifth of a turn about a corner (Rodrigues)
    cross = np.cross(np.eye(3), axis) * -1
    angle = 2 * np.pi / 5
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    for move in (turn, -np.eye(3), np.eye(3)[[1, 2, 0]]):
        apart = np.linalg.norm((corners @ move.T)[:, None] - corners, axis=2)
        assert apart.min(axis=1) == pytest.approx(0, abs=1e-9)
        code = x[:, apart.argmin(axis=1)] @ 2 ** np.arange(12)
        assert (y[code.astype(int)] == y).all()
    assert entropy(np.bincount(y)) == pytest.approx(0.9992, abs=1e-3)


def test_bins_tell_rows_apart_as_numpy_does():
    t = np.random.default_rng(0).uniform(-1, 1, size=(500, 3))
    y = (t.sum(axis=1) > 0).astype(int)
    code = information_plane.binned(t, 5, -1, 1)
    cells = np.floor((t + 1) / 2 * 5).astype(int)
    same = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
    assert len(np.unique(code)) == len(np.unique(same)) == len(np.unique(np.stack([code, same]), axis=1).T)
    bits = information_plane.binned_information(t, y, n_bins=5, low=-1, high=1)
    assert bits == pytest.approx(
        np.array([mutual_info_score(same, same), mutual_info_score(same, y)]) / np.log(2)
    )
    fine = information_plane.binned_information(t, y, n_bins=10**6, low=-1, high=1)
    assert fine == pytest.approx([np.log2(500), entropy(np.bincount(y))])


def test_kernel_counts_clusters_that_are_far_apart_and_is_a_bound():
    y = np.arange(400) % 4
    far = 100.0 * np.eye(4)[y]
    assert information_plane.kernel_information(far, y % 2) == pytest.approx([2, 1])
    assert information_plane.kernel_information(0 * far, y) == pytest.approx([0, 0])
    v, noise = (
        2.0,
        0.1,
    )  # a normal T with normal noise; the mean over j of the kernel is a normal density of v + noise
    t = np.random.default_rng(0).normal(0, np.sqrt(v), size=(2000, 1))
    bound = information_plane.kernel_information(t, np.zeros(2000), noise=noise, block=300)[0]
    true, over = np.log2(1 + v / noise) / 2, v / (v + noise) / 2 / np.log(2)
    assert bound == pytest.approx(true + over, abs=0.05) and bound > true


def test_trace_learns_measures_every_layer_and_repeats_itself():
    options = {
        "seeds": [3, 4],
        "learning_rate": 0.3,
        "n_bins": (30,),
        "noise": 0.1,
        "n_kernel": 1,
        "rows_kernel": 100,
    }
    plane = information_plane.trace("tanh", [0, 2, 8], sizes=(12, 6, 3, 2), **options)
    assert set(plane.bits) == {"30 bins", "30 bins of net input", "kernel"}
    assert plane.bits["30 bins"].shape == (2, 3, 3, 2) and plane.accuracy.shape == (2, 3, 2)
    assert plane.accuracy[:, -1].min() > 0.6
    bits = plane.bits["30 bins"]
    assert (np.diff(bits[..., 0], axis=2) < 1e-9).all()  # narrower layers, fewer cells
    assert (bits <= 12).all() and (bits[..., 1] <= bits[..., 0] + 1e-9).all()
    assert np.isfinite(plane.bits["kernel"][0]).all() and np.isnan(plane.bits["kernel"][1]).all()
    assert (plane.fall("30 bins") >= 0).all()
    alone = information_plane.trace(
        "tanh", [0, 2, 8], sizes=(12, 6, 3, 2), **options | {"seeds": [4], "noise": None}
    )
    np.testing.assert_allclose(alone.accuracy[0], plane.accuracy[1], atol=2e-3)


def test_segments_of_training_are_one_training_without_batches():
    parts, whole = (
        information_plane.trace(
            "relu", epochs, seeds=[0], sizes=(12, 5, 2), batch_size=None, learning_rate=0.2
        )
        for epochs in ([0, 5, 10, 20], [0, 20])
    )
    np.testing.assert_allclose(parts.accuracy[:, -1], whole.accuracy[:, -1], atol=1e-3)
    assert set(whole.bits) == {"30 bins"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: information_plane.trace("tang", [0, 1], seeds=[0]), "Did you mean 'tanh'"),
        (lambda: information_plane.trace("tanh", [1, 0], seeds=[0]), "epochs are"),
        (lambda: information_plane.binned(np.ones((2, 1)), 3, 1, 1), "allowed: low below high"),
        (lambda: information_plane.binned(np.full((2, 1), np.nan), 3, 0, 1), "t holds NaN"),
        (lambda: information_plane.kernel_information(np.ones((2, 1)), [0, 1], noise=0), "noise holds 0"),
    ],
)
def test_says_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()
