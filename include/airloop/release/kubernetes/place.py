"""One pipeline in a cluster: all that looking at it and changing it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from airloop.cluster import Cluster
from airloop.cluster.ends import ends_of
from airloop.release.kubernetes.asking import Asking
from airloop.release.kubernetes.changing import Changing
from airloop.release.kubernetes.fittings import Fittings
from airloop.release.kubernetes.gateway import ByGateway
from airloop.release.kubernetes.manifests import SERVER, of_pipeline
from airloop.release.kubernetes.prometheus import Prometheus
from airloop.release.kubernetes.servers import Servers
from airloop.release.kubernetes.traffic import ByPods
from airloop.serving.tokens import read_or_make
from airloop.spec.model import Spec
from airloop.workspace import Workspace


@dataclass
class Place:
    """One pipeline in a cluster, while it is looked at or changed."""

    workspace: Workspace
    spec: Spec
    pipeline: str
    cluster: Cluster
    ready_s: float

    @cached_property
    def servers(self) -> Servers:
        return Servers(self.workspace, self.spec.serving, self.pipeline, self.cluster, self.ready_s)

    @cached_property
    def traffic(self) -> ByPods:
        way = ByGateway if self.workspace.kubernetes.gateway else ByPods
        return way(self.workspace, self.spec.serving, self.pipeline, self.cluster)

    @property
    def changing(self) -> Changing:
        fittings = Fittings(self.workspace, self.spec.serving, self.pipeline, self.cluster)
        return Changing(self.servers, self.traffic, fittings)

    def ends(self, server: str) -> dict[str, str]:
        """Return why pods' containers of the Deployment ``server`` ended and were started again: see ``ends_of``."""
        return ends_of(self.cluster, of_pipeline(self.workspace, self.pipeline) | {SERVER: server})

    @property
    def asking(self) -> Asking:
        token, pods = read_or_make(self.workspace.home).admin, self.servers.pods()
        return Asking(self.cluster, self.pipeline, token, pods, self._prometheus)

    @property
    def _prometheus(self) -> Prometheus | None:
        # One version alone is not judged: its pods' own counts do, and no query gets longer by the day.
        url = self.workspace.kubernetes.prometheus
        since = self.traffic.shared_since() if url else None
        return Prometheus(url, since) if since else None
