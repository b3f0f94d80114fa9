"""Tar archives that are the same bytes for the same files, whoever makes them and when."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

Content = bytes | Path


def write(stream: BinaryIO, files: Mapping[str, Content], *, parents: bool = False) -> None:
    """Write ``files``, path in the archive → bytes or the file that has them, sorted, as root's, from 1970.

    With ``parents`` the folders above them are entries too, so that an engine need not invent them.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in _folders(files) if parents else ():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.mode = 0o644
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                entry.size = content.stat().st_size
                with content.open("rb") as source:
                    archive.addfile(entry, source)


def layer(files: Mapping[str, Content]) -> bytes:
    """Return an image's layer with ``files`` and the folders they lie in, readable by everyone."""
    stream = io.BytesIO()
    write(stream, files, parents=True)
    return stream.getvalue()


def below(folder: Path, inside: str) -> dict[str, Content]:
    """Return ``inside/<relative path>`` → file for every file below ``folder``, bytecode left out."""
    return {
        f"{inside}/{path.relative_to(folder).as_posix()}": path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _folders(files: Mapping[str, Content]) -> list[str]:
    return sorted({parent.as_posix() for name in files for parent in PurePosixPath(name).parents} - {"."})
