"""The model server as an ASGI application: which path and method does what, and who may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

import airloop
from airloop.errors import nearest
from airloop.serving import http
from airloop.serving.admin import Admin
from airloop.serving.answer import metadata
from airloop.serving.http import CONTENT, OWN, Bodies, Disconnected, Head, Receive, Scope, Send
from airloop.serving.infer import Inference
from airloop.serving.journal import Journal
from airloop.serving.metrics import Metrics, memory_mb
from airloop.serving.refusal import Refusal
from airloop.serving.state import PipelineState
from airloop.serving.tokens import Granted

log = logging.getLogger(__name__)

Address = tuple[str, int | None] | None
"""Host and port that a request came to; no port for a Unix socket."""
OPEN, INFER = "open", "infer"
WHERE = "it is in secrets/ below AIRLOOP_HOME of whoever started the server"
ONLY_COPIES = "this port takes copies of requests for predictions, POST /v2/models/NAME/infer, and nothing else"
RESTORING = "the server is loading what was live before; ask again in a moment"


class App:
    """Routes requests. Health is open; predictions, metadata and metrics need a token; ``/admin`` the admin's."""

    def __init__(
        self,
        tokens: Granted,
        admin: Admin,
        inference: Inference,
        metrics: Metrics,
        journal: Journal | None,
        bodies: Bodies,
        flush: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._tokens = tokens
        self._admin = admin
        self._inference = inference
        self._metrics = metrics
        self._journal = journal
        self.bodies = bodies
        self._flush = flush
        self.infer_paths: dict[bytes, str] = {}
        """Path of a request for a prediction → model."""
        self.is_restored = False
        """Whether what was live before the start is served again."""
        self.shadow_port: int | None = None
        """What comes by this port is a copy of a request that another server answers, whatever its headers say."""
        admin.changed = self._remember_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not served here")
        self._metrics.in_flight += 1
        try:
            name = self.infer_paths.get(scope["raw_path"])
            if name is not None and scope["method"] == "POST":
                await self._infer(scope, receive, send, name, None)
            elif self._is_copy(scope.get("server")):
                raise Refusal(404, ONLY_COPIES)
            else:
                await self._route(scope, receive, send)
        except Refusal as refusal:
            await http.refuse(send, refusal)
        except Disconnected:
            pass
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await http.refuse(send, Refusal(500, "the server failed on this request; its log says why"))
        finally:
            self._metrics.in_flight -= 1

    async def _infer(self, scope: Scope, receive: Receive, send: Send, name: str, version: str | None) -> None:
        head = self.read_head(scope["headers"], scope.get("server"))
        self.authorize_infer(head)
        body = await self.bodies.read(head, receive)
        # The state is read once, after the body is here: a swap in between is answered by the new version.
        pipeline = self.pipeline(name)
        await http.answer(send, await self._inference.answer(pipeline, name, version, head, body))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("latin-1")
        parts = [unquote(part) for part in path.split("/")[1:]]
        if len(parts) > 1 and parts[-1] == "":
            parts.pop()
        handler = self._find(parts)
        await handler(scope, receive, send)

    def _find(self, parts: list[str]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        match parts:
            case ["metrics"]:
                return self._reading(self._send_metrics, INFER)
            case ["admin", "pipelines"]:
                return self._show_several
            case ["admin", "pipelines", name]:
                return self._administer(name)
            case ["admin", "pipelines", name, "recount"]:
                return self._telling("POST", lambda: self._recounted(name))
            case ["admin", "pipelines", name, "answers"]:
                return self._telling("GET", lambda: {"answers": self._admin.answers(name)})
            case ["admin", "predictions", "flush"]:
                return self._flush_log
            case ["v2"]:
                return self._reading(self._server, INFER)
            case ["v2", "health", "live"]:
                return self._reading(lambda: {"live": True}, OPEN)
            case ["v2", "health", "ready"]:
                return self._reading(self._ready, OPEN)
            case ["v2", "models", name, *rest] if rest[:1] != ["versions"]:
                return self._model(name, None, rest)
            case ["v2", "models", name, "versions", version, *rest]:
                return self._model(name, version, rest)
        raise Refusal(404, "no such path. Try /v2/health/ready or /v2/models/NAME/infer")

    def _model(self, name: str, version: str | None, rest: list[str]) -> Callable[..., Awaitable[None]]:
        match rest:
            case []:
                return self._reading(lambda: self._metadata(name, version), INFER)
            case ["ready"]:
                return self._reading(lambda: self._model_ready(name, version), INFER)
            case ["infer"]:
                return self._infers(name, version)
        raise Refusal(404, f"no such path below a model.{nearest(rest[0], ['infer', 'ready', 'versions'])}")

    def _infers(self, name: str, version: str | None) -> Callable[..., Awaitable[None]]:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            self._authorize(_authorization(scope), self._tokens.may_infer)
            _allow(scope, "POST")
            await self._infer(scope, receive, send, name, version)

        return handle

    def _reading(self, make: Callable[[], Any], right: str) -> Callable[..., Awaitable[None]]:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            if right != OPEN:
                self._authorize(_authorization(scope), self._tokens.may_infer)
            _allow(scope, "GET", "HEAD")
            made = make()
            if asyncio.iscoroutine(made):
                made = await made
            is_text = isinstance(made, bytes)
            body = made if is_text else msgspec.json.encode(made)
            kind = b"text/plain; version=0.0.4; charset=utf-8" if is_text else b"application/json"
            await http.respond(send, 200, b"" if scope["method"] == "HEAD" else body, kind)

        return handle

    def _administer(self, name: str) -> Callable[..., Awaitable[None]]:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            self._authorize(_authorization(scope), self._tokens.may_administer)
            if not self.is_restored:
                # What was live would be put over what is asked for now.
                raise Refusal(503, RESTORING)
            _allow(scope, "GET", "PUT", "DELETE")
            if scope["method"] == "PUT":
                head = http.read_head(scope["headers"])
                await self._admin.put(name, await self.bodies.read(head, receive))
            elif scope["method"] == "DELETE":
                await self._admin.remove(name)
            await http.respond(send, 200, msgspec.json.encode(self._shown(name)))

        return handle

    async def _show_several(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell what each pipeline in ``?names=a,b`` serves."""
        self._authorize(_authorization(scope), self._tokens.may_administer)
        _allow(scope, "GET")
        if not self.is_restored:
            raise Refusal(503, RESTORING)
        wanted = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("names", [""])[0]
        shown = {}
        for name in filter(None, wanted.split(",")):
            shown[name] = self._admin.show(name)
            await asyncio.sleep(0)  # requests for predictions go first
        await http.respond(send, 200, msgspec.json.encode({"pipelines": shown}))

    def _telling(self, method: str, make: Callable[[], Any]) -> Callable[..., Awaitable[None]]:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            self._authorize(_authorization(scope), self._tokens.may_administer)
            _allow(scope, method)
            await http.respond(send, 200, msgspec.json.encode(make()))

        return handle

    def _recounted(self, name: str) -> dict[str, Any]:
        self._admin.recount(name)
        return self._shown(name)

    def _shown(self, name: str) -> dict[str, Any]:
        # The request that asks is in flight itself.
        process = {"in_flight": self._metrics.in_flight - 1, "memory_mb": memory_mb()}
        return self._admin.show(name) | process

    async def _flush_log(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._authorize(_authorization(scope), self._tokens.may_administer)
        _allow(scope, "POST")
        if self._flush is None:
            raise Refusal(409, "this server keeps no prediction log")
        if not await self._flush():
            raise Refusal(503, "the store does not take the prediction log; the server's log says why. Nothing is lost")
        await http.respond(send, 200, msgspec.json.encode({"flushed": True}))

    def _authorize(self, authorization: bytes, may: Callable[[bytes], bool]) -> None:
        if may(authorization):
            return
        if not authorization:
            raise Refusal(401, f"a token is needed, `Authorization: Bearer TOKEN`; {WHERE}")
        if self._tokens.may_infer(authorization):
            raise Refusal(403, "this token may predict, not administer; use the admin token")
        raise Refusal(401, f"the token is wrong; {WHERE}")

    def read_head(self, headers: list[tuple[bytes, bytes]], here: Address) -> Head:
        """Return the head of a request that came to ``here``. Raises Refusal (415)."""
        head = http.read_head(headers)
        if self._is_copy(here):
            head.is_shadow, head.is_instead, head.compare = True, False, CONTENT
        return head

    def _is_copy(self, here: Address) -> bool:
        return here is not None and here[1] is not None and here[1] == self.shadow_port

    def authorize_infer(self, head: Head) -> None:
        """Raise Refusal (401) unless the request may ask for predictions."""
        self._authorize(head.authorization, self._tokens.may_infer)

    def pipeline(self, name: str) -> PipelineState:
        """Return what is served under ``name``. Raises Refusal (404, 503)."""
        try:
            return self._admin.state.find(name)
        except Refusal as refusal:
            if refusal.status == 404 and not self.is_restored:
                raise Refusal(503, RESTORING) from None
            raise

    def _server(self) -> dict[str, Any]:
        return {"name": "airloop", "version": airloop.__version__, "extensions": []}

    def _ready(self) -> dict[str, Any]:
        state = self._admin.state
        if not self.is_restored:
            raise Refusal(503, RESTORING)
        if state.problems:
            raise Refusal(503, "; ".join(f"{name}: {reason}" for name, reason in state.problems.items()))
        return {"ready": True}

    def _metadata(self, name: str, version: str | None) -> dict[str, Any]:
        pipeline = self.pipeline(name)
        slot = pipeline.first if version is None else pipeline.version(version, name)
        return metadata(name, [each.loaded.version for each in pipeline.slots], slot.loaded.bundle.schema)

    def _model_ready(self, name: str, version: str | None) -> dict[str, Any]:
        pipeline = self.pipeline(name)
        slot = pipeline.first if version is None else pipeline.version(version, name)
        return {"name": name, "ready": True, "version": slot.loaded.version}

    async def _send_metrics(self) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(None, self._metrics.text, self._journal)

    def _remember_paths(self) -> None:
        self.infer_paths = {f"/v2/models/{name}/infer".encode(): name for name in self._admin.state.pipelines}


def _allow(scope: Scope, *methods: str) -> None:
    if scope["method"] not in methods:
        allowed = ", ".join(methods)
        raise Refusal(405, f"{scope['method']} is not allowed here; use {allowed}", allow=allowed)


def _authorization(scope: Scope) -> bytes:
    shown: dict[bytes, bytes] = {name: value for name, value in scope["headers"] if name in (OWN, b"authorization")}
    return shown.get(OWN) or shown.get(b"authorization", b"")
