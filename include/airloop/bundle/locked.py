"""The serving requirements of a bundle, pinned to the versions that the model was made and verified with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

SERVING = ("fsspec", "httptools", "msgspec", "numpy", "prometheus-client", "pyarrow", "uvicorn", "uvloop")
XGBOOST = ("xgboost-cpu", "xgboost")
"""One library under two names; the first one installed is meant."""


def requirements(*, with_pandas: bool, more: Iterable[str] = ()) -> str:
    """Return ``name==version`` lines, sorted: what the server and ``more`` import and all that those packages need."""
    xgboost = next(name for name in XGBOOST if _version(name))
    found = closure([*SERVING, xgboost, *(["pandas"] if with_pandas else []), *more])
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def closure(roots: Iterable[str]) -> dict[str, str]:
    """Return name → version of the installed packages among ``roots`` and all that they need.

    A root is a requirement such as ``uvicorn`` or ``psycopg[binary]``. What is not installed is left out: it is
    optional for this platform, for example uvloop on Windows.
    """
    from packaging.requirements import Requirement

    wanted = [Requirement(root) for root in roots]
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        asked = wanted.pop()
        name = normal(asked.name)
        version = _version(name)
        for extra in ("", *asked.extras):
            if version and (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = version
                wanted += _needs(name, extra)
    return found


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    from packaging.requirements import Requirement

    for line in metadata.requires(name) or ():
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": extra}):
            yield need


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def normal(name: str) -> str:
    """Return a package's name as lock files write it."""
    return name.lower().replace("_", "-").replace(".", "-")
