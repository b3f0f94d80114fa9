"""What a pipeline's servers tell of themselves, asked through the gateway's administration door.

One that does not answer, or takes another stack's tokens, tells nothing: it is not served, and starting it is what
helps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from airloop.errors import Unreachable
from airloop.release.answers import Answers
from airloop.serving.refusal import Refusal

if TYPE_CHECKING:
    from airloop.gateway import Gateway, Route, Upstream
    from airloop.serving.client import ServerClient

log = logging.getLogger(__name__)
T = TypeVar("T")


def state_of(gateway: Gateway, pipeline: str, upstream: Upstream | None) -> dict[str, Any] | None:
    """Return what a server serves, with its counts."""
    return _asked(gateway, upstream, lambda server: server.get_state(pipeline))


def answers_of(gateway: Gateway, pipeline: str, upstream: Upstream) -> Answers:
    """Return a server's latest answers, by the id of the request."""
    return _asked(gateway, upstream, lambda server: server.answers(pipeline)) or {}


def begin_counts(gateway: Gateway, pipeline: str, route: Route) -> None:
    """Have the servers of a route count anew."""
    for upstream in route.upstreams:
        _asked(gateway, upstream, lambda server: server.recount(pipeline))


def _asked(gateway: Gateway, upstream: Upstream | None, ask: Callable[[ServerClient], T]) -> T | None:
    if upstream is None:
        return None
    try:
        with gateway.server(upstream.server) as server:
            return ask(server)
    except (Unreachable, Refusal) as error:
        log.warning("version %s in %s does not answer: %s", upstream.version, upstream.server, error)
        return None
