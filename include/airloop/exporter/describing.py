"""Descriptions of pipelines, read again only when one of their files has changed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airloop.errors import SpecError
from airloop.exporter.facts import Rules
from airloop.spec import Spec, load
from airloop.spec.gates import LimitGate
from airloop.spec.load import names

_MS = 1e-3


class Describing:
    """The rules of the pipelines in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[object, Rules | None]] = {}

    def look(self) -> dict[str, Rules | None]:
        """Return each pipeline's rules, None where its description is wrong. Raises SpecError without the folder."""
        self._known = {name: self._look(name) for name in names(self._folder)}
        return {name: rules for name, (_, rules) in self._known.items()}

    def _look(self, name: str) -> tuple[object, Rules | None]:
        folder = self._folder / name
        stamp = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir() if path.is_file())
        known = self._known.get(name)
        if known is not None and known[0] == stamp:
            return known
        try:
            return stamp, rules_of(load(folder).spec)
        except SpecError:
            return stamp, None


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
