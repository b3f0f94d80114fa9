"""What stands around a pipeline's servers: who may empty nodes, who reaches whom, and who adds pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.cluster import name_of
from airloop.release.kubernetes import manifests
from airloop.serving import placing

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.gateway.route import Route
    from airloop.spec.model import Serving
    from airloop.workspace import Workspace

_SCALER = "HorizontalPodAutoscaler"
_BUDGET = "PodDisruptionBudget"


@dataclass
class Fittings:
    """The PodDisruptionBudget, NetworkPolicy and HorizontalPodAutoscaler of a pipeline, where the server has them."""

    workspace: Workspace
    serving: Serving
    pipeline: str
    cluster: Cluster

    def before(self, route: Route) -> None:
        """Put up what servers need when they come; numbers of pods are nobody else's while there are two versions."""
        reaches_out = self.serving.log_predictions and placing.folder_of(self.workspace) is None
        self.cluster.apply(manifests.wall(self.workspace, self.pipeline, reaches_out=reaches_out))
        version = self.cluster.newest("policy", _BUDGET, ("v1", "v1beta1"))
        if version and self.serving.replicas > 1:
            self.cluster.apply(manifests.budget(self.workspace, self.pipeline, version))
        elif version:
            self.cluster.delete(version, _BUDGET, self._name)
        if not self._scales(route):
            self._remove_scaler()

    def after(self, route: Route) -> None:
        """Let the number of pods follow the load of a champion that is alone."""
        version, rule = self._version, self.serving.autoscale
        if version and rule and route.champion and self._scales(route):
            name = route.champion.server
            self.cluster.apply(manifests.scaler(self.workspace, self.pipeline, name, self.serving, rule, version))

    def _scales(self, route: Route) -> bool:
        return bool(self.serving.autoscale and route.champion and not route.candidate)

    def _remove_scaler(self) -> None:
        if self._version:
            self.cluster.delete(self._version, _SCALER, self._name)

    @property
    def _version(self) -> str | None:
        return self.cluster.newest("autoscaling", _SCALER, ("v2", "v1"))

    @property
    def _name(self) -> str:
        return name_of(self.workspace, self.pipeline)
