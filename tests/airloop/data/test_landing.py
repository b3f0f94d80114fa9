from __future__ import annotations

import pytest

from airloop.data.landing import write_changed


def test_an_unchanged_file_is_left_alone(tmp_path):
    path = tmp_path / "new" / "a.txt"
    assert write_changed(path, b"one")
    before = path.stat()
    assert not write_changed(path, b"one")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert write_changed(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    target = tmp_path / "a"
    target.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_changed(target, b"one")
    assert list(tmp_path.iterdir()) == [target]
