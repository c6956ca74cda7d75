import numpy as np
import pytest

from labutils.audit import features

RNG = np.random.default_rng(0)


def test_rows_are_standardised_by_the_training_rows_alone():
    x = RNG.standard_normal((300, 5)) * [1, 10, 100, 0.1, 1] + 3
    x[:, 4] = 7  # says nothing
    found = features.make(x, np.arange(200), np.arange(200, 300))
    own = x[:200, :4]
    assert np.allclose(found.train[:, :4], (own - own.mean(axis=0)) / own.std(axis=0), atol=1e-5)
    assert (found.train[:, 4] == 0).all()
    other = x.copy()
    other[200:] = 1e5
    again = features.make(other, np.arange(200), np.arange(200, 300))
    assert np.array_equal(found.train, again.train)  # the test rows move nothing


def test_what_is_missing_becomes_the_median_and_is_counted():
    x = RNG.standard_normal((100, 3))
    x[[3, 50], 1] = np.nan
    x[:, 2] = np.nan
    found = features.make(x, np.arange(80), np.arange(80, 100), kind="features")
    assert found.missing.tolist() == [0, 2, 100]
    assert found.train[3, 1] == pytest.approx(np.nanmedian(x[:80, 1]), abs=1e-6)
    assert np.isfinite(found.train).all() and (found.test[:, 2] == 0).all()


def test_many_columns_become_principal_axes_that_keep_distances_as_far_as_any_can():
    low = RNG.standard_normal((400, 20)) @ RNG.standard_normal((20, 300))
    found = features.make(low, np.arange(300), np.arange(300, 400), kind="features")
    assert found.train.shape == (300, features.WIDE)
    whole = np.linalg.norm(low[0] - low[1:100], axis=1)
    kept = np.linalg.norm(found.train[0] - found.train[1:100], axis=1)
    assert np.allclose(kept, whole, rtol=1e-3)


def test_images_go_through_the_encoder_and_blocks_change_nothing(monkeypatch):
    x = RNG.random((60, 8, 8)).astype(np.float32)
    found = features.make(x, np.arange(40), np.arange(40, 60), kind="images")
    assert "encoder" in found.words and found.train.shape[0] == 40
    monkeypatch.setattr(
        features, "blocks", lambda n, width: [slice(i, min(i + 7, n)) for i in range(0, n, 7)]
    )
    again = features.make(x, np.arange(40), np.arange(40, 60), kind="images")
    assert np.allclose(found.train, again.train, atol=1e-5)


def test_a_mapped_file_is_read_in_blocks(tmp_path):
    np.save(tmp_path / "x.npy", RNG.standard_normal((500, 6)).astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = features.make(mapped, np.arange(400), np.arange(400, 500))
    again = features.make(np.array(mapped), np.arange(400), np.arange(400, 500))
    assert np.array_equal(found.train, again.train)


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind is 'picture'"):
        features.make(np.zeros((5, 2)), np.arange(4), np.arange(4, 5), kind="picture")
