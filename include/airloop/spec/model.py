"""A pipeline as its user writes it: every key of ``pipeline.yaml``, its type, default and meaning.

The descriptions below are the reference page (``docs/spec.md`` is generated from them).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from airloop.spec.fields import Budget, Cron, Duration, Name, Size, Windows
from airloop.spec.gates import GATES, AnyGate, ChampionGate, Gate, LimitGate, MetricGate, MetricName, SliceGate
from airloop.spec.section import Section
from airloop.spec.words import Task

__all__ = [
    "Spec", "Source", "Label", "Data", "Features", "Model", "Gate", "MetricGate", "ChampionGate", "SliceGate", "LimitGate",
    "AnyGate", "GATES", "Rollout", "Release", "Autoscale", "Serving", "Place", "Toleration", "Step", "RunsOn", "Arrivals", "Labels", "Drift", "Decay", "Retrain", "Monitor", "Event", "Notify", "Section", "ColumnType",
]  # fmt: skip

Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(ge=1, le=100)]
ColumnType = Literal["number", "integer", "boolean", "text", "time"]


class Source(Section):
    """Where rows come from: files by pattern, or SQL through a connection."""

    path: str | None = None
    """Files (Parquet, or CSV by ending). `{date}` becomes the partition's start as YYYY-MM-DD, `{hour}` as HH. An fsspec URL, absolute, or relative to `AIRLOOP_HOME`."""
    conn_id: str | None = None
    """Airflow connection for `sql`."""
    sql: str | None = None
    """SQL file in the pipeline's folder. `:start`, `:end` and `:as_of` are bound (UTC)."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.path is None) == (self.sql is None) or (self.sql is None) != (self.conn_id is None):
            raise ValueError("give either `path`, or `conn_id` together with `sql`")
        return self


class Label(Section):
    """What is predicted, and when it becomes known."""

    column: str
    """Column with the label. Rows without one are never trained or judged on."""
    known_at: str | None = None
    """Column with the instant at which the label became known; before it the label is invisible. Default: at the event."""


class Data(Section):
    """Rows, their time, their label and the windows cut from them."""

    source: Source
    """Where rows come from."""
    partition: Literal["hour", "day", "none"] = "day"
    """Length of the intervals that rows are kept in; `none` for rows without time (a seeded split is used)."""
    event_time: str | None = None
    """Column with the instant of the event at which a prediction is asked for."""
    timezone: str = "UTC"
    """Zone of times that carry none (IANA name). Everything is kept in UTC."""
    key: tuple[str, ...] = ()
    """Columns that name a row. Two different rows with one key are an error, unless `recorded_at` tells which is later."""
    recorded_at: str | None = None
    """Column with the instant at which this version of the row became known; later corrections are invisible before it."""
    label: Label
    """What is predicted."""
    columns: dict[str, ColumnType] = Field(default_factory=dict)
    """Types that columns must have; others are taken as they come, but must not change between partitions."""
    private: tuple[str, ...] = ()
    """Columns that are never written to the prediction log, reports or golden rows."""
    train_window: Duration = timedelta(days=60)
    """Length of the training rows before the holdout."""
    holdout_window: Duration = timedelta(days=7)
    """Length of the rows that candidate and champion are judged on; later than every training row."""
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of rows held out where `partition: none`."""
    expectations: str | None = None
    """File with Great Expectations, in the pipeline's folder."""
    missing: Literal["warn", "block"] = "warn"
    """What intervals without a row do."""

    @model_validator(mode="after")
    def _time_fits(self) -> Self:
        if (self.partition == "none") != (self.event_time is None):
            raise ValueError("`event_time` is needed unless `partition: none`, and not allowed with it")
        return self


class Features(Section):
    """The code from rows to features: the same in training and in the server."""

    build: str
    """`file.py:function`, DataFrame → DataFrame with the same rows, one at a time or many."""
    inputs: tuple[str, ...] = ()
    """Columns that the function is given, and that a request must carry. Default: all but label, its time and `recorded_at`."""
    arrays: str | None = None
    """`file.py:function`, dict of NumPy arrays → dict of NumPy arrays, equal to `build` but without pandas; the server uses it once verification has proved it equal."""


