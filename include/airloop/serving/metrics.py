"""What the server counts, and how Prometheus reads it. Counting is plain addition; text is made when asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.serving.stats import Stats

if TYPE_CHECKING:
    from airloop.serving.journal import Journal

STATUS = Path("/proc/self/status")
BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters of the whole process; they only rise, also when versions come and go."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], Stats] = {}
        self.statuses: Counter[tuple[str, str, int]] = Counter()
        """Responses by pipeline, version and status; version "" where none was chosen."""
        self.in_flight = 0

    def of(self, pipeline: str, version: str) -> Stats:
        """Return the counters of one version."""
        return self.versions.setdefault((pipeline, version), Stats())

    def text(self, journal: Journal | None) -> bytes:
        """Return everything in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(_Collector(self, journal))
        return generate_latest(registry)


def memory_mb() -> float:
    """Return what this process holds in memory (resident), megabytes of 1,000,000 bytes; 0.0 where nobody tells."""
    try:
        lines = STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:")), 0.0)


class _Collector:
    def __init__(self, metrics: Metrics, journal: Journal | None) -> None:
        self._metrics = metrics
        self._journal = journal

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        yield from self._responses()
        yield from self._versions()
        yield from self._process()

    def _responses(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        labels = ["pipeline", "version", "status"]
        responses = CounterMetricFamily("airloop_requests", "Inference requests by their response", labels=labels)
        for (pipeline, version, status), count in list(self._metrics.statuses.items()):
            responses.add_metric([pipeline, version, str(status)], count)
        yield responses

    def _versions(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        labels = ["pipeline", "version"]
        asked = CounterMetricFamily("airloop_version_requests", "Requests that count for a version", labels=labels)
        failed = CounterMetricFamily("airloop_version_failures", "Those that it did not answer", labels=labels)
        rows = CounterMetricFamily("airloop_rows", "Rows predicted", labels=labels)
        shadows = CounterMetricFamily("airloop_shadow_requests", "Requests copied to a candidate", labels=labels)
        dropped = CounterMetricFamily("airloop_shadow_dropped", "Copies dropped: the queue was full", labels=labels)
        latency = HistogramMetricFamily(
            "airloop_request_seconds", "From the request's last byte to the answer's first", labels=labels
        )
        for key, stats in list(self._metrics.versions.items()):
            asked.add_metric(key, stats.requests)
            failed.add_metric(key, stats.failures)
            rows.add_metric(key, stats.rows)
            shadows.add_metric(key, stats.shadow_requests)
            dropped.add_metric(key, stats.shadow_dropped)
            buckets = [(str(bound), float(stats.latency.up_to(bound))) for bound in BUCKETS_S]
            latency.add_metric(key, [*buckets, ("+Inf", float(stats.latency.count))], stats.latency.total_s)
        yield from (asked, failed, rows, shadows, dropped, latency)

    def _process(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield GaugeMetricFamily("airloop_in_flight", "Requests being answered", self._metrics.in_flight)
        if self._journal is not None:
            journal = self._journal
            yield GaugeMetricFamily("airloop_log_backlog_bytes", "Log entries not yet in the store", journal.backlog)
            yield CounterMetricFamily("airloop_log_entries", "Log entries written", journal.entries)
            yield CounterMetricFamily("airloop_log_dropped", "Log entries dropped: no room", journal.dropped)
