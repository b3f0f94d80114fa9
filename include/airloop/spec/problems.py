"""A mistake in a pipeline's description, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KeyPath = tuple[str | int, ...]
"""Where a value lies in the document: keys and list positions, for example ``("gates", 1, "metric")``."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: the 1-based line, the key's path and what is wrong, allowed and nearest."""

    line: int
    where: str
    message: str


def dotted(path: KeyPath) -> str:
    """Return ``gates[1].metric`` for ``("gates", 1, "metric")``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def shown(file: Path) -> str:
    """Return ``file`` relative to the working directory when it lies below it."""
    try:
        return file.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()


def report(file: Path, problems: list[Problem]) -> str:
    """Return all problems, one a line, in the order of the file."""
    lines = []
    for problem in sorted(set(problems)):
        where = f" {problem.where}" if problem.where else ""
        lines.append(f"{shown(file)}:{problem.line}{where}: {problem.message}")
    return "\n".join(lines)
