"""What steps write to the ledger beside the rooms' own entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airloop.refs import ValidationRef

if TYPE_CHECKING:
    from airloop.refs import SnapshotRef
    from airloop.spec import Pipeline
    from airloop.validation import Validation
    from airloop.workspace import Workspace

VALIDATION = "validation"
"""Kind of the entry that says how a snapshot's validation ended."""


def record_validation(
    workspace: Workspace, pipeline: Pipeline, snapshot: SnapshotRef, digest: str, result: Validation
) -> ValidationRef:
    """Record how the validation of ``snapshot`` ended, also where it blocks the run, and return the ref of it."""
    ref = ValidationRef(
        digest=digest,
        uri=workspace.store.uri("validations", digest),
        quarantined=result.quarantined,
        warnings=tuple(result.warnings),
        docs=result.docs,
    )
    said = {"passed": not result.failed, "reasons": list(result.failures), "expectations": result.expectations}
    payload = ref.model_dump(mode="json") | said | {"rows": snapshot.rows, "partitions": snapshot.partitions}
    # Under the ref's digest: the same rows and expectations, found again, are the same entry.
    workspace.ledger.record(
        VALIDATION, pipeline.name, snapshot.digest, payload, as_of=snapshot.as_of, run_id=ref.digest
    )
    return ref
