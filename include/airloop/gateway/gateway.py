"""The gateway as others use it: make sure that it is there, ask where requests go, and change that."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from airloop import digest, engine
from airloop.errors import BundleError, Unreachable
from airloop.gateway import configuration, container, files, setup
from airloop.gateway.configuration import Configuration
from airloop.gateway.files import Entry
from airloop.gateway.reloading import Reloading
from airloop.gateway.route import Route

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from airloop.serving.client import ServerClient
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

START_S = 30.0
"""Longest wait for a gateway that was started to answer."""
TRIES = 50
"""Changes by others that one change gives way to."""
KEEPS_ALIVE_FROM = (1, 27, 4)
"""nginx's first version that closes no client's connection at a reload."""


class Gateway:
    """The gateway of the workspace's stack on the engine of ``client``.

    Its configuration lies in a volume and is all that it remembers. Every method raises Unreachable, saying what to do,
    when the engine or the gateway does not answer.
    """

    def __init__(self, workspace: Workspace, client: DockerClient) -> None:
        self._workspace = workspace
        self._client = client
        self._keeps_alive: bool | None = None

    @property
    def url(self) -> str:
        """Where predictions are asked for."""
        return self._workspace.gateway_url

    def ensure(self) -> None:
        """Make sure that the gateway answers: adopt the one that is there, start it, or make it.

        Raises Unreachable naming the port when that is taken, ImageError when there is no nginx to run.
        """
        self._running()

    def prepare(self) -> None:
        """Make the volumes, and a first configuration, for a gateway that something else starts (Compose)."""
        with engine.answering():
            setup.prepare(self._workspace, self._client)

    def routes(self) -> dict[str, Route]:
        """Return where requests go, by pipeline; also while the gateway is stopped."""
        with engine.answering():
            found = container.find(self._workspace, self._client)
            if found is not None:
                return dict(self._read(found).routes)
            with setup.setting_up(self._workspace, self._client) as hands:
                return dict(self._read(hands).routes)

    def route(self, pipeline: str) -> Route:
        """Return where a pipeline's requests go; ``Route()`` for one that is not known."""
        return self.routes().get(pipeline, Route())

    def put(self, pipeline: str, route: Route) -> None:
        """Lead a pipeline's requests to ``route``; return once no request goes by the old one any more.

        Putting what is there changes nothing. Raises BundleError with nginx's words, with nothing changed, when nginx
        refuses the configuration.
        """
        self._change(lambda routes: {**routes, pipeline: route})

    def remove(self, pipeline: str) -> None:
        """Lead requests of a pipeline nowhere any more; one that is not known stays so."""
        self._change(lambda routes: {name: route for name, route in routes.items() if name != pipeline})

    def server(self, name: str, token: str | None = None) -> ServerClient:
        """Return a client of one server through the administration door; ``token``: by default the stack's own."""
        from airloop.serving.client import ServerClient
        from airloop.serving.tokens import read_or_make

        token = token or read_or_make(self._workspace.home).admin
        return ServerClient(f"{self._workspace.gateway_admin_url}/-/{name}", token)

    def _change(self, changed: Callable[[Mapping[str, Route]], Mapping[str, Route]]) -> None:
        running = self._running()
        with engine.answering():
            for _ in range(TRIES):
                before = self._text(running)
                kept = configuration.read(before)
                after = configuration.render(
                    changed(kept.routes), stack=self._workspace.prefix, keeps_alive=self._may_keep_alive(running)
                )
                if after == before or self._replace(running, before, after):
                    self._follow(running, configuration.read(after).name)
                    return
        raise Unreachable(f"the gateway's configuration was changed by others {TRIES} times meanwhile: try again")

    def _replace(self, running: Container, before: str, after: str) -> bool:
        """Put a configuration in the place of the one read before, checked; False where that is another one by now."""
        staged = f"staged-{secrets.token_hex(6)}.conf"
        files.put(running, container.FOLDER, Entry(staged, 0o644, after.encode()))
        reloading = Reloading(running)
        refused = reloading.check(staged)
        if refused:
            raise BundleError(f"the gateway refuses the configuration, so nothing was changed: {refused}")
        return reloading.swap(staged, digest.of_bytes(before.encode()))

    def _follow(self, running: Container, name: str) -> None:
        """Make nginx serve the configuration ``name``, or a later one, unless it does already."""
        if self._told().get("configuration") == name:
            return
        Reloading(running).reload()

    def _running(self) -> Container:
        """Return the gateway's container, which answers."""
        with engine.answering():
            found = container.find(self._workspace, self._client)
            if found is None or found.status != "running":
                found = self._started()
        until = time.monotonic() + START_S
        while not self._answers(found):
            if time.monotonic() > until:
                raise Unreachable(self._silence(found))
            time.sleep(0.05)
        return found

    def _started(self) -> Container:
        with setup.setting_up(self._workspace, self._client):
            found = container.find(self._workspace, self._client)
            if found is None:
                log.info("the gateway %s is made", container.volume(self._workspace))
                return container.create(self._workspace, self._client)
            if found.status == "paused":
                found.unpause()
            elif found.status == "restarting":
                found.restart()
            elif found.status != "running":
                container.start(found)
            return found

    def _answers(self, found: Container) -> bool:
        told = self._told()
        stack = told.get("stack")
        if stack is not None and stack != self._workspace.prefix:
            raise Unreachable(
                f"at {self._workspace.gateway_admin_url} answers the gateway of the stack {stack!r}, not that of "
                f"{self._workspace.prefix!r}: set AIRLOOP_GATEWAY_ADMIN and AIRLOOP_PREFIX so that they fit together"
            )
        return stack is not None

    def _told(self) -> dict[str, str]:
        """Return what the administration door says of itself, nothing where it does not answer."""
        import httpx

        url = self._workspace.gateway_admin_url
        try:
            # To load certificates that nobody asks for takes longer than to ask.
            checks = url.startswith("https:")
            answer = httpx.get(f"{url}/-/", timeout=5.0, trust_env=False, verify=checks)
            told: dict[str, str] = answer.json()
        except (httpx.HTTPError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def _silence(self, found: Container) -> str:
        with engine.answering():
            last = found.logs(tail=5).decode(errors="replace").strip() or "it said nothing"
            found.reload()
        return (
            f"the gateway {found.name} is {found.status} but does not answer at {self._workspace.gateway_admin_url} "
            f"within {START_S:g} s. Is that its address? Its last words: {last}"
        )

    def _read(self, found: Container) -> Configuration:
        return configuration.read(self._text(found))

    def _text(self, found: Container) -> str:
        data = files.get(found, f"{container.FOLDER}/{container.FILE}")
        if data is None:
            raise Unreachable(
                f"the gateway {found.name} has no {container.FOLDER}/{container.FILE}: does it have the volume "
                f"{container.volume(self._workspace)} there?"
            )
        return data.decode(errors="replace")

    def _may_keep_alive(self, running: Container) -> bool:
        if self._keeps_alive is None:
            said = running.exec_run(["nginx", "-v"]).output.decode(errors="replace")
            found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
            self._keeps_alive = found is not None and tuple(map(int, found.groups())) >= KEEPS_ALIVE_FROM
        return self._keeps_alive
