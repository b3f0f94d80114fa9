"""The rules that a candidate must pass: four kinds of gates, told apart by their keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from airloop.spec.section import Section
from airloop.spec.words import METRICS

MetricName = Annotated[str, Field(json_schema_extra={"enum": sorted(METRICS)})]
"""One of ``METRICS``; that it is known and fits the task is checked when a pipeline is loaded."""


class Gate(Section):
    """What every gate has."""

    mode: Literal["enforce", "shadow"] = "enforce"
    """`shadow` reports and never decides."""


class MetricGate(Gate):
    """An absolute bound on a metric."""

    metric: MetricName
    """Name of the metric."""
    min: float | None = None
    """Least value allowed."""
    max: float | None = None
    """Largest value allowed."""
    min_rows: Annotated[int, Field(ge=1)] = 100
    """Fewer labelled holdout rows than this give HOLD."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give `min` or `max`: a gate without a bound decides nothing")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}: no value can pass")
        return self


class ChampionGate(Gate):
    """The candidate against the champion, both scored on the same later rows."""

    metric: MetricName
    """Name of the metric."""
    versus: Literal["champion"]
    """What it is compared with."""
    margin: Annotated[float, Field(ge=0)] = 0.0
    """How much worse than the champion is still acceptable (non-inferiority), in the metric's unit."""
    min_gain: Annotated[float, Field(ge=0)] = 0.0
    """Least gain worth a release, in the metric's unit; above 0 the candidate must be proved better."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the paired bound; shared between several such gates (Holm)."""
    min_rows: Annotated[int, Field(ge=1)] = 500
    """Fewer labelled holdout rows than this give HOLD."""


class SliceGate(MetricGate):
    """An absolute bound on a metric in every group of rows."""

    slices: str
    """Column whose values name the groups."""
    min_rows: Annotated[int, Field(ge=1)] = 200
    """Smaller groups are listed, not judged."""


class LimitGate(Gate):
    """Bounds on what serving costs, measured when the bundle is verified."""

    latency_p99_ms: Annotated[float, Field(gt=0)] | None = None
    """Largest 99th percentile of one-row requests, milliseconds."""
    bundle_mb: Annotated[float, Field(gt=0)] | None = None
    """Largest bundle, megabytes of 1,000,000 bytes."""
    start_s: Annotated[float, Field(gt=0)] | None = None
    """Longest time from starting the server until it answers, seconds."""
    memory_mb: Annotated[float, Field(gt=0)] | None = None
    """Largest memory of the server once it has answered, megabytes of 1,000,000 bytes."""
    image_mb: Annotated[float, Field(gt=0)] | None = None
    """Largest image, unpacked, megabytes of 1,000,000 bytes; not with `release.target: local`, which has none."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.limits():
            *others, last = (f"`{name}`" for name in LIMIT_WORDS)
            raise ValueError(f"give {', '.join(others)} or {last}")
        return self

    def limits(self) -> dict[str, float]:
        """Return key → largest value allowed, of those given."""
        return {name: most for name in LIMIT_WORDS if (most := getattr(self, name)) is not None}


LIMIT_WORDS = {
    "latency_p99_ms": ("p99 latency", "ms"),
    "bundle_mb": ("bundle", "MB"),
    "start_s": ("start", "s"),
    "memory_mb": ("memory", "MB"),
    "image_mb": ("image", "MB"),
}
"""What a LimitGate can bound: key → words and unit."""


GATES: dict[str, type[Gate]] = {
    "metric": MetricGate,
    "champion": ChampionGate,
    "slices": SliceGate,
    "limits": LimitGate,
}
"""Kind → class, in the order of the reference page."""


def _kind_of_gate(value: Any) -> str:
    keys = set(value) if isinstance(value, dict) else set(getattr(type(value), "model_fields", ()))
    if any(str(key).startswith(("latency", "bundle", "start", "memory", "image")) for key in keys):
        return "limits"
    if keys & {"versus", "margin", "min_gain", "confidence"}:
        return "champion"
    return "slices" if "slices" in keys else "metric"


AnyGate = Annotated[
    Annotated[MetricGate, Tag("metric")]
    | Annotated[ChampionGate, Tag("champion")]
    | Annotated[SliceGate, Tag("slices")]
    | Annotated[LimitGate, Tag("limits")],
    Discriminator(_kind_of_gate),
]
