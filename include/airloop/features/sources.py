"""Which files of a folder belong to the feature code: the named ones and what they import from beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from airloop.errors import FeatureError, nearest

if TYPE_CHECKING:
    from airloop.features.code import Hooks


def read_sources(folder: Path, hooks: Hooks) -> dict[str, bytes]:
    """Return relative POSIX path → bytes of the hooks' files and, transitively, their imports inside ``folder``.

    Only import statements count: a module imported by a name made at run time is not found. Raises FeatureError when a
    named file is missing or a file is not Python.
    """
    found: dict[str, bytes] = {}
    waiting = [hook.partition(":")[0] for hook in (hooks.build, hooks.arrays) if hook]
    for file in waiting:
        if not (folder / file).is_file():
            known = [path.name for path in folder.glob("*.py")]
            raise FeatureError(f"{folder / file} does not exist.{nearest(file, known)}")
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = (folder / file).read_bytes()
            waiting.extend(_local_imports(folder, file, found[file]))
    return dict(sorted(found.items()))


def module_name(file: str) -> str:
    """Return the dotted name, relative to the folder, of a source file: ``a/__init__.py`` → ``a``."""
    parts = file.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _local_imports(folder: Path, file: str, source: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(source, filename=str(folder / file))
    except (SyntaxError, ValueError) as error:
        raise FeatureError(f"{folder / file} is not Python: {error}") from error
    for node in ast.walk(tree):
        for name in _imported(node, file):
            yield from _files_of(folder, name)


def _imported(node: ast.AST, file: str) -> Iterator[str]:
    """Yield dotted names, relative to the folder, that an import statement may mean."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = file.split("/")[:-1]
        above = package[: len(package) - node.level + 1] if node.level else []
        parent = ".".join([*above, *([node.module] if node.module else [])])
        yield from ([parent] if parent else [])
        yield from (f"{parent}.{alias.name}" if parent else alias.name for alias in node.names)


def _files_of(folder: Path, name: str) -> Iterator[str]:
    """Yield the files that importing ``name`` runs: every package's ``__init__`` on the way, then the module."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        stem = "/".join(parts[:length])
        for file in (f"{stem}.py", f"{stem}/__init__.py"):
            if (folder / file).is_file():
                yield file
