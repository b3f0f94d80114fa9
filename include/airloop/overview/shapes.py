"""What pages are made from: plain values that become JSON as they are.

Instants are UTC. Texts are plain words for people, never HTML. ``ui/src/shapes.ts`` is generated from this file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Shape(msgspec.Struct, frozen=True):
    """Any value of a page."""


Health = Literal["act", "watch", "well", "new", "broken"]
"""``broken``: its description cannot be read. ``new``: nothing was ever released. The others: what monitoring says."""


class Version(Shape, frozen=True, kw_only=True):
    """A version that is, or was, live."""

    version: str
    generation: int
    target: str
    since: datetime
    """When this generation went live."""
    until: datetime | None = None
    """None for what is live."""
    first_live: datetime
    """When its release first went live; another instant than ``since`` after a roll back."""
    data_cut_off: datetime
    kind: Literal["release", "roll_back"]
    by: str = ""
    reasons: tuple[str, ...] = ()
    bundle: str
    image: str = ""


class Number(Shape, frozen=True, kw_only=True):
    """One number of a gate and what it was held against, both in the metric's unit."""

    rule: str
    """The gate in words."""
    metric: str
    is_gain: bool
    """Whether ``value`` is the gain over the champion, positive for the better; else the metric itself."""
    value: float | None
    lower: float | None
    upper: float | None
    threshold: float | None
    side: Literal["least", "most", ""] = ""
    """Where the gate is met: at the threshold and above it, or below it. Of two bounds ``threshold`` is the one that
    the value is nearer to, or beyond. "" where there is none."""


class LastVerdict(Shape, frozen=True, kw_only=True):
    """The newest verdict on a candidate."""

    version: str
    outcome: Literal["PROMOTE", "HOLD", "REJECT"]
    as_of: datetime | None
    recorded_at: datetime
    reasons: tuple[str, ...]
    number: Number | None
    """That of the gate that decided it; None where no gate has one."""
    became: str
    """What came of it: ``released``, ``rolled back``, ``refused``, ``not verified``, ``not approved`` or ``""``."""


class Mark(Shape, frozen=True, kw_only=True):
    """One window of production."""

    window: str
    """Its name: both ends, ISO 8601."""
    start: datetime
    end: datetime
    level: Literal["OK", "WARN", "ACT", "INCONCLUSIVE"]
    value: float | None = None
    """Largest distance of a column (drift) or the main metric (performance)."""
    version: str = ""
    """The version that answered most of it."""
    reasons: tuple[str, ...] = ()


class LastDecision(Shape, frozen=True, kw_only=True):
    """The newest retrain decision."""

    window: str
    action: Literal["RETRAIN", "WAIT"]
    as_of: datetime | None
    reasons: tuple[str, ...]
    is_unanswered: bool
    """Whether it asks for a training and none has answered."""


class Pause(Shape, frozen=True, kw_only=True):
    """Releases are paused."""

    by: str
    reason: str
    since: datetime


class Run(Shape, frozen=True, kw_only=True):
    """A run of one of the pipeline's DAGs."""

    dag_id: str
    run_id: str
    state: str
    since: datetime | None


