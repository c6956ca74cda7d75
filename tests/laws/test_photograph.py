"""The two pictures against closed forms: photon noise, and what coarse pixels miss."""

import numpy as np
import pytest

from labutils.laws import photograph


def test_exposures_have_the_error_of_photon_noise():
    image, frames = np.random.default_rng(0).random((60, 60)), np.array([1, 5, 40])
    error = np.mean(
        [(photograph.expose(image, frames, photons=3, seed=s) - image) ** 2 for s in range(20)], axis=0
    )
    assert error.mean(axis=(1, 2)) == pytest.approx(image.mean() / (3 * frames), rel=0.02)


def test_an_exposure_adds_frames_to_those_before():
    image = np.full((4, 4), 0.5)
    sums = photograph.expose(image, [1, 2, 3], photons=2) * np.array([1, 2, 3])[:, None, None] * 2
    assert (np.diff(sums, axis=0) >= 0).all() and sums == pytest.approx(np.round(sums))


def test_pixels_keep_means_and_straight_lines_keep_planes():
    u = (np.arange(32) + 0.5) / 32
    plane = 1 + 2 * u[:, None] - 3 * u
    assert photograph.pixelate(plane, 4, smooth=True) == pytest.approx(plane, abs=1e-12)
    squares = photograph.pixelate(plane, 4)
    assert squares[:8, 8:16] == pytest.approx(np.full((8, 8), plane[:8, 8:16].mean()))
    within = 1 / 16 / 12 * (1 - 1 / 64)  # variance of a uniform step of 1/4, on 8 sub-pixels
    assert np.mean((squares - plane) ** 2) == pytest.approx((4 + 9) * within)


def test_a_magnified_picture_is_smooth_and_keeps_constants():
    assert photograph.magnify(np.ones((8, 8)), 64)[16:-16, 16:-16] == pytest.approx(np.ones((32, 32)))
    picture = photograph.magnify(np.random.default_rng(0).random((8, 8)), 512)
    assert picture.min() >= 0 and np.abs(np.diff(picture, 2, axis=0)).max() < 3 * (9 / 512) ** 2
