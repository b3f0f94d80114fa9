"""Names for content: the same bytes or values always get the same name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def of_value(value: Any) -> str:
    """Return the SHA-256 (hex, 64 characters) of a JSON-like value, whatever the order of its keys.

    Raises TypeError for what JSON cannot hold and ValueError for NaN and infinities.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def of_bytes(data: bytes) -> str:
    """Return the SHA-256 (hex) of ``data``."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Return relative POSIX path → SHA-256 of every file below ``folder``, sorted by path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): of_file(path) for path in files}


def of_folder(folder: Path) -> str:
    """Return one SHA-256 (hex) for all paths and bytes below ``folder``."""
    return of_value(files_of(folder))
