"""The project's own code: what of this checkout goes into which image."""

from __future__ import annotations

from pathlib import Path

from airloop import digest
from airloop.images import archive
from airloop.workspace import PROJECT

MODULES = ("__init__", "clock", "digest", "errors", "scoring", "store", "workspace")
ROOMS = ("bundle", "code", "features", "serving", "trainers")
"""All that the model server imports, however it answers. The ledger, the spec and training are not there."""
INSIDE = "opt/airloop/include/airloop"


def of_server(project: Path = PROJECT) -> dict[str, archive.Content]:
    """Return path in the image → file of the checkout, for all modules that serving needs and no other."""
    package = project / "include" / "airloop"
    found: dict[str, archive.Content] = {f"{INSIDE}/{name}.py": package / f"{name}.py" for name in MODULES}
    for room in ROOMS:
        found |= archive.below(package / room, f"{INSIDE}/{room}")
    return found


def of_steps(project: Path = PROJECT) -> dict[str, archive.Content]:
    """Return path in the image → file of the checkout, for the whole package."""
    return archive.below(project / "include" / "airloop", INSIDE)


def digest_of(files: dict[str, archive.Content]) -> str:
    """Return one SHA-256 (hex) for all paths and bytes."""
    found = {
        name: digest.of_bytes(content) if isinstance(content, bytes) else digest.of_file(content)
        for name, content in files.items()
    }
    return digest.of_value(found)
