"""The validations of a pipeline's data, as the ledger has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airloop.overview import addresses
from airloop.overview.shapes import Validated, Validations
from airloop.steps.recording import VALIDATION

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.workspace import Workspace

MOST = 200
"""Validations that are shown, those of the newest data."""
MOST_TEXTS = 20


def validations(workspace: Workspace, name: str) -> Validations:
    """Return how the newest snapshots were validated, those of the newest data first.

    Runs from before validations were recorded are not among them. Raises Unreachable and LedgerError.
    """
    return Validations(rows=tuple(_validated(entry) for entry in workspace.ledger.latest(name, VALIDATION, limit=MOST)))


def _validated(entry: Entry) -> Validated:
    said: Any = entry.payload
    return Validated(
        snapshot=entry.subject,
        as_of=entry.as_of or entry.recorded_at,
        rows=said.get("rows"),
        partitions=said.get("partitions"),
        quarantined=int(said.get("quarantined", 0)),
        passed=bool(said.get("passed")),
        expectations=said.get("expectations"),
        failures=tuple(said.get("reasons", ()))[:MOST_TEXTS],
        warnings=tuple(said.get("warnings", ()))[:MOST_TEXTS],
        docs=addresses.artifact("validations", str(said["digest"]), "index.html"),
    )
