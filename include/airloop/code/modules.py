"""Run a folder's code under a name of its own, so that two pipelines or versions never see each other's modules.

The files become modules of a package ``airloop_code_<hash>``. Their imports of each other, relative or by bare name,
are answered from the package, also when they run later; ``sys.path`` is never touched and no bytecode is written.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from airloop import digest
from airloop.code.sources import digest_of, module_name
from airloop.errors import AirloopError

_PREFIX = "airloop_code_"


def load_module(folder: Path, sources: Mapping[str, bytes], file: str, wrong: type[AirloopError]) -> ModuleType:
    """Return ``file`` of ``sources`` as a module; a second call with the same folder and bytes returns the same one.

    Raises ``wrong`` when the code cannot be run.
    """
    package = _PREFIX + digest.of_value([str(folder.resolve()), digest_of(sources)])[:16]
    _FINDER.packages.setdefault(package, (folder, {module_name(path): path for path in sources}, sources))
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
    try:
        return importlib.import_module(f"{package}.{module_name(file)}")
    except Exception as error:  # The user's code may raise anything while it is imported.
        raise wrong(f"{folder / file} cannot be loaded: {type(error).__name__}: {error}") from error


class _Finder(MetaPathFinder):
    """Finds the modules of loaded packages in memory."""

    def __init__(self) -> None:
        self.packages: dict[str, tuple[Path, dict[str, str], Mapping[str, bytes]]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package not in self.packages:
            return None
        folder, files, sources = self.packages[package]
        if name and name not in files:
            inside = any(known.startswith(f"{name}.") for known in files)
            return ModuleSpec(fullname, None, is_package=True) if inside else None
        file = files.get(name, "")
        local = {known.partition(".")[0] for known in files}
        loader = _SourceLoader(package, local, sources.get(file, b""), str(folder / file))
        is_package = not name or file.endswith("/__init__.py")
        return ModuleSpec(fullname, loader, origin=str(folder / file), is_package=is_package)


class _SourceLoader(Loader):
    """Runs one file with an ``import`` statement that looks beside it first."""

    def __init__(self, package: str, local: set[str], source: bytes, origin: str) -> None:
        self._package, self._local, self._source, self._origin = package, local, source, origin

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._origin
        # Functions keep the builtins of the module they were made in, so imports inside them come here too.
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        exec(compile(self._source, self._origin, "exec"), module.__dict__)  # noqa: S102  # the user's own code

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Sequence[str] = (), level: int = 0
    ) -> ModuleType:
        first = name.partition(".")[0]
        if level or first not in self._local:
            return builtins.__import__(name, globals, locals, fromlist, level)
        found = builtins.__import__(f"{self._package}.{name}", globals, locals, fromlist, 0)
        return found if fromlist else sys.modules[f"{self._package}.{first}"]


_FINDER = _Finder()
