"""What a version's pods tell of themselves, put together as if one server had told it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from airloop.errors import Unreachable
from airloop.release.answers import Answers
from airloop.serving.refusal import Refusal
from airloop.serving.stats import Latency

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.gateway.route import Upstream
    from airloop.release.kubernetes.prometheus import Prometheus
    from airloop.serving.client import ServerClient

log = logging.getLogger(__name__)
T = TypeVar("T")
AT_ONCE = 8
"""Pods that are asked at the same time."""
Stats = dict[str, Any]


@dataclass
class Asking:
    """Asks pods through the API server; ``pods`` are those that answer requests, by Deployment.

    A pod that does not answer tells nothing: it ended meanwhile, or its node is gone.
    """

    cluster: Cluster
    pipeline: str
    token: str
    pods: Mapping[str, list[str]]
    prometheus: Prometheus | None = None
    """Knows requests, failures and latencies of all pods, also of those that are gone."""

    def stats(self, upstream: Upstream) -> Stats | None:
        """Return what all pods of a version counted; None when none of them serves it."""
        told = self._asked(upstream, lambda server: server.get_state(self.pipeline))
        mine = [one["stats"].get(upstream.version, {}) for one in told if _serves(one, upstream)]
        if not mine:
            return None
        if self.prometheus:
            return merged(mine) | self.prometheus.stats(self.cluster.namespace, self.pipeline, upstream.version)
        return merged(mine)

    def answers(self, upstream: Upstream) -> Answers:
        """Return the latest answers of a version, by the id under which they are compared."""
        told = self._asked(upstream, lambda server: server.answers(self.pipeline))
        return {identity: answers for each in told for identity, answers in each.items()}

    def recount(self, upstreams: Iterable[Upstream]) -> None:
        """Have pods count anew."""
        for upstream in upstreams:
            self._asked(upstream, lambda server: server.recount(self.pipeline))

    def flush(self, upstream: Upstream) -> None:
        """Have pods write their prediction logs. Raises Unreachable and Refusal: nothing may be missing."""
        for pod in self.pods.get(upstream.server, ()):
            with self.cluster.door(pod, self.token) as server:
                server.flush()

    def _asked(self, upstream: Upstream, ask: Callable[[ServerClient], T]) -> list[T]:
        pods = self.pods.get(upstream.server, [])
        if not pods:
            return []
        with ThreadPoolExecutor(min(AT_ONCE, len(pods))) as crew:
            return [told for told in crew.map(lambda pod: self._ask(pod, ask), pods) if told is not None]

    def _ask(self, pod: str, ask: Callable[[ServerClient], T]) -> T | None:
        try:
            with self.cluster.door(pod, self.token) as server:
                return ask(server)
        except (Unreachable, Refusal) as error:
            log.warning("%s does not answer: %s", pod, error)
            return None


def merged(told: Iterable[Mapping[str, Any]]) -> Stats:
    """Return the counts of several pods as one; latencies are those of all requests together, not means of means."""
    every = [one for one in told if one]
    if not every:
        return {}
    names = {name for one in every for name, value in one.items() if isinstance(value, int | float)}
    counts: Stats = {name: sum(one.get(name, 0) for one in every) for name in names}
    latency = Latency.from_json(*(one.get("latency_counts", {}) for one in every))
    largest = max(one.get("shadow_largest_difference", 0.0) for one in every)
    return counts | {
        "latency_p50_ms": latency.quantile_ms(0.5),
        "latency_p99_ms": latency.quantile_ms(0.99),
        "shadow_largest_difference": largest,
    }


def _serves(told: Mapping[str, Any], upstream: Upstream) -> bool:
    champion = told["champion"]
    return bool(champion and champion["bundle"] == upstream.bundle)
