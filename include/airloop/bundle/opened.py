"""Opening a bundle: every byte is checked before any of it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from airloop import digest
from airloop.bundle.facts import FACTS, GOLDEN, KIND, SCHEMA, Bundle
from airloop.errors import BundleError
from airloop.store import MANIFEST

if TYPE_CHECKING:
    from airloop.store import Store
    from airloop.workspace import Workspace

NEEDED = (FACTS, GOLDEN, SCHEMA, "features.json", "model/trainer.json", "pipeline.yaml", "requirements.txt")
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How a pickle of protocol 2 to 5 begins."""


def open_bundle(workspace: Workspace, bundle_digest: str) -> Bundle:
    """Return the bundle after checking every byte. Raises BundleError naming the altered, missing or extra file."""
    return open_stored(workspace.store, bundle_digest)


def open_stored(store: Store, bundle_digest: str) -> Bundle:
    """Return a bundle from ``store``, like ``open_bundle``."""
    try:
        folder = store.folder(KIND, bundle_digest)
    except FileNotFoundError:
        raise BundleError(
            f"bundle {bundle_digest[:12]} is not in the store at {store.url}; package it again or check AIRLOOP_STORE"
        ) from None
    return open_folder(folder, bundle_digest)


def open_folder(folder: Path, bundle_digest: str) -> Bundle:
    """Return the bundle that lies in ``folder``, checked against ``bundle_digest``. Raises BundleError."""
    found = digest.files_of(folder)
    found.pop(MANIFEST, None)
    if digest.of_value(found) != bundle_digest:
        raise BundleError(f"bundle {bundle_digest[:12]} in {folder} was changed: {_difference(folder, found)}")
    absent = [name for name in NEEDED if name not in found]
    if absent:
        raise BundleError(f"bundle {bundle_digest[:12]} is incomplete: {', '.join(absent)} missing")
    refuse_pickles(folder)
    return Bundle(bundle_digest, folder)


def refuse_pickles(folder: Path) -> None:
    """Raise BundleError when a file below ``folder`` begins like a pickle: loading one may run any code."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                start = stream.read(2)
            if start in PICKLES or path.suffix in (".pkl", ".pickle", ".joblib"):
                name = path.relative_to(folder).as_posix()
                raise BundleError(f"{name} is a pickle; models must be kept in their native format")


def _difference(folder: Path, found: dict[str, str]) -> str:
    try:
        written = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"its list {MANIFEST} cannot be read"
    kinds = {
        "altered": sorted(path for path in {*written} & {*found} if written[path] != found[path]),
        "missing": sorted({*written} - {*found}),
        "extra": sorted({*found} - {*written}),
    }
    named = [f"{kind} {', '.join(paths)}" for kind, paths in kinds.items() if paths]
    return "; ".join(named) or f"altered {MANIFEST}: its list fits the files, but not the digest"