class Approval(Shape, frozen=True, kw_only=True):
    """A release waits for a person."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    since: datetime
    subject: str
    approvers: tuple[str, ...] = ()
    """Who may answer; empty: everybody who may act."""


class InAirflow(Shape, frozen=True, kw_only=True):
    """What Airflow knows of a pipeline."""

    next_run: datetime | None = None
    is_paused: bool = False
    """Whether the schedule of training is switched off in Airflow."""
    running: Run | None = None
    """The newest run of training that has not ended."""
    approvals: tuple[Approval, ...] = ()
    """Questions that wait for an answer, the oldest first."""


class ModelRow(Shape, frozen=True, kw_only=True):
    """One pipeline in the table of models."""

    name: str
    health: Health
    says: str
    """Why it is of that health, in one line."""
    owner: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    target: str = ""
    champion: Version | None = None
    is_stale: bool = False
    """Whether the champion is older than ``monitor.fresh_champion_within``."""
    verdict: LastVerdict | None = None
    drift: tuple[Mark, ...] = ()
    """The last windows, the oldest first."""
    performance: Mark | None = None
    decision: LastDecision | None = None
    pause: Pause | None = None
    airflow: InAirflow | None = None


class Models(Shape, frozen=True, kw_only=True):
    """The table of models."""

    as_of: datetime
    """When it was looked up."""
    models: tuple[ModelRow, ...]
    problem: str = ""
    """Why the ledger could not be read; then rows have only what their description says."""


class Traffic(Shape, frozen=True, kw_only=True):
    """What a version answers now."""

    version: str
    percent: int
    """Share of the requests that it shall get; for a shadow 0."""
    requests: int
    """Since it got its place."""
    failures: int
    per_second: float | None
    """Over the last seconds; None at the first look."""
    p50_ms: float | None
    p99_ms: float | None


class Live(Shape, frozen=True, kw_only=True):
    """What a target serves of a pipeline now."""

    pipeline: str
    target: str
    endpoint: str = ""
    champion: Traffic | None = None
    candidate: Traffic | None = None
    is_shadow: bool = False
    problem: str = ""
    """Why nothing is known: the target does not answer."""
    differences: tuple[str, ...] = ()
    """Where the target serves something else than the ledger says."""


class Rights(Shape, frozen=True, kw_only=True):
    """What the user may do with a pipeline."""

    train: bool = False
    monitor: bool = False
    roll_back: bool = False
    pause: bool = False
    answer: bool = False
    """Say yes or no to a release that waits, where its approvers are not named."""


class Pipeline(Shape, frozen=True, kw_only=True):
    """The head of one pipeline's page."""

    row: ModelRow
    gates: tuple[str, ...]
    """Each in words."""
    steps: tuple[str, ...]
    """Of the rollout, in words."""
    schedule: str
    """In words; empty: by hand."""
    watched: str
    """When monitoring runs, in words."""
    approvers: tuple[str, ...]
    versions: tuple[Version, ...]
    """Everything that was ever live, the newest first."""
    problem: str = ""
    """Why its description cannot be read."""
    rights: Rights = Rights()


class Happened(Shape, frozen=True, kw_only=True):
    """One thing on the time line."""

    at: datetime
    """On the clock of the data where it has one (``as_of``), else when it was recorded."""
    recorded_at: datetime
    kind: Literal[
        "cut_off",
        "verdict",
        "verification",
        "released",
        "rolled_back",
        "refused",
        "roll_back",
        "decision",
        "asked",
        "approval",
        "pause",
        "resume",
        "backtest",
        "blocked",
    ]
    """``rolled_back``: a rollout that was judged worse. ``roll_back``: a person went back. ``blocked``: a run ended, as
    its data did not meet what is expected of it."""
    word: str
    """PROMOTE, HOLD, REJECT, RETRAIN, …, or ""."""
    title: str
    reasons: tuple[str, ...]
    version: str = ""
    by: str = ""
    why: str = ""
    """Query of the page that tells why, for example ``version=3``; "" where there is none."""


class Span(Shape, frozen=True, kw_only=True):
    """How long a version was live."""

    version: str
    generation: int
    start: datetime
    end: datetime | None
    target: str


class BandPoint(Shape, frozen=True, kw_only=True):
    """A metric in one window."""

    window: str
    start: datetime
    end: datetime
    level: Literal["OK", "WARN", "ACT", "INCONCLUSIVE"]
    version: str
    value: float | None
    lower: float | None
    upper: float | None
    is_estimated: bool
    rows: int


class Band(Shape, frozen=True, kw_only=True):
    """A metric over windows, and what it is held against."""

    metric: str
    more_is_better: bool
    reference: float | None
    """The champion's on its holdout, at the last window."""
    warn: float | None
    act: float | None
    points: tuple[BandPoint, ...]


