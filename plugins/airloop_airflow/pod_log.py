"""A pod's log, passed on to the task's line by line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airloop_airflow.container_log import ContainerLog
from airloop_airflow.pod_manifest import CONTAINER

if TYPE_CHECKING:
    from airloop.cluster import Cluster

APART_S = 120
"""How far the clocks of a node and of this machine may be apart: so much of a log is read again, and left out."""


class PodLog(ContainerLog):
    """Reads the log of the step in ``pod`` from where it was left, and writes it to ``log``."""

    def __init__(self, cluster: Cluster, pod: str, log: Any) -> None:
        super().__init__(None, pod, log)
        self.cluster = cluster

    def _lines(self, *, follow: bool) -> Iterator[str]:
        for entry in self._entries(follow=follow):
            when, _, line = entry.decode(errors="replace").rstrip("\r\n").partition(" ")
            with suppress(ValueError):  # the kubelet's own words, for example that the log is gone, carry no time
                if (moment := sortable(when)) > self.seen:
                    self.seen = moment
                    yield line

    def _entries(self, *, follow: bool) -> Iterator[bytes]:
        from kubernetes.client import ApiException

        since = int(time.time() - datetime.fromisoformat(self.seen).timestamp()) + APART_S if self.seen else None
        try:
            answer = self.cluster.core.read_namespaced_pod_log(
                self.container,
                self.cluster.namespace,
                container=CONTAINER,
                follow=follow,
                timestamps=True,
                since_seconds=max(since, 1) if since is not None else None,
                _preload_content=False,
            )
        except ApiException as error:
            if error.status in (401, 403):
                raise
            self.log.debug("the log cannot be read now: %s", error.reason)
            return
        try:
            yield from answer
        finally:
            answer.close()


def sortable(when: str) -> str:
    """Return an instant in a node's words, RFC 3339, as UTC with nine digits: such instants sort as text."""
    seconds, _, rest = when.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if rest else ""
    moment = datetime.fromisoformat(f"{seconds}{zone}").astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{digits:0<9}+00:00"
