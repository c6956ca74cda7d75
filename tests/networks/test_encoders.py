"""Random patches: against the sums written out, and on images that have nothing to show."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from labutils import data
from labutils.networks import encoders, ridge


def test_features_are_the_sums_written_out():
    rng = np.random.default_rng(0)
    x = rng.random((7, 2 * 6 * 9))
    found = encoders.random_patches(x, (2, 6, 9), n_filters=3, size=3, grid=1, seed=4)
    images = x.reshape(7, 2, 6, 9)
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(2, 3))  # (7, 2, 4, 7, 3, 3)
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 18)
    centred = patches - patches.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    matches = 0
    for column in found.T:  # each is the mean rectified response to one of the patches themselves
        means = np.sqrt(np.maximum(patches @ unit.T, 0).reshape(7, 28, -1).mean(axis=1))  # (7, patches)
        matches += np.isclose(means, column[:, None], atol=1e-5).all(axis=0).sum()
    assert found.shape == (7, 3) and matches == 3


def test_same_filters_for_both_parts_and_for_the_same_seed():
    x = np.random.default_rng(1).random((40, 64))
    whole = encoders.random_patches(x, (8, 8), patches=x[:20], n_filters=8, size=3)
    parts = [
        encoders.random_patches(x[rows], (8, 8), patches=x[:20], n_filters=8, size=3)
        for rows in (slice(20), slice(20, 40))
    ]
    assert np.allclose(whole, np.concatenate(parts), atol=1e-6)
    assert not np.allclose(
        whole, encoders.random_patches(x, (8, 8), patches=x[:20], n_filters=8, size=3, seed=1)
    )


def test_blank_images_and_bad_input():
    assert np.isfinite(encoders.random_patches(np.zeros((5, 64)), (8, 8))).all()
    with pytest.raises(ValueError, match="images are 4 x 4; allowed: at least 7 each way"):
        encoders.random_patches(np.zeros((5, 16)), (4, 4))
    with pytest.raises(ValueError, match="x holds NaN"):
        encoders.random_patches(np.full((5, 64), np.nan), (8, 8))
    with pytest.raises(ValueError, match="n_filters is 0"):
        encoders.random_patches(np.zeros((5, 64)), (8, 8), n_filters=0)


def test_fixed_features_are_the_principal_axes_of_the_training_rows_alone():
    rng = np.random.default_rng(0)
    x, other = rng.standard_normal((40, 6)), rng.standard_normal((7, 6))
    found, beside = encoders.fixed(x, other, (6,), n_features=3)
    values, axes = np.linalg.eigh(np.cov(x.T))
    np.testing.assert_allclose(found.var(axis=0, ddof=1), values[::-1][:3], rtol=1e-6)
    np.testing.assert_allclose(abs(beside), abs((other - x.mean(axis=0)) @ axes[:, ::-1][:, :3]), atol=1e-8)


def test_fixed_features_of_images_are_seen_through_patches():
    images = np.random.default_rng(0).random((30, 64))
    patches = encoders.random_patches(images, (8, 8), size=3)
    found, _ = encoders.fixed(images, images[:2], (8, 8), n_features=29)
    assert found.shape == (30, 29)
    centred = patches - patches.mean(axis=0)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-4)


def test_principal_axes_hold_the_distances_that_matter():
    x = np.random.default_rng(0).normal(size=(60, 3)) @ np.random.default_rng(1).normal(size=(3, 90))
    near, beside = encoders.principal(x, x[:5], n_axes=3)
    gaps = lambda a: np.linalg.norm(a[:, None] - a[None], axis=-1)  # noqa: E731
    np.testing.assert_allclose(gaps(near), gaps(x), atol=1e-8)
    np.testing.assert_allclose(beside, near[:5])
    assert encoders.principal(x[:, :2], n_axes=3)[0].shape == (60, 2)
    with pytest.raises(ValueError, match="n_axes is 0"):
        encoders.principal(x, n_axes=0)


def test_an_encoded_set_judges_as_a_library_does_and_its_margins_have_not_seen_their_row():
    d = data.load("wine")
    found = encoders.encode(d, n_features=5)
    rows = np.arange(0, len(d.y_train), 2)
    probe = ridge.fit(found.x[rows], d.y_train[rows], n_classes=3)
    theirs = RidgeClassifier(alpha=probe.penalty).fit(found.x[rows], d.y_train[rows])
    assert found.accuracy(rows) == pytest.approx(theirs.score(found.t, d.y_test))
    scores = ridge.cross_fitted(found.x, d.y_train, folds=5)
    assert found.margin.tolist() == ridge.margins(scores, d.y_train).tolist()
    assert (encoders.encode(d, n_features=5, seed=1).margin != found.margin).any()


@pytest.mark.parametrize(
    ("shape", "side"),
    [((64,), 0), ((4, 9), 0), ((8, 8), 3), ((3, 15, 40), 3), ((28, 28), 5), ((3, 32, 32), 5)],
)
def test_patches_suit_the_smaller_side_of_an_image(shape, side):
    assert encoders.patch_size(shape) == side
