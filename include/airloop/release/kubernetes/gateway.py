"""Who answers which share of the requests where a Gateway (Gateway API) shares them out by exact weights."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.cluster import name_of
from airloop.errors import BundleError, ClusterRefused
from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes import accepted, manifests
from airloop.release.kubernetes.http_route import KIND, http_route, leads_of
from airloop.release.kubernetes.traffic import ByPods

if TYPE_CHECKING:
    from airloop.spec.model import Rollout

log = logging.getLogger(__name__)

GROUP = "gateway.networking.k8s.io"
VERSIONS = ("v1", "v1beta1")


@dataclass
class ByGateway(ByPods):
    """A pipeline's HTTPRoute, and a Service for each of its versions; who passes by the Gateway meets the champion."""

    def cannot(self, rollout: Rollout) -> str:
        """Return "": a Gateway gives every share, and copies."""
        return ""

    def refuse(self, route: Route) -> None:
        """Raise BundleError for copies beside a share: some would be of requests that the candidate answered itself."""
        if route.compares and route.candidate_percent:
            raise BundleError(
                f"{self.pipeline}: a shadow gets copies and answers nobody, here it would answer "
                f"{route.candidate_percent} %. Nothing was changed"
            )

    def mixes(self, route: Route) -> bool:
        """Return False: each version has a Service of its own."""
        return False

    def look(self) -> tuple[Route, bool]:
        """Return the route, and whether Service and HTTPRoute still say so."""
        route, is_led = super().look()
        if not route.upstreams:
            return route, is_led
        wanted, found = self._http_route(route), self.cluster.get(self._version, KIND, self._name)
        return route, is_led and found is not None and leads_of(found) == leads_of(wanted)

    def address(self) -> str:
        """Return the URL of the Gateway, or of the champion's Service where the Gateway has no address."""
        gateway = self._gateway()
        addresses = (gateway or {}).get("status", {}).get("addresses") or ()
        return f"http://{addresses[0]['value']}" if addresses else super().address()

    def put(self, route: Route, warm: str) -> None:
        """Lead requests by ``route``; return once the Gateway does."""
        super().put(route, warm)
        if not (route.champion and route.candidate):
            # Only now: the Gateway may have gone on by the route before for a moment.
            self.cluster.delete("v1", "Service", self._second)

    def _put(self, route: Route, warm: str) -> None:
        version = self._version
        if route.champion and route.candidate:
            self._lead_to_candidate(route.candidate)
        super()._put(route, warm)
        if route.upstreams:
            made = self.cluster.apply(self._http_route(route))
            self._wait(made)
        else:
            self.cluster.delete(version, KIND, self._name)

    def _lead_to_candidate(self, candidate: Upstream) -> None:
        """Have a Service for the candidate before the Gateway is told of it."""
        made = manifests.second_service(self.workspace, self.pipeline, candidate.server)
        before = self.cluster.get(made)
        self.cluster.apply(made)
        if before is None or before["spec"]["selector"] != made["spec"]["selector"]:
            self._settle(self._second, made["spec"]["selector"])

    def _shared(self, route: Route, champion: int) -> tuple[int, int]:
        return champion, max(1, math.ceil(champion * route.candidate_percent / 100))

    def counts(self, route: Route, now: Mapping[str, int]) -> dict[Upstream, int]:
        """Return how many pods each version needs for its share of the load."""
        counts = super().counts(route, now)
        if route.champion and route.candidate and route.compares:
            # Copies of all requests are as much work as the requests.
            return dict.fromkeys((route.champion, route.candidate), counts[route.champion])
        if route.champion and route.candidate and 0 < route.candidate_percent < 100:
            pair = self._shared(route, counts[route.champion])
            return dict(zip((route.champion, route.candidate), pair, strict=True))
        return counts

    def chosen(self, route: Route) -> str | None:
        """Return whom the champion's Service leads to."""
        first = route.champion or route.candidate
        return first.server if first else None

    def _http_route(self, route: Route) -> manifests.Manifest:
        both = route.champion and route.candidate
        percent = route.candidate_percent if both else None
        gateway, shadow = self.workspace.kubernetes.gateway, bool(both and route.compares)
        return http_route(self.workspace, self.pipeline, self._version, gateway, percent, shadow=shadow)

    def _wait(self, made: Mapping[str, Any]) -> None:
        """Return once the Gateway takes the route. Raises BundleError when it does not."""
        kubernetes = self.workspace.kubernetes
        try:
            accepted.wait(self.cluster, made, kubernetes.gateway, silent_s=kubernetes.ready_s)
        except BundleError as error:
            raise BundleError(f"{self.pipeline}: {error}") from None

    def _gateway(self) -> dict[str, Any] | None:
        namespace, _, name = self.workspace.kubernetes.gateway.rpartition("/")
        if namespace not in ("", self.cluster.namespace):
            return None  # another namespace's is not ours to read: the docs say whom to tell clients
        try:
            return self.cluster.get(self._version, "Gateway", name)
        except ClusterRefused as error:
            log.info("%s: the Gateway's address is not known: %s", self.pipeline, error)
            return None

    @property
    def _version(self) -> str:
        found = self.cluster.newest(GROUP, KIND, VERSIONS)
        if found is None:
            raise ClusterRefused(
                f"AIRLOOP_KUBERNETES_GATEWAY is {self.workspace.kubernetes.gateway!r}, but the cluster offers no "
                f"{KIND} of {GROUP} ({' or '.join(VERSIONS)}): install the Gateway API, or leave it unset"
            )
        return found

    @property
    def _second(self) -> str:
        return name_of(self.workspace, self.pipeline, "candidate")
