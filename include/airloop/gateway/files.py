"""Files in a container's volumes, read and written through the engine's API: the container need not run."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass(frozen=True)
class Entry:
    """A file with ``data``, or a folder without, below the folder that it is put into."""

    path: str
    mode: int
    data: bytes | None = None
    owner: int = 0
    """Number of user and group."""


def put(container: Container, folder: str, *entries: Entry) -> None:
    """Put ``entries`` below ``folder``; a folder that is there only gets owner and mode."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for entry in entries:
            about = tarfile.TarInfo(entry.path)
            about.mode, about.uid, about.gid = entry.mode, entry.owner, entry.owner
            if entry.data is None:
                about.type = tarfile.DIRTYPE
            else:
                about.size = len(entry.data)
            archive.addfile(about, io.BytesIO(entry.data or b""))
    container.put_archive(folder, stream.getvalue())


def get(container: Container, path: str) -> bytes | None:
    """Return the bytes of a file, None where there is none."""
    from docker.errors import NotFound

    try:
        chunks, _ = container.get_archive(path)
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        stream = archive.extractfile(archive.getmembers()[0])
        return stream.read() if stream else None
