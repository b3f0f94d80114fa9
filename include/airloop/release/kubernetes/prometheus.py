"""What a version did, as a Prometheus knows it that scrapes the servers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airloop.errors import Unreachable

TIMEOUT_S = 10.0
COUNTS = ("requests", "failures")
QUANTILES = {"latency_p50_ms": 0.5, "latency_p99_ms": 0.99}


@dataclass(frozen=True)
class Prometheus:
    """The server at ``url``, whose series carry the label ``namespace`` beside those of the servers.

    What happened ``since`` is asked for, and not what counters say now: these fall when a pod goes.
    """

    url: str
    since: datetime

    def stats(self, namespace: str, pipeline: str, version: str) -> dict[str, Any]:
        """Return a version's counts, also of pods that are gone, in the words of the servers.

        Raises Unreachable when Prometheus does not answer, or does not understand.
        """
        which = f'namespace="{namespace}",pipeline="{pipeline}",version="{version}"'
        span = f"{max(math.ceil((datetime.now(UTC) - self.since).total_seconds()), 1)}s"
        counts = {
            name: round(self._ask(f"sum(increase(airloop_version_{name}_total{{{which}}}[{span}]))")) for name in COUNTS
        }
        buckets = f"sum by (le) (increase(airloop_request_seconds_bucket{{{which}}}[{span}]))"
        asked = {name: f"1000 * histogram_quantile({share}, {buckets})" for name, share in QUANTILES.items()}
        return counts | {name: self._ask(query) for name, query in asked.items()}

    def _ask(self, query: str) -> float:
        import httpx

        try:
            answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=TIMEOUT_S, trust_env=False)
            found = answer.raise_for_status().json()["data"]["result"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise Unreachable(f"Prometheus at {self.url} does not tell: {error}. Check AIRLOOP_PROMETHEUS") from error
        value = float(found[0]["value"][1]) if found else 0.0
        return value if value == value else 0.0  # NaN: nothing was counted
