"""Who answers which share of the requests where one Service leads to any of its pods with the same chance."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airloop.cluster import GROUP, name_of
from airloop.errors import BundleError
from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes import manifests, shares
from airloop.release.kubernetes.conditions import is_ready

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.spec.model import Rollout, Serving
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

SINCE = f"{GROUP}/shared-since"
"""Annotation of a pipeline's Service: when its route came into force, by the clock of whoever applied it."""
SETTLE_S = 1.5
"""Nodes hear of new endpoints once a second; nothing tells when they have."""
HEARD_S = 15.0
"""Longest wait for the endpoints themselves."""
LOOK_S = 0.1


@dataclass
class ByPods:
    """A pipeline's Service; a share is a number of pods, and is one of connections, not of requests."""

    workspace: Workspace
    serving: Serving
    pipeline: str
    cluster: Cluster

    def cannot(self, rollout: Rollout) -> str:
        """Return why no rollout can climb like this, "" when it can."""
        if rollout.shadow:
            return (
                "release.rollout.shadow: only a Gateway copies requests, and this cluster's requests are shared out by "
                "numbers of pods. Set AIRLOOP_KUBERNETES_GATEWAY to the namespace/name of one, or shadow to false"
            )
        small = [step for step in rollout.steps if step < 100 and not _is_possible(step)]
        if not small:
            return ""
        return (
            f"release.rollout.steps: {small[0]} % cannot be given by numbers of pods, {shares.LEAST_PERCENT} to "
            f"{100 - shares.LEAST_PERCENT} % can. Take another step, or set AIRLOOP_KUBERNETES_GATEWAY"
        )

    def refuse(self, route: Route) -> None:
        """Raise BundleError for a route that this cannot give."""
        if route.compares:
            raise BundleError(f"{self.pipeline}: requests are not copied to a shadow here. Nothing was changed")
        if self.mixes(route) and not _is_possible(route.candidate_percent):
            raise BundleError(f"{self.pipeline}: {route.candidate_percent} % is less than a pod. Nothing was changed")

    def counts(self, route: Route, now: Mapping[str, int]) -> dict[Upstream, int]:
        """Return how many pods each version needs; ``now`` are those that Deployments have."""
        first, second = route.champion, route.candidate
        if first is None or second is None:
            return {one: self._alone(one, now) for one in route.upstreams}
        champion = self._alone(first, now)
        if self.mixes(route):
            return dict(zip((first, second), self._shared(route, champion), strict=True))
        # One that may be needed at once, for a roll back, keeps the pods that it has.
        waiting = now.get(second.server) or 1
        return {first: champion, second: champion if route.candidate_percent == 100 else waiting}

    def mixes(self, route: Route) -> bool:
        """Return whether requests go to both versions by way of one Service."""
        return bool(route.champion and route.candidate and 0 < route.candidate_percent < 100)

    def chosen(self, route: Route) -> str | None:
        """Return whom the Service leads to: a Deployment, "" for all versions, None for nobody."""
        if not route.upstreams:
            return None
        if self.mixes(route):
            return ""
        gets_all = route.champion is None or route.candidate_percent == 100
        only = route.candidate if gets_all and route.candidate else route.champion
        return only.server if only else None

    def remembered(self) -> tuple[Route, str]:
        """Return the route and the warm Deployment; an empty one where the Service is gone or leads elsewhere."""
        found = self.cluster.get("v1", "Service", self._name)
        return manifests.remembered(found)

    def look(self) -> tuple[Route, bool]:
        """Return the route, and whether requests really go by it: nobody has edited what leads them."""
        found = self.cluster.get("v1", "Service", self._name)
        route, _ = manifests.remembered(found)
        return route, found is not None and found["spec"].get("selector") == self._selector(route)

    def shared_since(self) -> datetime | None:
        """Return when requests began to be shared out as they are, None while they go to one version."""
        route = self.remembered()[0]
        since = self._since(route) if route.candidate else ""
        return datetime.fromisoformat(since) if since else None

    def _since(self, route: Route) -> str:
        """Return when ``route`` came into force, "" where another one is in force."""
        found = self.cluster.get("v1", "Service", self._name) or {}
        kept = found.get("metadata", {}).get("annotations", {})
        return str(kept.get(SINCE, "")) if manifests.remembered(found)[0] == route else ""

    def address(self) -> str:
        """Return the URL of what answers requests."""
        return f"http://{self._name}.{self.cluster.namespace}.svc"

    def put(self, route: Route, warm: str) -> None:
        """Lead requests by ``route``: one change of the Service; return once every node knows."""
        self._put(route, warm)
        self._settle(self._name, self._selector(route))

    def _put(self, route: Route, warm: str) -> None:
        wanted = manifests.service(self.workspace, self.pipeline, route, warm, self.chosen(route))
        # In the very change of the route: whoever takes over finds both or neither.
        wanted["metadata"]["annotations"][SINCE] = self._since(route) or datetime.now(UTC).isoformat()
        found = self.cluster.apply(wanted)
        others = found["spec"].get("selector", {}).keys() - wanted["spec"]["selector"].keys()
        if others:  # what somebody added by hand
            gone = {"spec": {"selector": dict.fromkeys(others)}}
            self.cluster.patch("v1", "Service", self._name, gone)

    @property
    def _name(self) -> str:
        return name_of(self.workspace, self.pipeline)

    def _shared(self, route: Route, champion: int) -> tuple[int, int]:
        return shares.pods(route.candidate_percent, champion)

    def _alone(self, upstream: Upstream, now: Mapping[str, int]) -> int:
        fewest, rule = self.serving.replicas, self.serving.autoscale
        return min(max(now.get(upstream.server, 0), fewest), max(rule.most, fewest)) if rule else fewest

    def _selector(self, route: Route) -> dict[str, str]:
        return manifests.selector(self.workspace, self.pipeline, self.chosen(route))

    def _settle(self, service: str, selector: Mapping[str, str]) -> None:
        """Return once every node leads a Service's requests to the pods that it selects."""
        until = time.monotonic() + HEARD_S
        while self._endpoints(service) != self._ready(selector):
            if time.monotonic() > until:
                log.warning("%s: the endpoints of %s do not follow within %g s", self.pipeline, service, HEARD_S)
                break
            time.sleep(LOOK_S)
        time.sleep(SETTLE_S)

    def _ready(self, selector: Mapping[str, str]) -> set[str]:
        return {pod["metadata"]["name"] for pod in self.cluster.list("v1", "Pod", selector) if is_ready(pod)}

    def _endpoints(self, service: str) -> set[str]:
        """Return the pods that a Service leads to."""
        version = self.cluster.newest("discovery.k8s.io", "EndpointSlice", ("v1", "v1beta1")) or ""
        named = {"kubernetes.io/service-name": service}
        slices = self.cluster.list(version, "EndpointSlice", named)
        found: list[dict[str, Any]] = [one for each in slices for one in each.get("endpoints") or ()]
        ready = [one for one in found if one.get("conditions", {}).get("ready") is not False]
        return {one["targetRef"]["name"] for one in ready if "targetRef" in one}


def _is_possible(percent: int) -> bool:
    return shares.LEAST_PERCENT <= percent <= 100 - shares.LEAST_PERCENT
