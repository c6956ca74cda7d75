"""A file is written whole or not at all."""

import pytest

from labutils import atomic


def test_a_file_appears_at_the_end_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic.whole(path) as partial:
        partial.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic.whole(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
