"""Landing: a file that appears whole, and is left alone where nothing changed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_changed(path: Path, content: bytes) -> bool:
    """Write ``content`` to ``path`` by atomic rename unless the file has it already; return whether it was written.

    A reader sees the old file or the new one. Folders are made. An unchanged file keeps its time, so that partitions
    made from it are found again.
    """
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(scratch).chmod(0o644)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return True
