"""The serving requirements of a bundle, pinned to the versions that the model was made and verified with."""

from __future__ import annotations

from importlib import metadata

SERVING = ("fsspec", "httptools", "msgspec", "numpy", "prometheus-client", "pyarrow", "uvicorn", "uvloop")
XGBOOST = ("xgboost-cpu", "xgboost")
"""One library under two names; the first one installed is meant."""


def requirements(*, with_pandas: bool) -> str:
    """Return ``name==version`` lines, sorted: what the server imports and everything that those packages need."""
    wanted = [*SERVING, next(name for name in XGBOOST if _version(name)), *(["pandas"] if with_pandas else [])]
    found: dict[str, str] = {}
    while wanted:
        name = _normal(wanted.pop())
        version = _version(name)
        # Absent: optional for this platform, for example uvloop on Windows.
        if name not in found and version:
            found[name] = version
            wanted += _needs(name)
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def _needs(name: str) -> list[str]:
    from packaging.requirements import Requirement

    needs = [Requirement(line) for line in metadata.requires(name) or ()]
    return [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
