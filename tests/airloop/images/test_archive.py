"""Archives depend on names and bytes alone."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from airloop.images import archive


def test_the_same_files_make_the_same_bytes_whenever_and_whoever(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, age, mode in ((first, 1_000_000, 0o600), (second, 2_000_000, 0o755)):
        folder.mkdir()
        for name in sorted(("b.json", "a.json"), reverse=folder is second):
            (folder / name).write_text(name)
            (folder / name).chmod(mode)
            os.utime(folder / name, (age, age))
    assert archive.layer(archive.below(first, "opt/x")) == archive.layer(archive.below(second, "opt/x"))


def test_a_layer_has_its_folders_and_everyone_may_read_it():
    with tarfile.open(fileobj=io.BytesIO(archive.layer({"opt/x/a": b"1", "opt/y": b"2"}))) as read:
        found = {entry.name: (oct(entry.mode), entry.uid, entry.mtime) for entry in read}
    folder, file = ("0o755", 0, 0), ("0o644", 0, 0)
    assert found == {"opt": folder, "opt/x": folder, "opt/x/a": file, "opt/y": file}


def test_bytecode_is_left_out(tmp_path: Path):
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"")
    (tmp_path / "a.py").write_text("")
    assert list(archive.below(tmp_path, "code")) == ["code/a.py"]