class Model(Section):
    """What is trained."""

    task: Task
    """What kind of label it is."""
    trainer: str = "xgboost"
    """`xgboost`, `file.py:Class` of the pipeline's folder, or the dotted path of a `Trainer` that is installed everywhere."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Handed to the trainer as they are."""
    rounds: Annotated[int, Field(ge=1)] = 400
    """Most boosting rounds."""
    early_stopping: Annotated[int, Field(ge=0)] = 25
    """Rounds without gain after which training ends; 0 trains all rounds."""
    early_stopping_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Share of the training rows, the latest ones, that early stopping watches."""
    seed: int = 0
    """Of everything random in training."""
    threads: Annotated[int, Field(ge=1)] = 2
    """Threads of a fit, fixed so that the same inputs give the same bytes everywhere."""
    workers: Annotated[int, Field(ge=1)] = 1
    """Processes that a fit is spread over, each with `threads`; pods where `runs_on` puts `train_model` on Kubernetes."""
    replicates: Annotated[int, Field(ge=0, le=50)] = 4
    """Extra fits that measure the noise of training for comparisons with the champion; 0 ignores that noise."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 50
    """Rounds between checkpoints from which a killed training goes on."""
    external_memory_above: Annotated[int, Field(ge=1)] = 20_000_000
    """Training rows above which data is kept on disk instead of in memory."""
    unknown_category: Literal["missing", "refuse"] = "missing"
    """A category never seen in training: treated as missing, or the request is refused."""


