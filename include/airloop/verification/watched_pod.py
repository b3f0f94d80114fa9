"""A pod with a server under verification: when it answers, what is seen of it, and what its end means."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airloop.cluster.confined import STARTUP_S
from airloop.cluster.diagnosis import trouble_of
from airloop.cluster.server_pod import CONTAINER
from airloop.errors import BundleError, ClusterRefused, Unreachable
from airloop.spec.fields import format_size
from airloop.verification import confinement

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.serving.client import ServerClient
    from airloop.spec.model import Serving
    from airloop.verification.running import Silent

START_S = STARTUP_S - 10.0
"""Longest wait for the server to answer once it runs: the kubelet would end it soon after."""
LOOK_S = 0.5
"""Between two looks at the pod while the server does not answer."""
PROBE = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
TOLD_TO = (0, 128 + 9, 128 + 15)
"""Exit codes of a server that somebody stopped."""
LOG_LINES = 5
"""Last lines of the server's log that a reason carries."""


@dataclass(frozen=True)
class WatchedPod:
    """A pod with a server, and what is seen of it from outside and inside."""

    cluster: Cluster
    name: str
    serving: Serving

    def wait(self, token: str, placed_s: float) -> float:
        """Return when the server first answered, by ``time.monotonic``; it must run within ``placed_s`` seconds.

        Raises BundleError when it died or was too slow, ClusterRefused when the cluster cannot run it, Unreachable.
        """
        placed_by = time.monotonic() + placed_s
        answered_by = None
        with self.cluster.door(self.name, token) as server:
            while True:
                state = self._state("at its start")
                if "running" in state:
                    answered_by = answered_by or time.monotonic() + START_S
                    if _answers_within(server, LOOK_S):
                        return time.monotonic()
                    if time.monotonic() > answered_by:
                        raise BundleError(f"the server did not answer within {START_S:g} s: {self._last_lines()}")
                    continue
                self._refuse_if_stuck(placed_s if time.monotonic() > placed_by else None)
                time.sleep(LOOK_S)

    def cause(self, silence: Silent) -> BundleError | Unreachable:
        """Return why the server fell silent: its own fault, or that of what is around it, which is no verdict."""
        try:
            self._state("while it was asked")
        except (BundleError, Unreachable) as error:
            return error
        return Unreachable(f"{silence}. Its pod still runs: does the API server reach it? Try again")

    def look_inside(self) -> confinement.Seen:
        """Return what a process beside the server sees. Raises BundleError when there can be none."""
        ended, said = self.cluster.run(self.name, CONTAINER, ["python", "-I", "-c", PROBE])
        if ended:
            raise BundleError(f"the pod cannot be looked into (exit code {ended}): {said[-300:]}")
        return msgspec.json.decode(said, type=confinement.Seen)

    def _state(self, when: str) -> dict[str, Any]:
        """Return the container's state; raise what its end means where it has ended."""
        pod = self.cluster.get("v1", "Pod", self.name)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            raise Unreachable(f"the pod {self.name} was deleted {when}, not by itself. Try again")
        told: list[dict[str, Any]] = pod["status"].get("containerStatuses") or [{}]
        state: dict[str, Any] = told[0].get("state", {})
        if "terminated" in state:
            raise self._death(state["terminated"], when)
        if pod["status"].get("phase") == "Failed":
            why = pod["status"].get("message") or pod["status"].get("reason") or "no word"
            raise Unreachable(f"the cluster ended the pod {self.name} {when} ({why}). Try again")
        return state

    def _death(self, ended: dict[str, Any], when: str) -> BundleError | Unreachable:
        code, why = ended["exitCode"], f"exit code {ended['exitCode']}"
        if ended.get("reason") == "OOMKilled":
            why = f"it needed more memory than serving.memory allows, {format_size(self.serving.memory)}"
        elif code in TOLD_TO:
            return Unreachable(
                f"the server was stopped {when} ({why}), not by itself: by the cluster, or by hand? Try again"
            )
        return BundleError(f"the server died {when} ({why}): {self._last_lines()}")

    def _refuse_if_stuck(self, late_s: float | None) -> None:
        trouble = trouble_of(self.cluster, self.name)
        if trouble is not None and trouble.is_final:
            raise ClusterRefused(f"the image cannot be verified: {trouble.reason}")
        if late_s is not None:
            why = trouble.reason if trouble else f"nothing is heard of pod {self.name}"
            raise Unreachable(f"the image cannot be verified yet, after {late_s:g} s: {why}")

    def _last_lines(self) -> str:
        said = self.cluster.logs(self.name, CONTAINER, lines=LOG_LINES)
        return " | ".join(said.splitlines()) or "its log is empty"


def _answers_within(server: ServerClient, longest_s: float) -> bool:
    until = time.monotonic() + longest_s
    while not server.ready():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
