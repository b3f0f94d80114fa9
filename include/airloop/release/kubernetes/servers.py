"""The Deployments of one pipeline: found by label, started beside the old ones, ended when nobody needs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from airloop.cluster.connection import MANAGER
from airloop.cluster.server_pod import PodServer
from airloop.errors import BundleError, ClusterRefused, ImageError, Unreachable
from airloop.gateway.route import Upstream
from airloop.release.kubernetes import manifests
from airloop.release.kubernetes.conditions import Object, is_edited, is_ready, is_settled
from airloop.release.kubernetes.manifests import BUNDLE, SERVER
from airloop.release.target import Placed
from airloop.serving.tokens import Tokens, read_or_make
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.cluster import Cluster
    from airloop.spec.model import Serving

log = logging.getLogger(__name__)

ADOPTED_S = 10.0
"""How long a Deployment that is put right may still have pods of the kind that it had."""
LOOK_S = 0.25


@dataclass
class Servers:
    """The Deployments of ``pipeline`` and their pods, for which at most ``ready_s`` are waited without a reason."""

    workspace: Workspace
    serving: Serving
    pipeline: str
    cluster: Cluster
    ready_s: float

    def upstream(self, placed: Placed) -> Upstream:
        """Return a version with the name of its Deployment. Raises ImageError when no node could pull its image."""
        server = manifests.server_of(self.workspace, self.serving, self.pipeline, placed, self._granted)
        return Upstream(server.name, placed.bundle, placed.version, placed.image)

    def deployments(self) -> dict[str, Object]:
        """Return the pipeline's Deployments by name, also those that nobody remembers."""
        return {one["metadata"]["name"]: one for one in self.cluster.list("apps/v1", "Deployment", self._labels)}

    def pods(self) -> dict[str, list[str]]:
        """Return the names of the pods that answer and are not about to end, by Deployment."""
        found: dict[str, list[str]] = {}
        for pod in self.cluster.list("v1", "Pod", self._labels):
            if is_ready(pod):
                found.setdefault(pod["metadata"]["labels"][SERVER], []).append(pod["metadata"]["name"])
        return found

    def intact(self) -> set[str]:
        """Return the names of the Deployments that nobody else has edited."""
        return {name for name, one in self.deployments().items() if not is_edited(one)}

    def prune(self, bundles: Collection[str]) -> tuple[str, ...]:
        """Delete the Deployments of all other bundles; return their digests."""
        told = {name: one["metadata"]["annotations"].get(BUNDLE, "") for name, one in self.deployments().items()}
        gone = {name: bundle for name, bundle in told.items() if bundle not in bundles}
        self.end(gone)
        return tuple(sorted(set(gone.values())))

    def run(
        self, wanted: Mapping[Upstream, int], *, known: Collection[Upstream], apart: Upstream | None = None
    ) -> None:
        """Make every Deployment have its number of pods, all of them ready but those of ``apart``.

        What runs right is adopted, what was edited is put right. One that is ``known`` and cannot be started any more
        stays as it is: what broke must not keep others from their place. Raises BundleError that says why another
        cannot; what was changed here is put back then.
        """
        before = self.deployments()
        with self._all_or_none(before) as changed:
            for upstream, replicas in wanted.items():
                if not is_settled(before.get(upstream.server), replicas):
                    changed.append(upstream.server)
                    self._apply(upstream, replicas, before.get(upstream.server))
            for upstream, replicas in wanted.items():
                if upstream == apart:
                    continue
                try:
                    self._wait(upstream, replicas, patience_s=ADOPTED_S if upstream.server in before else 0)
                except BundleError as error:
                    if upstream not in known:
                        raise
                    log.warning("%s. It stays as it was", error)

    def scale(self, name: str, replicas: int) -> None:
        """Give a Deployment another number of pods, without a wait."""
        self.cluster.patch("apps/v1", "Deployment", name, {"spec": {"replicas": replicas}})

    def wait_until_few(self, name: str, pods: int) -> None:
        """Return once a Deployment has no more ``pods``, those that end counted, or ``ready_s`` are over."""
        until = time.monotonic() + self.ready_s
        while self._there(name) > pods and time.monotonic() < until:
            time.sleep(LOOK_S)

    def wait_until_fewer(self, name: str, by: int) -> None:
        """Return once so many pods of a Deployment are gone from now on, or all, or ``ready_s`` are over."""
        self.wait_until_few(name, max(0, self._there(name) - by))

    def wait_until_many(self, upstream: Upstream, pods: int, at_most_s: float) -> int:
        """Return how many pods answer, once that is ``pods``, the time is over, or the cluster takes no more."""
        from airloop.cluster import diagnosis

        until = time.monotonic() + at_most_s
        while (there := len(self.pods().get(upstream.server, ()))) < pods:
            trouble = diagnosis.trouble_of(self.cluster, self._labels | {SERVER: upstream.server})
            if time.monotonic() > until or (trouble and trouble.is_final):
                why = trouble.reason if trouble else "the others start"
                log.warning("%s: %s has %d of %d pods: %s", self.pipeline, upstream.server, there, pods, why)
                break
            time.sleep(LOOK_S)
        return there

    def end(self, names: Collection[str]) -> None:
        """Delete Deployments; their pods answer what they were asked and go."""
        for name in names:
            self.cluster.delete("apps/v1", "Deployment", name)
            log.info("%s: %s ends", self.pipeline, name)

    def wait_until_gone(self, names: Collection[str]) -> None:
        """Return once no pod of these Deployments can be led requests to any more."""
        until = time.monotonic() + self.ready_s
        while set(names) & {
            pod["metadata"]["labels"][SERVER]
            for pod in self.cluster.list("v1", "Pod", self._labels)
            if not pod["metadata"].get("deletionTimestamp")
        }:
            if time.monotonic() > until:
                raise Unreachable(
                    f"{self.pipeline}: pods of {', '.join(names)} do not end within {self.ready_s:g} s; retry"
                )
            time.sleep(LOOK_S)

    def _there(self, name: str) -> int:
        """Return how many pods a Deployment has, those that end counted."""
        return len(self.cluster.list("v1", "Pod", self._labels | {SERVER: name}))

    def _apply(self, upstream: Upstream, replicas: int, found: Object | None) -> None:
        server = PodServer(upstream.server, self.pipeline, upstream.version, upstream.bundle, upstream.image)
        wanted = manifests.deployment(self.workspace, self.serving, server, self._granted, replicas=replicas)
        if found is not None and is_edited(found):
            log.warning("%s was edited by somebody else: it is put right", upstream.server)
            # Applying leaves what others added.
            whole = {"op": "replace", "path": "/spec/template", "value": wanted["spec"]["template"]}
            self.cluster.apps.patch_namespaced_deployment(
                upstream.server, self.cluster.namespace, [whole], field_manager=MANAGER
            )
        self.cluster.apply(wanted)
        if found is None:
            log.info("%s: version %s starts in %s", self.pipeline, upstream.version, upstream.server)

    def _wait(self, upstream: Upstream, replicas: int, *, patience_s: float) -> None:
        from airloop.cluster import diagnosis

        began, last = time.monotonic(), ""
        while not is_settled(self.cluster.get("apps/v1", "Deployment", upstream.server), replicas):
            trouble = diagnosis.trouble_of(self.cluster, self._labels | {SERVER: upstream.server})
            last = trouble.reason if trouble else last
            passed_s = time.monotonic() - began
            if trouble and trouble.is_final and passed_s >= patience_s:
                raise BundleError(f"{self._cannot(upstream)}: {last}. Nothing was changed")
            if passed_s > self.ready_s:
                why = last or f"look at `kubectl describe deployment {upstream.server}`"
                raise Unreachable(
                    f"{self._cannot(upstream)} within {self.ready_s:g} s: {why}. Retry. Nothing was changed"
                )
            time.sleep(LOOK_S)

    def _cannot(self, upstream: Upstream) -> str:
        return f"{self.pipeline}: version {upstream.version} cannot be served by {upstream.server}"

    @contextmanager
    def _all_or_none(self, before: Mapping[str, Object]) -> Iterator[list[str]]:
        """Give a list for the names of Deployments that are changed; they are as before when one cannot be."""
        changed: list[str] = []
        try:
            yield changed
        except (BundleError, ImageError, ClusterRefused, Unreachable):
            self.end([name for name in changed if name not in before])
            for name in changed:
                if name in before:
                    self.scale(name, before[name]["spec"]["replicas"])
            raise

    @cached_property
    def _labels(self) -> dict[str, str]:
        return manifests.of_pipeline(self.workspace, self.pipeline)

    @cached_property
    def _granted(self) -> Tokens:
        return read_or_make(self.workspace.home)
