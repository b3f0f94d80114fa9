"""Which files of a folder belong to a piece of code: the named ones and what they import from beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from airloop import digest
from airloop.errors import AirloopError, nearest


def read_sources(folder: Path, files: Iterable[str], wrong: type[AirloopError]) -> dict[str, bytes]:
    """Return relative POSIX path → bytes of ``files`` and, transitively, of their imports inside ``folder``.

    Only import statements count: a module imported by a name made at run time is not found. Raises ``wrong`` when a
    named file is missing or a file is not Python.
    """
    found: dict[str, bytes] = {}
    waiting = list(files)
    for file in waiting:
        if not (folder / file).is_file():
            known = [path.name for path in folder.glob("*.py")]
            raise wrong(f"{folder / file} does not exist.{nearest(file, known)}")
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = (folder / file).read_bytes()
            waiting.extend(_local_imports(folder, file, found[file], wrong))
    return dict(sorted(found.items()))


def digest_of(sources: Mapping[str, bytes]) -> str:
    """Return the SHA-256 that names a set of source files."""
    return digest.of_value({path: digest.of_bytes(source) for path, source in sources.items()})


def write_sources(folder: Path, sources: Mapping[str, bytes]) -> None:
    """Write the files below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, source in sources.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source)


def module_name(file: str) -> str:
    """Return the dotted name, relative to the folder, of a source file: ``a/__init__.py`` → ``a``."""
    parts = file.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _local_imports(folder: Path, file: str, source: bytes, wrong: type[AirloopError]) -> Iterator[str]:
    try:
        tree = ast.parse(source, filename=str(folder / file))
    except (SyntaxError, ValueError) as error:
        raise wrong(f"{folder / file} is not Python: {error}") from error
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