class Rollout(Section):
    """The steps that a release climbs, each judged against the champion on live requests."""

    shadow: bool = False
    """Start by sending copies of requests to the candidate, whose answers are compared and never returned."""
    steps: tuple[Percent, ...] = (10, 50, 100)
    """Percent of requests that the candidate answers, rising, the last one 100."""
    min_requests: Annotated[int, Field(ge=1)] = 200
    """Requests to the candidate before a step is judged."""
    step_timeout: Duration = timedelta(minutes=10)
    """Longest wait for `min_requests`; after it the step is INCONCLUSIVE."""
    on_inconclusive: Literal["roll_back", "promote"] = "roll_back"
    """What too few requests lead to."""
    max_failure_rate: Share = 0.0
    """Largest share of failed requests by which the candidate may exceed the champion."""
    max_latency_ratio: Annotated[float, Field(gt=0)] = 2.0
    """Largest ratio of the candidate's p99 latency to the champion's."""

    @field_validator("steps")
    @classmethod
    def _rising_to_full(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
            raise ValueError(f"steps {list(steps)} must rise and end at 100")
        return steps


class Release(Section):
    """Where a model goes live, and who must agree."""

    target: Literal["local", "docker", "kubernetes"] = "local"
    """What serves the model: `local`, the model server on this machine, `docker`, containers behind a gateway, or `kubernetes`, pods in a cluster. Where it is not given, `AIRLOOP_TARGET` says it."""
    approval: Literal["none", "required"] = "none"
    """Whether a person must approve before the bundle is made."""
    approvers: tuple[str, ...] = ()
    """Airflow users who may approve; empty: anyone who may act on the DAG."""
    approval_timeout: Duration = timedelta(hours=24)
    """No answer in this time means no."""
    rollout: Rollout = Rollout()
    """The steps that a release climbs."""
    scan: str | None = None
    """Command that looks at the image before it is released, for example `trivy image --exit-code 1 {image}`; an exit code other than 0 refuses it."""
    keep: Annotated[int, Field(ge=2)] = 3
    """Releases whose images are kept: the live one, the one before it, and older ones."""


class Autoscale(Section):
    """How many pods answer on Kubernetes, by their load."""

    most: Annotated[int, Field(ge=2)]
    """Most pods; `serving.replicas` is the fewest."""
    cpu: Percent = 70
    """Percent of the requested CPU time above which pods are added."""


class Serving(Section):
    """Limits of the model server for this pipeline."""

    max_rows: Annotated[int, Field(ge=1)] = 10_000
    """Most rows in a request; more are refused with 413."""
    log_predictions: bool = True
    """Whether inputs and outputs are kept in the store."""
    cpus: Annotated[float, Field(gt=0)] = 1.0
    """Cores that a container may use."""
    memory: Size = 512_000_000
    """Memory that a container may use; one that needs more is ended and started again."""
    replicas: Annotated[int, Field(ge=1)] = 2
    """Pods of the champion on Kubernetes."""
    autoscale: Autoscale | None = None
    """How their number follows their load on Kubernetes; without it, it stays."""


Place = Literal["worker", "docker", "kubernetes"]


class Toleration(Section):
    """A taint of nodes that a pod puts up with, in Kubernetes' words."""

    key: str | None = None
    """Key of the taint; every one where it is not given."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """Whether `value` must be the taint's, too."""
    value: str | None = None
    """Value of the taint, with `operator: Equal`."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; every one where it is not given."""


class Step(Section):
    """Where one step runs, and what it may use there."""

    on: Place = "worker"
    """`worker`, in Airflow's own worker, `docker`, in a container of its own, or `kubernetes`, in a pod of its own."""
    cpus: Annotated[float, Field(gt=0)] | None = None
    """Cores that the container may use; all where it is not given."""
    memory: Size | None = None
    """Memory that the container may use; all where it is not given."""
    gpus: Annotated[int, Field(ge=0)] = 0
    """GPUs that the container is given."""
    image: str | None = None
    """Image that the container is made of. Default: the project's own, built from the locked requirements."""
    nodes: dict[str, str] = Field(default_factory=dict)
    """Labels of the nodes that a pod may run on."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that a pod puts up with."""
    start_within: Duration = timedelta(minutes=10)
    """Longest wait for a pod to be placed and its image to be there."""
    keep_pod: Literal["never", "failed"] = "never"
    """Whether a pod that failed stays in the cluster, to be looked at."""


class RunsOn(Section):
    """Where the heavy steps run: one word for all, or a word or a section for each."""

    take_snapshot: Step = Step()
    """Reading the source."""
    validate_data: Step = Step()
    """The expectations."""
    train_model: Step = Step()
    """Features, fits and registration."""
    judge_candidate: Step = Step()
    """Scoring candidate and champion."""
    profile_window: Step = Step()
    """Freezing a window's predictions."""
    score_drift: Step = Step()
    """The window against the reference."""
    score_performance: Step = Step()
    """The window's labels."""

    @field_validator("*", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        return {"on": value} if isinstance(value, str) else value


class Arrivals(Section):
    """How many of a window's predictions are waited for."""

    min_rows: Annotated[int, Field(ge=1)] = 100
    """Predictions that a window needs; fewer are INCONCLUSIVE, none at all is an alarm of its own."""
    wait: Duration = timedelta(hours=1)
    """Longest wait for them after the run's instant."""
    volume: Share = 0.2
    """Share of the usual number of rows (the training data's in a window of this length) below which the window warns."""


class Labels(Section):
    """How many of a window's labels are waited for."""

    min_rows: Annotated[int, Field(ge=1)] = 100
    """Labelled predictions that a window needs; fewer are INCONCLUSIVE."""
    min_share: Share = 0.8
    """Share of the window's predictions that must have a label."""
    wait: Duration = timedelta(days=2)
    """Longest wait for them after the run's instant; labels that become known later do not count for the window."""


class Drift(Section):
    """When a window's columns count as moved."""

    method: Literal["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov"] = "psi"
    """Distance between reference and window."""
    warn: Annotated[float, Field(gt=0)] = 0.10
    """Distance that is worth a warning. A window that acted counts as violated until its distances fall below this."""
    act: Annotated[float, Field(gt=0)] = 0.25
    """Distance that counts for retraining."""
    min_rows: Annotated[int, Field(ge=1)] = 500
    """Smaller windows are INCONCLUSIVE."""
    share: Share = 0.25
    """Share of the model's feature importance whose columns must act before the window does. Predictions act alone."""
    false_alarms: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance that 30 days of unchanged data raise an alarm, over all columns and windows."""


class Decay(Section):
    """How much worse than on its holdout a live model may become."""

    metric: MetricName
    """Metric on the window's labelled predictions."""
    warn: Annotated[float, Field(gt=0)]
    """Loss, in the metric's unit, that is worth a warning."""
    act: Annotated[float, Field(gt=0)]
    """Loss that counts for retraining; it must also be sure, not noise."""
    slices: str | None = None
    """Column by whose values the metric is also shown."""


class Retrain(Section):
    """When violated windows lead to a new training."""

    windows: Windows = "2 of 5"
    """How many of the latest windows must be violated, the newest among them."""
    cool_down: Duration = timedelta(days=7)
    """Shortest time between two retrainings; it doubles with each candidate in a row that was not released."""
    at_most: Budget = "2 per week"
    """Budget of retrainings."""
    min_labels: Annotated[int, Field(ge=0)] = 500
    """Labels that must have become known since the champion's data."""
    back_off: Annotated[int, Field(ge=1)] = 8
    """Most times that `cool_down` is multiplied by after candidates that were not released."""


class Monitor(Section):
    """How production is watched."""

    schedule: Cron | None = "0 6 * * *"
    """Cron expression (UTC) of the monitoring; without one it runs by hand."""
    window: Duration = timedelta(days=1)
    """Length of the window that a run looks at; it ends at the last full day (hour, where shorter) before the run's instant."""
    predictions: Arrivals = Arrivals()
    """How many predictions are waited for."""
    labels: Labels = Labels()
    """How many labels are waited for."""
    drift: Drift = Drift()
    """When columns count as moved."""
    performance: tuple[Decay, ...] = ()
    """When the model counts as worse. All metrics of the task are shown in any case."""
    stale_after: Duration = timedelta(days=3)
    """Age of the source's newest row above which the source counts as silent: retraining would not help."""
    fresh_champion_within: Duration | None = None
    """Longest time without a new champion; after it the `no_fresh_champion` alert is told."""
    retrain: Retrain = Retrain()
    """When all that leads to a new training."""


Event = Literal[
    "released", "held", "rejected", "rolled_back", "failed",
    "act", "stale", "no_traffic", "retrain", "no_fresh_champion",
]  # fmt: skip
"""What can be told."""


class Notify(Section):
    """Whom a run tells."""

    on: tuple[Event, ...] = ("rejected", "rolled_back", "failed", "act", "stale", "no_traffic", "no_fresh_champion")
    """What is told."""
    notifier: str
    """`log`, `webhook`, `smtp`, or the dotted path of an Airflow notifier class."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Its arguments; texts are templates."""
    cool_down: Duration = timedelta(hours=1)
    """Time in which the same is not told again."""


class Spec(Section):
    """One model's description."""

    name: Name
    """Name of the pipeline: small letters, digits and `_`; also its folder's name."""
    description: str = ""
    """What the model is for; shown in Airflow."""
    owner: str = "airflow"
    """Who answers for it; shown in Airflow."""
    tags: tuple[str, ...] = ()
    """More tags for its DAGs."""
    schedule: Cron | None = None
    """Cron expression (UTC) of the training; without one it runs by hand and by the retrain asset."""
    data: Data
    """Rows, their time, their label and the windows cut from them."""
    features: Features | None = None
    """Code from rows to features; without it the input columns are the features."""
    model: Model
    """What is trained."""
    gates: tuple[AnyGate, ...] = ()
    """Rules that a candidate must pass. Without any the verdict is HOLD: nothing says that the model is good."""
    release: Release = Release()
    """Where it goes live."""
    runs_on: RunsOn = RunsOn()
    """Where the heavy steps run; `docker` or `kubernetes` alone means all of them."""
    serving: Serving = Serving()
    """Limits of the model server."""
    monitor: Monitor = Monitor()
    """How production is watched."""
    notify: tuple[Notify, ...] = ()
    """Whom a run tells."""

    @field_validator("runs_on", mode="before")
    @classmethod
    def _everywhere(cls, value: Any) -> Any:
        return dict.fromkeys(RunsOn.model_fields, value) if isinstance(value, str) else value

    @field_validator("features", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"build": value} if isinstance(value, str) else value
