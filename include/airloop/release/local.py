"""The local target: the model server on this machine, told by its admin API what to serve."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airloop.errors import BundleError, Unreachable
from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.release.target import Observed, Placed, State
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.serving.client import ServerClient

_COUNTS = tuple(field.name for field in fields(Traffic))


class LocalTarget:
    """The model server at ``workspace.server_url``; it takes bundles from the store, so it holds none itself."""

    name = "local"

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._url = workspace.server_url.rstrip("/")

    def observe(self, pipeline: str) -> Observed:
        """Return what the server serves, and what each version did since the state was put."""
        with _refusals(self._url):
            return observed(self._client.get_state(pipeline))

    def apply(self, pipeline: str, state: State) -> None:
        """Put the state to the server, which loads and checks what is new before it changes anything."""
        with _refusals(self._url):
            self._client.put_state(pipeline, _served(state))

    def endpoint(self, pipeline: str) -> str:
        """Return the URL that answers predictions."""
        return f"{self._url}/v2/models/{pipeline}/infer"

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        """Remove nothing: the server keeps no bundle that it does not serve."""
        return ()

    @cached_property
    def _client(self) -> ServerClient:
        from airloop.serving.client import ServerClient
        from airloop.serving.tokens import read_or_make

        client = ServerClient(self._url, read_or_make(self._workspace.home).admin)
        weakref.finalize(self, client.close)
        return client


@contextmanager
def _refusals(url: str) -> Iterator[None]:
    from airloop.serving.refusal import Refusal

    try:
        yield
    except BundleError as error:
        raise BundleError(f"{error}. Nothing was changed") from error
    except Refusal as error:
        said = f"the model server at {url} says {error.status}: {error.reason}"
        if error.status in (401, 403):
            said += ". Its admin token is another one: both need the same AIRLOOP_HOME or AIRLOOP_ADMIN_TOKEN"
            raise Unreachable(said) from error
        raise BundleError(f"{said}. Nothing was changed") from error


def observed(kept: dict[str, Any]) -> Observed:
    """Return what a server tells of a pipeline as targets tell it."""
    champion, candidate = _placed(kept["champion"]), _placed(kept["candidate"])
    state = State(champion, candidate, kept["candidate_percent"], kept["shadow"])
    return Observed(state, _traffic(kept["stats"], champion), _traffic(kept["stats"], candidate))


def _served(state: State) -> dict[str, Any]:
    """Return the state in the server's words: it takes bundles, whatever image was made of them."""
    asked = asdict(state)
    for placed in filter(None, (asked["champion"], asked["candidate"])):
        del placed["image"]
    return asked


def _placed(kept: dict[str, Any] | None) -> Placed | None:
    return None if kept is None else Placed(kept["bundle"], kept["version"])


def _traffic(stats: dict[str, dict[str, Any]], placed: Placed | None) -> Traffic:
    counted = stats.get(placed.version) if placed else None
    return Traffic(**{name: counted[name] for name in _COUNTS}) if counted else NO_TRAFFIC