class TimeLine(Shape, frozen=True, kw_only=True):
    """What happened to a pipeline, the oldest first."""

    events: tuple[Happened, ...]
    spans: tuple[Span, ...]
    drift: tuple[Mark, ...]
    drift_warn: float | None
    drift_act: float | None
    drift_method: str
    bands: tuple[Band, ...]
    left_out: int = 0
    """How many older events there are."""
    until: datetime | None = None
    """Where the clock of the data stands, which is where all that is open ends; None: now. Another instant where a past
    was replayed."""


class Ranked(Shape, frozen=True, kw_only=True):
    """A version on the leaderboard."""

    version: str
    as_of: datetime | None
    outcome: str
    against: str
    made_by: Literal["run", "backtest"]
    value: float | None
    lower: float | None
    upper: float | None
    live: Literal["live", "was live", ""]


class Leaderboard(Shape, frozen=True, kw_only=True):
    """Every version that was judged, the newest data first, each on its own holdout."""

    metric: str
    metrics: tuple[str, ...]
    more_is_better: bool
    rows: tuple[Ranked, ...]
    left_out: int = 0
    """How many older ones there are."""


class SliceOfGate(Shape, frozen=True, kw_only=True):
    """One group of rows of a gate on slices."""

    name: str
    status: str
    rows: int
    value: float | None
    lower: float | None
    upper: float | None
    reason: str


class Gate(Shape, frozen=True, kw_only=True):
    """What one gate said of a candidate."""

    number: Number
    status: Literal["PASS", "FAIL", "UNDECIDED", "LATER"]
    reason: str
    is_shadow: bool
    rows: int
    champion: float | None
    confidence: float | None
    margin: float | None
    """How far the number that decides is beyond the threshold; negative where it falls short."""
    needed_rows: int | None
    """What is missing: further labelled rows."""
    slices: tuple[SliceOfGate, ...] = ()


class Stage(Shape, frozen=True, kw_only=True):
    """One station of the chain that a candidate came to."""

    name: str
    """The task's id."""
    state: Literal["done", "ended", "running", "waiting", "not reached"]
    """``ended``: the chain ended here."""
    says: str = ""
    at: datetime | None = None


class Candidate(Shape, frozen=True, kw_only=True):
    """The last candidate, or one that is named, and how far it came."""

    version: str
    against: str
    outcome: Literal["PROMOTE", "HOLD", "REJECT"]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: int
    as_of: datetime | None
    gates: tuple[Gate, ...]
    stages: tuple[Stage, ...]
    report: str = ""
    """Address of the judgement's page, below ``/airloop``."""
    problem: str = ""
    """Why the details are gone; then ``gates`` is empty."""


class Rung(Shape, frozen=True, kw_only=True):
    """One step of a rollout."""

    label: str
    percent: int
    is_shadow: bool
    state: Literal["passed", "now", "to come", "failed", "skipped"]
    reasons: tuple[str, ...] = ()


class Ladder(Shape, frozen=True, kw_only=True):
    """The rollout that is under way, or else the last one."""

    is_running: bool
    target: str
    candidate: str
    champion: str
    rungs: tuple[Rung, ...]
    needed: int
    """Requests that a step needs."""
    live: Live | None
    ended: str = ""
    """RELEASED, ROLLED_BACK or REFUSED; "" while it runs."""
    ended_at: datetime | None = None
    reasons: tuple[str, ...] = ()


class Validated(Shape, frozen=True, kw_only=True):
    """One validation of a snapshot."""

    snapshot: str
    as_of: datetime
    rows: int | None
    partitions: int | None
    quarantined: int
    passed: bool
    """Whether the run could go on."""
    expectations: int | None
    """How many there are; 0: nothing was checked."""
    failures: tuple[str, ...]
    """Why the run was stopped, in words; empty where it was not."""
    warnings: tuple[str, ...]
    docs: str = ""
    """Address of its Data Docs, below ``/airloop``."""


