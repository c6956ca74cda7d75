"""Rows in blocks, and the nearest of some points."""

import numpy as np
import pytest

from labutils import rows


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_release_leaves_a_mapped_file_and_its_slices_as_they_read(tmp_path, mode):
    values = np.arange(20_000, dtype=np.float32).reshape(-1, 4)
    values.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, mode, shape=values.shape)
    if mode == "c":
        mapped[0] = values[0] = -1  # lives in memory only
    for part in (mapped, mapped[1000:], np.asarray(values)):
        before = np.array(part)
        rows.release(part)
        np.testing.assert_array_equal(part, before)
    np.testing.assert_array_equal(mapped, values)
