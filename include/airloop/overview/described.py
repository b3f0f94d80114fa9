"""Descriptions of pipelines, read again only when one of their files has changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from airloop.errors import SpecError
from airloop.spec import Spec, load
from airloop.spec.load import is_named, names
from airloop.spec.problems import shown


@dataclass(frozen=True)
class Described:
    """What a pipeline's folder says: its spec, or why that cannot be read."""

    spec: Spec | None
    problem: str = ""

    @classmethod
    def gone(cls, name: str) -> Described:
        """Return what is said of a pipeline without a folder."""
        return cls(None, f"{name} has no description any more")


Stamp = list[tuple[str, int]]


class Descriptions:
    """The descriptions in a folder; one instance may be asked by several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[Stamp, Described]] = {}
        self._lock = threading.Lock()

    def all(self) -> dict[str, Described]:
        """Return each pipeline's description, by name. Raises SpecError where the folder is not there."""
        with self._lock:
            self._known = {name: self._look(name) for name in names(self._folder)}
            return {name: described for name, (_, described) in self._known.items()}

    def of(self, name: str) -> Described:
        """Return one pipeline's description; where there is none, that is the problem."""
        with self._lock:
            if not is_named(name, self._folder):
                return Described.gone(name)
            self._known[name] = self._look(name)
            return self._known[name][1]

    def _look(self, name: str) -> tuple[Stamp, Described]:
        folder = self._folder / name
        try:
            stamp = sorted((str(path), path.stat().st_mtime_ns) for path in _files(folder))
            known = self._known.get(name)
            return known if known is not None and known[0] == stamp else (stamp, _read(folder))
        except OSError as error:  # It went away just now, or may not be read.
            return [], Described(None, f"its description cannot be read: {error.strerror}: {name}")


@lru_cache(maxsize=4)
def descriptions(folder: Path) -> Descriptions:
    """Return the descriptions in ``folder``, the same ones for everybody in this process."""
    return Descriptions(folder)


def _files(folder: Path) -> Iterator[Path]:
    """Yield every file that a description may name, those in folders below as well."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink() and path.name != "__pycache__" and path.name[0] != ".":
            yield from _files(path)


def _read(folder: Path) -> Described:
    try:
        return Described(load(folder).spec)
    except SpecError as error:
        return Described(None, str(error).replace(f"{shown(folder)}/", ""))
