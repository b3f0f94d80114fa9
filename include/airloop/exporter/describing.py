"""What descriptions of pipelines ask for, as far as metrics are held against it."""

from __future__ import annotations

from datetime import timedelta

from airloop.exporter.facts import Rules
from airloop.spec import Spec
from airloop.spec.gates import LimitGate

_MS = 1e-3


def rules_of(spec: Spec) -> Rules:
    """Return what metrics are held against."""
    latencies = [gate.latency_p99_ms for gate in spec.gates if isinstance(gate, LimitGate) and gate.latency_p99_ms]
    return Rules(
        target=spec.release.target,
        owner=spec.owner,
        window_s=spec.monitor.window.total_seconds(),
        drift={"warn": spec.monitor.drift.warn, "act": spec.monitor.drift.act},
        fresh_within_s=_seconds(spec.monitor.fresh_champion_within),
        latency_s=min(latencies) * _MS if latencies else None,
    )


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
