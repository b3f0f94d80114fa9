"""What a bundle says about itself: ``bundle.json``, read by the server without the spec's machinery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from airloop import clock
from airloop.bundle.golden import Golden
from airloop.errors import BundleError
from airloop.features.schema import Schema

KIND = "bundles"
"""Where bundles lie in the store."""
FACTS = "bundle.json"
GOLDEN = "golden.json"
SCHEMA = "schema.json"

T = TypeVar("T")


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who made the bundle from what, and the limits that the server keeps for it."""

    pipeline: str
    version: str
    data_cut_off: str
    """``as_of`` of the snapshot it was trained from, ISO 8601 UTC; forward-only compares this."""
    lineage: dict[str, str]
    """Digest of the snapshot, validation, model, verdict, spec and feature code; version of airloop."""
    private: tuple[str, ...]
    """Columns that are never written to the prediction log."""
    max_rows: int
    """Most rows in a request."""
    log_predictions: bool
    format: int = 1


@dataclass(frozen=True)
class Bundle:
    """A bundle whose bytes were checked: ``digest`` is of all of them."""

    digest: str
    folder: Path

    @cached_property
    def facts(self) -> Facts:
        """What ``bundle.json`` says. Raises BundleError when it cannot be read."""
        return _read(self.folder / FACTS, Facts)

    @cached_property
    def schema(self) -> Schema:
        """The columns that go in, the features, and what comes out. Raises BundleError when it cannot be read."""
        return _read(self.folder / SCHEMA, Schema)

    @cached_property
    def golden(self) -> Golden:
        """Rows with the answers that were computed offline. Raises BundleError when it cannot be read."""
        return _read(self.folder / GOLDEN, Golden)

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self.facts.pipeline

    @property
    def version(self) -> str:
        """Version in the registry."""
        return self.facts.version

    @property
    def data_cut_off(self) -> datetime:
        """``as_of`` of the snapshot it was trained from, UTC."""
        return clock.parse(self.facts.data_cut_off)

    @property
    def megabytes(self) -> float:
        """Size of all files, megabytes of 1,000,000 bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise BundleError(f"{path}: cannot be read as {kind.__name__}: {error}") from error