class Validations(Shape, frozen=True, kw_only=True):
    """Validations, the newest first."""

    rows: tuple[Validated, ...]


class Backtested(Shape, frozen=True, kw_only=True):
    """One walk-forward backtest."""

    digest: str
    at: datetime
    headline: str
    sentences: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    """Of the last interval; of backtests from before it was recorded the last ``as_of``."""
    models: int
    """Candidates that were judged."""
    report: str
    """Address of its page, below ``/airloop``."""


class Backtests(Shape, frozen=True, kw_only=True):
    """Walk-forward backtests, the newest first."""

    rows: tuple[Backtested, ...]


class Part(Shape, frozen=True, kw_only=True):
    """One partition of a snapshot."""

    start: datetime | None
    digest: str
    rows: int


class Made(Shape, frozen=True, kw_only=True):
    """One link of the chain that a version came from."""

    name: str
    """``spec``, ``snapshot``, ``validation``, ``model``, ``verdict``, ``approval``, ``bundle``, ``image``, …"""
    what: str
    """A digest, a reference, a commit or a person."""
    says: tuple[str, ...]
    state: Literal["holds", "gone", "broken", "unknown"]
    problem: str = ""
    url: str = ""


class Lineage(Shape, frozen=True, kw_only=True):
    """What a version was made from."""

    version: str
    links: tuple[Made, ...]
    partitions: tuple[Part, ...]
    commit: str
    """"" where nobody knows; ends with ``with changes`` where files were not committed."""
    is_signed: bool
    """Whether a signed statement of its release is kept."""
    left_out: int = 0
    """How many older partitions there are."""
    problem: str = ""


class Because(Shape, frozen=True, kw_only=True):
    """One reason."""

    text: str
    state: Literal["good", "bad", "open", "told"]
    """Whether it speaks for, against, is undecided, or only tells."""


class Proof(Shape, frozen=True, kw_only=True):
    """Something to look at."""

    title: str
    text: str = ""
    url: str = ""
    """Address below ``/airloop``, or a page of Airflow's own; "" where there is none."""
    digest: str = ""


class Related(Shape, frozen=True, kw_only=True):
    """Another page that tells why."""

    title: str
    query: str


class Why(Shape, frozen=True, kw_only=True):
    """One answer in plain words, with the evidence behind it."""

    question: str
    answer: str
    """One or two sentences."""
    word: str
    """PROMOTE, HOLD, RELEASED, RETRAIN, skipped, …: for the badge."""
    at: datetime | None
    by: str = ""
    because: tuple[Because, ...]
    next: tuple[str, ...]
    """What would change it, or what happens next."""
    proofs: tuple[Proof, ...]
    related: tuple[Related, ...] = ()
    look_again: datetime | None = None
    """Of a window: the instant as of which monitoring looks at it once more; None where none does."""


class GoingBack(Shape, frozen=True, kw_only=True):
    """What a roll back would do."""

    live: Version | None
    to: Version | None
    choices: tuple[Version, ...]
    """Versions that it may go back to, the newest first, each once."""
    changes: tuple[str, ...]
    """What will be different, in words."""
    warnings: tuple[str, ...]
    problem: str = ""
    """Why it cannot be done."""


class Person(Shape, frozen=True, kw_only=True):
    """Who looks."""

    name: str
    may_see: int
    """Number of pipelines that they may see."""


class Placed(Shape, frozen=True, kw_only=True):
    """What a page of Airflow is about: a pipeline, or none of ours."""

    pipeline: str
    tab: Literal["", "why", "time-line", "candidate", "rollout", "data", "window"]
    query: str
    """Query of the page that tells why, "" where there is none."""
    version: str = ""
    """The version that came of the run; "" where none did, or none yet."""
