"""Looks into a pipeline's Python files without running them."""

from __future__ import annotations

import ast
import threading

_PARSING = threading.Lock()
"""In CPython 3.11 two threads that parse at once may break each other: SystemError, recursion depth mismatch."""


def functions_in(text: str) -> list[str]:
    """Return the names that a module's top level defines or imports.

    Raises SyntaxError, and ValueError for null bytes, when ``text`` is not Python.
    """
    names: list[str] = []
    with _PARSING:
        tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.extend(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.extend(target.id for target in node.targets if isinstance(target, ast.Name))
    return names
