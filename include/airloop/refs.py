"""What tasks hand to each other: small JSON, URIs and digests, never rows.

Every step takes refs and returns one. ``model_dump(mode="json")`` is what travels (XCom, a container's result).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Handed(BaseModel):
    """Anything that one task hands to the next."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Ref(Handed):
    """A pointer to an artifact: ``digest`` names it in the store, ``uri`` says where it lies."""

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
    signature: str = ""
    """Digest, in the store, of the bundle's signature."""
    image: str = ""
    """What runs it, by its digest: ``registry/name@sha256:…`` or the engine's ``sha256:…``; "" where none is made."""
    sbom: str = ""
    """Digest, in the store, of what is in the image."""


class VerificationRef(Ref):
    """What the real server answered when it was started on the bundle."""

    passed: bool
    reasons: tuple[str, ...]
    latency_p99_ms: float
    bundle_mb: float
    image: str = ""
    """The very image that was started; "" where the bundle was served by a process."""


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
    image: str = ""
    """What was put on the target, by its digest; "" where bundles are served as they are."""
    evidence: str = ""
    """Digest, in the store, of the signed statement that says why it may be live."""


class Level(StrEnum):
    """What monitoring says about a window, or about one thing in it."""

    OK = "OK"
    WARN = "WARN"
    ACT = "ACT"
    INCONCLUSIVE = "INCONCLUSIVE"


class PredictionsArrived(Handed):
    """What has arrived of a window's predictions when the waiting ended."""

    start: datetime
    end: datetime
    """The window is ``[start, end)``, UTC, on the clock of the events."""
    as_of: datetime
    rows: int
    is_enough: bool
    reasons: tuple[str, ...] = ()
    """Why it is not enough, or what is odd about it."""


class LabelsArrived(Handed):
    """What has become known of a window's labels when the waiting ended."""

    start: datetime
    end: datetime
    as_of: datetime
    known_until: datetime
    """Labels known before this instant count for the window; on a fixed grid, so that a late run finds the same."""
    predictions: int
    labelled: int
    is_enough: bool
    source: str = "fresh"
    """``fresh``, ``stale`` (nothing new lands) or ``broken`` (what lands cannot be read): with the last two retraining
    would not help."""
    reasons: tuple[str, ...] = ()


class WindowRef(Ref):
    """A window's predictions, each row once, frozen with their profile; the digest is of what they are."""

    start: datetime
    end: datetime
    as_of: datetime
    rows: int
    version: str
    """The version that answered most of them; "" without rows."""
    bundle: str
    """Digest of its bundle."""


class DriftRef(Ref):
    """How far a window has moved from what its model was trained on."""

    level: Level
    reasons: tuple[str, ...]
    missing_rows: int = 0
    """Rows that a decision still needs."""
    distance: float | None = None
    """Largest distance, by the spec's method, of what the model uses or says and that differs for sure or hardly; None
    where nothing has one."""


class PerformanceRef(Ref):
    """How good the model was in a window, by the labels that had become known."""

    level: Level
    reasons: tuple[str, ...]
    labelled: int
    metrics: dict[str, float] = {}
    estimated: dict[str, float] = {}
    """Metrics expected from the predictions alone, without labels."""
    missing_rows: int = 0
    baseline: dict[str, float] = {}
    """Metrics on the model's own holdout, of those that a rule compares."""


class Action(StrEnum):
    """What the retrain policy says."""

    RETRAIN = "RETRAIN"
    WAIT = "WAIT"


class DecisionRef(Ref):
    """The one decision on a window; the ledger has it under the window's name, the store has the window's page."""

    window: str
    action: Action
    as_of: datetime
    """What a retraining may see."""
    reasons: tuple[str, ...]
    report: str
    is_binding: bool = True
    """Whether it stands in the ledger; a backfill's does not."""


class ClaimRef(Handed):
    """The retrain decisions that a training answers; none where another run answers them already."""

    windows: tuple[str, ...]
    as_of: datetime | None
    """The newest ``as_of`` among them."""
    reasons: tuple[str, ...]
