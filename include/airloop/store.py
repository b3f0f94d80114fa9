"""The store: artifacts written once under the digest of their inputs, at an fsspec URL.

An artifact is a folder ``<kind>/<digest>``. It appears whole or not at all: files are written to a scratch folder
on this machine and renamed (a local store) or uploaded with their list last (an object store).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from airloop import digest
from airloop.errors import Unreachable

MANIFEST = ".files.json"
"""Relative path → SHA-256 of every file; written last, so its presence says that the artifact is whole."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What the operating system says when nothing more can be written."""

_CHANGING = ("size", "mtime", "LastModified", "ETag", "etag", "updated")
"""What file systems tell about a file that changes with its bytes."""


class Store:
    """Artifacts below one fsspec ``url``, for example ``/srv/airloop`` or ``s3://bucket/airloop``."""

    def __init__(self, url: str, cache: Path | None = None) -> None:
        import fsspec

        self.url = url.rstrip("/")
        self._fs, self._root = fsspec.url_to_fs(self.url)
        self._is_local = "file" in ((self._fs.protocol,) if isinstance(self._fs.protocol, str) else self._fs.protocol)
        self._cache = cache or Path(tempfile.gettempdir()) / "airloop-store-cache"

    def uri(self, kind: str, name: str) -> str:
        """Return where the artifact lies or would lie."""
        return f"{self.url}/{kind}/{name}"

    def has(self, kind: str, name: str) -> bool:
        """Return whether the artifact is there, whole. Raises Unreachable when the store does not answer."""
        with self._reporting(kind, name):
            return bool(self._fs.exists(f"{self._root}/{kind}/{name}/{MANIFEST}"))

    @contextmanager
    def writing(self, kind: str, name: str) -> Iterator[Path]:
        """Give a scratch folder; when the block ends well it becomes the artifact, otherwise nothing remains.

        When another writer was first, theirs stays and ours is dropped: both were made from the same inputs.
        Raises Unreachable when the store does not answer or the disk is full.
        """
        with self._reporting(kind, name):
            scratch_root = self._local(kind).parent / ".scratch" if self._is_local else self._cache / ".scratch"
            scratch_root.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f"{kind}-{name[:12]}-", dir=scratch_root))
        try:
            with self._reporting(kind, name, only=_FULL):
                yield scratch
            with self._reporting(kind, name):
                self._commit(scratch, kind, name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def folder(self, kind: str, name: str) -> Path:
        """Return a local folder with the artifact, downloading it once where the store is remote.

        Raises FileNotFoundError when it is not there.
        """
        if not self.has(kind, name):
            raise FileNotFoundError(f"{self.uri(kind, name)} is not in the store")
        if self._is_local:
            return self._local(kind, name)
        cached = self._cache / kind / name
        if not (cached / MANIFEST).exists():
            with self._reporting(kind, name):
                self._download(kind, name, cached)
        return cached

    def put_json(self, kind: str, name: str, value: Any) -> str:
        """Write ``value.json`` as the artifact unless it is there; return its URI."""
        if not self.has(kind, name):
            with self.writing(kind, name) as folder:
                text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
                (folder / "value.json").write_text(text, encoding="utf-8")
        return self.uri(kind, name)

    def get_json(self, kind: str, name: str) -> Any:
        """Return what ``put_json`` wrote. Raises FileNotFoundError when it is not there."""
        return json.loads((self.folder(kind, name) / "value.json").read_text(encoding="utf-8"))

    def altered_files(self, kind: str, name: str) -> list[str]:
        """Return the paths whose bytes differ from what was written, appeared or vanished; empty when all is well."""
        folder = self.folder(kind, name)
        written = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        found = digest.files_of(folder)
        found.pop(MANIFEST, None)
        return sorted(path for path in {*written, *found} if written.get(path) != found.get(path))

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in ``folder``, sorted; none where it is not there. Raises Unreachable."""
        with self._reporting(folder, "*"):
            self._fs.invalidate_cache()
            if not self._fs.isdir(f"{self._root}/{folder}"):
                return []
            found = self._fs.ls(f"{self._root}/{folder}", detail=True)
        return sorted(info["name"].rstrip("/").rpartition("/")[2] for info in found if info["type"] == "directory")

    def listing(self, folder: str, suffix: str = "") -> dict[str, str]:
        """Return name → what changes with its bytes, sorted, of the files that others write to ``folder``.

        Empty where there is no such folder. Raises Unreachable when the store does not answer.
        """
        with self._reporting(folder, "*"):
            self._fs.invalidate_cache()
            found = self._fs.find(f"{self._root}/{folder}", maxdepth=1, detail=True)
        return {
            path.rpartition("/")[2]: " ".join(str(info[key]) for key in _CHANGING if key in info)
            for path, info in sorted(found.items())
            if path.endswith(suffix)
        }

    def opened(self, path: str) -> Any:
        """Return a file of ``listing``, opened to read bytes. Raises FileNotFoundError, and Unreachable."""
        folder, _, name = path.rpartition("/")
        with self._reporting(folder, name):
            return self._fs.open(f"{self._root}/{path}", "rb")

    def work_folder(self, kind: str, name: str) -> Path:
        """Return a folder on this machine for unfinished work, such as checkpoints, that a retry finds again."""
        root = self._local(".work") if self._is_local else self._cache / ".work"
        folder = root / kind / name
        with self._reporting(kind, name):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder, so that whoever reaches it reaches unfinished work in it, too."""
        return self._is_local

    def share_work(self, kind: str, name: str, file: str) -> None:
        """Copy a file of ``work_folder`` into a store that is no folder, where other machines find it."""
        folder = self.work_folder(kind, name)
        with self._reporting(kind, name):
            self._fs.put_file(str(folder / file), f"{self._root}/.work/{kind}/{name}/{file}")

    def shared_work(self, kind: str, name: str, file: str) -> bytes | None:
        """Return what ``share_work`` copied, None where there is nothing. Raises Unreachable."""
        with self._reporting(kind, name):
            self._fs.invalidate_cache()
            try:
                data: bytes = self._fs.cat_file(f"{self._root}/.work/{kind}/{name}/{file}")
            except FileNotFoundError:
                return None
        return data

    def drop_work(self, kind: str, name: str) -> None:
        """Remove unfinished work, on this machine and where it was shared."""
        shutil.rmtree(self.work_folder(kind, name), ignore_errors=True)
        if self._is_local:
            return
        with self._reporting(kind, name), suppress(FileNotFoundError):
            self._fs.rm(f"{self._root}/.work/{kind}/{name}", recursive=True)

    def _local(self, *parts: str) -> Path:
        return Path(self._root, *parts)

    def _commit(self, scratch: Path, kind: str, name: str) -> None:
        manifest = json.dumps(digest.files_of(scratch), indent=1)
        if self._is_local:
            (scratch / MANIFEST).write_text(manifest, encoding="utf-8")
            _flush_to_disk(scratch)
            target = self._local(kind, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            _rename_unless_there(scratch, target)
        elif not self.has(kind, name):
            self._fs.put(f"{scratch}/", f"{self._root}/{kind}/{name}/", recursive=True)
            self._fs.pipe_file(f"{self._root}/{kind}/{name}/{MANIFEST}", manifest.encode())

    def _download(self, kind: str, name: str, cached: Path) -> None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".get-", dir=cached.parent))
        try:
            self._fs.get(f"{self._root}/{kind}/{name}/", f"{scratch}/", recursive=True)
            _rename_unless_there(scratch, cached)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _reporting(self, kind: str, name: str, only: frozenset[int] | None = None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if only is not None and error.errno not in only:
                raise
            raise Unreachable(
                f"store {self.url}: cannot reach {kind}/{name}: {error}. "
                "Check AIRLOOP_STORE, free space and permissions, then retry; nothing was half-written."
            ) from error


def _flush_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _rename_unless_there(scratch: Path, target: Path) -> None:
    scratch.chmod(0o755)
    try:
        scratch.rename(target)
    except OSError:
        # A rename onto a folder that has files fails on every platform: another writer was first.
        if not (target / MANIFEST).exists():
            raise
    else:
        _flush_entry(target.parent)


def _flush_entry(folder: Path) -> None:
    """Make a rename within ``folder`` last through a power cut, where the platform can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
