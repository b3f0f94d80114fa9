"""Between what a target shall serve and the route to its servers, for targets that run images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airloop.errors import BundleError, ImageError
from airloop.release.target import Placed, State

if TYPE_CHECKING:
    from airloop.gateway.route import Route, Upstream


def check(pipeline: str, state: State, target: str) -> None:
    """Raise BundleError for versions without an image, and for two that could not be told apart."""
    champion, candidate = state.champion, state.candidate
    for placed in filter(None, (champion, candidate)):
        if not placed.image:
            raise BundleError(
                f"{pipeline}: bundle {placed.bundle[:12]} has no image that could be run: package it with "
                f"release.target {target}. Nothing was changed"
            )
    if champion and candidate and champion.version == candidate.version:
        raise BundleError(
            f"{pipeline}: champion and candidate are both version {champion.version!r}; answers could not be told "
            "apart. Nothing was changed"
        )


@contextmanager
def refusals(pipeline: str) -> Iterator[None]:
    """Turn ImageError into BundleError, as targets promise."""
    try:
        yield
    except ImageError as error:
        raise BundleError(f"{pipeline}: {error}. Nothing was changed") from error


def route_of(state: State, upstream: Callable[[Placed], Upstream]) -> Route:
    """Return the route that serves ``state``; ``upstream`` says where a version is served."""
    from airloop.gateway.route import Route

    champion, candidate = (upstream(placed) if placed else None for placed in (state.champion, state.candidate))
    return Route(champion, candidate, state.candidate_percent, state.shadow)


def state_of(route: Route, *, champion: bool, candidate: bool) -> State:
    """Return what a route serves when of its servers those answer."""
    first = _placed(route.champion) if champion else None
    second = _placed(route.candidate) if candidate else None
    return State(first, second, route.candidate_percent, route.shadow) if second else State(first)


def _placed(upstream: Upstream | None) -> Placed | None:
    return None if upstream is None else Placed(upstream.bundle, upstream.version, upstream.image)
