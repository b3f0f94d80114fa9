"""The server containers of one pipeline: found by label, started beside the old ones, ended when nobody needs them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airloop import digest, engine
from airloop.engine import server_container
from airloop.engine.connection import LABEL
from airloop.engine.server_container import STOP_S, Server
from airloop.errors import BundleError, ImageError, Unreachable
from airloop.release.target import Placed
from airloop.serving.refusal import Refusal
from airloop.serving.tokens import Tokens, read_or_make
from airloop.spec.fields import format_size
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from airloop.gateway import Gateway, Route, Upstream
    from airloop.serving.client import ServerClient
    from airloop.spec.model import Serving

log = logging.getLogger(__name__)

READY_S = 90.0
"""Longest wait for a container to answer."""
ADOPTED_S = 30.0
"""The same for one that was running already: it is replaced then."""
LOOK_S = 0.1
DRAIN_S = 15.0
"""Longest wait for what is on its way to a container; what it is answering then it may finish after it was told."""
LAST_LINES = 12
"""Lines of its log that are told of a container that ended."""


@dataclass
class Containers:
    """The containers of ``pipeline`` on an engine, spoken to through the gateway's administration door."""

    workspace: Workspace
    serving: Serving
    pipeline: str
    client: DockerClient
    gateway: Gateway

    def name_of(self, placed: Placed) -> str:
        """Return the name of a version's container: the same as long as image and settings are the same.

        Other limits or tokens give another name, so that they too come into force without a gap.
        """
        plain = server_container.name_of(self.workspace, self.pipeline, placed.image)
        return f"{plain}-{digest.of_value(self._arguments(plain, placed))[:6]}"

    def upstream(self, placed: Placed) -> Upstream:
        """Return a version with the name of its container."""
        from airloop.gateway.route import Upstream

        return Upstream(self.name_of(placed), placed.bundle, placed.version, placed.image)

    def start(self, wanted: Route, before: Route, *, must: bool) -> Route:
        """Make every server of ``wanted`` run and answer; return the route to them.

        One that runs right is adopted, one that does not is replaced. Unless ``must``, a version that was served
        ``before`` and cannot be started any more stays as it was: what broke must not keep others from its place.
        Raises BundleError with the last log lines when a container ends; those started here are removed then.
        """
        known = {_version(one): one for one in before.upstreams}
        with self._all_or_none() as started:
            places: dict[str, Any] = {}
            for role in ("champion", "candidate"):
                upstream: Upstream | None = getattr(wanted, role)
                if upstream is None:
                    continue
                try:
                    self._run(upstream, started)
                except (BundleError, ImageError) as error:
                    if must or _version(upstream) not in known:
                        raise
                    log.warning("%s. It stays as it was", error)
                    places[role] = known[_version(upstream)]
            return replace(wanted, **places)

    def end_all_but(self, route: Route) -> None:
        """End every other container of the pipeline, once nothing is on its way to it any more."""
        kept = {one.server for one in route.upstreams}
        for container in self._all():
            if container.name not in kept:
                self._end(container)

    def _run(self, upstream: Upstream, started: list[str]) -> None:
        container = self._find(upstream.server)
        if container is not None and self._runs_right(container, upstream):
            if self._becomes_ready(container, upstream, ADOPTED_S):
                return
            log.warning("%s runs, but does not answer: it is replaced", upstream.server)
        if container is not None:
            container.remove(force=True)
        started.append(upstream.server)
        container = self._create(upstream)
        if not self._becomes_ready(container, upstream, READY_S):
            raise Unreachable(
                f"{self.pipeline}: version {upstream.version} did not get ready within {READY_S:g} s: look at "
                f"`docker logs {upstream.server}`, then retry. Nothing was changed"
            )

    def _create(self, upstream: Upstream) -> Container:
        from airloop import images

        images.ready(self.workspace, upstream.image)
        placed = Placed(upstream.bundle, upstream.version, upstream.image)
        arguments = self._arguments(upstream.server, placed)
        for mount in arguments["mounts"]:
            if mount["Type"] == "volume":
                self.client.volumes.create(mount["Source"], labels=engine.labels(self.workspace, "server"))
        container = self.client.containers.create(**arguments)
        container.start()
        log.info("%s: version %s starts in %s", self.pipeline, upstream.version, upstream.server)
        return container

    def _runs_right(self, container: Container, upstream: Upstream) -> bool:
        """Return whether it runs what it should; the rest of how it runs is in its name."""
        named = container.labels.get(f"{LABEL}.image")
        return bool(container.status == "running" and named == upstream.image)

    def _becomes_ready(self, container: Container, upstream: Upstream, within_s: float) -> bool:
        until = time.monotonic() + within_s
        with self.gateway.server(upstream.server) as server:
            while not self._is_ready(server, upstream):
                container.reload()
                if _has_ended(container):
                    raise BundleError(self._why(container, upstream))
                if time.monotonic() > until:
                    return False
                time.sleep(LOOK_S)
        return True

    def _is_ready(self, server: ServerClient, upstream: Upstream) -> bool:
        if not server.ready():
            return False
        try:
            return bool(server.get_state(self.pipeline)["champion"]["bundle"] == upstream.bundle)
        except (Unreachable, Refusal):
            return False

    def _why(self, container: Container, upstream: Upstream) -> str:
        state = container.attrs["State"]
        lines = container.logs(tail=LAST_LINES).decode(errors="replace").strip() or "it said nothing"
        how = f"ended with exit code {state['ExitCode']}"
        if state.get("OOMKilled"):
            how = f"used more than its {format_size(self.serving.memory)} of memory (serving.memory)"
        return (
            f"{self.pipeline}: version {upstream.version} cannot be served: container {upstream.server} {how}. "
            f"Nothing was changed. Its last words:\n{lines}"
        )

    def _end(self, container: Container) -> None:
        from docker.errors import NotFound

        try:
            if container.status == "running":
                self._drain(container.name)
                container.stop(timeout=STOP_S)
            container.remove(force=True)
            log.info("%s: %s ended", self.pipeline, container.name)
        except NotFound:
            log.info("%s: %s was gone already", self.pipeline, container.name)

    def _drain(self, name: str) -> None:
        """Wait until nothing is on its way to a container, but not for ever and not for one that says nothing."""
        until = time.monotonic() + DRAIN_S
        try:
            with self.gateway.server(name) as server:
                while server.get_state(self.pipeline)["in_flight"] and time.monotonic() < until:
                    time.sleep(LOOK_S)
        except (Unreachable, Refusal) as error:
            log.warning("%s: %s is ended without asking what it still answers: %s", self.pipeline, name, error)

    @contextmanager
    def _all_or_none(self) -> Iterator[list[str]]:
        """Give a list for the names of containers that are started; they are removed when one cannot be."""
        started: list[str] = []
        try:
            yield started
        except (BundleError, ImageError):
            for name in started:
                container = self._find(name)
                if container is not None:
                    container.remove(force=True)
            raise

    def _arguments(self, name: str, placed: Placed) -> dict[str, Any]:
        server = Server(name, self.pipeline, placed.version, placed.bundle, placed.image)
        return server_container.arguments(self.workspace, self.serving, server, self._granted)

    def _find(self, name: str) -> Container | None:
        from docker.errors import NotFound

        try:
            return self.client.containers.get(name)
        except NotFound:
            return None

    def _all(self) -> list[Container]:
        labels = engine.labels(self.workspace, "server", pipeline=self.pipeline)
        wanted = [f"{name}={value}" for name, value in labels.items()]
        return list(self.client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True))

    @cached_property
    def _granted(self) -> Tokens:
        return read_or_make(self.workspace.home)


def _version(upstream: Upstream) -> tuple[str, str, str]:
    return upstream.bundle, upstream.version, upstream.image


def _has_ended(container: Container) -> bool:
    state = container.attrs["State"]
    return bool(state["Restarting"] or container.attrs["RestartCount"] or not state["Running"])
