"""What tasks hand to each other: small JSON, URIs and digests, never rows.

Every step takes refs and returns one. ``model_dump(mode="json")`` is what travels (XCom, a container's result).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Ref(BaseModel):
    """A pointer to an artifact: ``digest`` names it in the store, ``uri`` says where it lies."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    digest: str
    uri: str


class SnapshotRef(Ref):
    """The partitions that a run at ``as_of`` may see; the digest is the data version."""

    as_of: datetime
    partitions: int
    rows: int
    missing: tuple[str, ...] = ()
    """Starts of the intervals without a row, ISO 8601."""


class ValidationRef(Ref):
    """The merged outcome of all expectations on a snapshot."""

    quarantined: int
    warnings: tuple[str, ...] = ()
    docs: str = ""
    """URI of the Data Docs index page."""


class ModelRef(Ref):
    """A candidate: the fitted model, its schema and feature code, not frozen yet."""

    version: str
    run_id: str
    metrics: dict[str, float] = {}


class Outcome(StrEnum):
    """What all gates say together."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    REJECT = "REJECT"


class VerdictRef(Ref):
    """The verdict on a candidate, with its reasons in plain words."""

    outcome: Outcome
    reasons: tuple[str, ...]
    report: str
    champion_version: str | None = None


class BundleRef(Ref):
    """A content-addressed folder with everything serving needs."""

    version: str
    data_cut_off: datetime
    """``as_of`` of the snapshot it was trained from; forward-only compares this."""


class VerificationRef(Ref):
    """What the real server answered when it was started on the bundle."""

    passed: bool
    reasons: tuple[str, ...]
    latency_p99_ms: float
    bundle_mb: float


class ReleaseOutcome(StrEnum):
    """How a release ended."""

    RELEASED = "RELEASED"
    ROLLED_BACK = "ROLLED_BACK"
    REFUSED = "REFUSED"


class ReleaseRef(Ref):
    """A ledger entry: what was put on the target, or why it was not; ``digest`` is the bundle's."""

    outcome: ReleaseOutcome
    pipeline: str
    target: str
    generation: int
    """Counts the champions of a pipeline on a target from 1; 0 when there is none."""
    version: str
    endpoint: str
    reasons: tuple[str, ...]
