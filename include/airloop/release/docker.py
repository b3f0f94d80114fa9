"""The Docker target: each version in a container of its own, and a gateway that shares the requests out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airloop.errors import BundleError, ImageError, Unreachable
from airloop.release import asking, counting
from airloop.release.answers import Largest
from airloop.release.target import Observed, Placed, State
from airloop.spec.model import Spec
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.gateway import Route, Upstream
    from airloop.release.containers import Containers


class DockerTarget:
    """Containers on the engine that ``DOCKER_HOST`` names, behind the gateway of this workspace's stack.

    What is served stands in the gateway's configuration and nowhere else, so a target opened anew, or an engine
    started anew, goes on with what runs. A container that stands in no entry is what a killed run left: the next
    ``apply`` adopts or removes it.
    """

    name = "docker"

    def __init__(self, workspace: Workspace, spec: Spec) -> None:
        self._workspace = workspace
        self._spec = spec
        self._largest = Largest()

    def observe(self, pipeline: str) -> Observed:
        """Return what is served, and what each version did since the state was applied.

        A version whose container does not answer is not served, whatever the gateway's configuration says.
        """
        with self._containers(pipeline) as containers:
            gateway = containers.gateway
            route = gateway.route(pipeline)
            # The candidate first: failures of the champion that come in between excuse copies, and never add some.
            candidate, champion = (asking.state_of(gateway, pipeline, one) for one in (route.candidate, route.champion))
            state = _state(route, champion=champion is not None, candidate=candidate is not None)
            of_champion, of_candidate = _stats(champion, state.champion), _stats(candidate, state.candidate)
            counts = counting.of_candidate(of_candidate, of_champion)
            if state.shadow and route.champion and route.candidate:
                pair = (asking.answers_of(gateway, pipeline, one) for one in route.upstreams)
                self._largest.add(pipeline, state, *pair)
        return Observed(state, counting.own(of_champion), self._largest.on(counts, pipeline, state))

    def apply(self, pipeline: str, state: State) -> None:
        """Start what is missing and wait until it answers, change the shares, then end what is not named any more.

        Raises BundleError, with nothing changed, when an image is missing or altered, or its container ends.
        """
        _check(pipeline, state)
        with self._containers(pipeline) as containers, _refusals(pipeline):
            before = containers.gateway.route(pipeline)
            is_same = _state(before, champion=True, candidate=True) == state
            after = containers.start(_route(containers, state), before, must=is_same)
            containers.gateway.put(pipeline, after)
            if after != before:
                asking.begin_counts(containers.gateway, pipeline, after)
            containers.end_all_but(after)

    def endpoint(self, pipeline: str) -> str:
        """Return the URL that answers predictions."""
        return f"{self._workspace.gateway_url}/v2/models/{pipeline}/infer"

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        """Remove the images of this pipeline's other versions that cannot go live any more; return their bundles."""
        from airloop.release import retention

        with self._containers(pipeline) as containers:
            served = {one.bundle for one in containers.gateway.route(pipeline).upstreams}
            return retention.remove(self._workspace, pipeline, self.name, containers.client, {*bundles, *served})

    @contextmanager
    def _containers(self, pipeline: str) -> Iterator[Containers]:
        """Give the pipeline's containers behind a gateway that answers. Raises Unreachable."""
        from airloop import engine
        from airloop.gateway import Gateway
        from airloop.release.containers import Containers

        with engine.connected() as client:
            gateway = Gateway(self._workspace, client)
            try:
                gateway.ensure()
            except ImageError as error:
                raise Unreachable(f"there is no gateway: {error}") from error
            yield Containers(self._workspace, self._spec.serving, pipeline, client, gateway)


@contextmanager
def _refusals(pipeline: str) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise BundleError(f"{pipeline}: {error}. Nothing was changed") from error


def _check(pipeline: str, state: State) -> None:
    champion, candidate = state.champion, state.candidate
    for placed in filter(None, (champion, candidate)):
        if not placed.image:
            raise BundleError(
                f"{pipeline}: bundle {placed.bundle[:12]} has no image, so no container can serve it: package it with "
                "release.target docker. Nothing was changed"
            )
    if champion and candidate and champion.version == candidate.version:
        raise BundleError(
            f"{pipeline}: champion and candidate are both version {champion.version!r}; answers could not be told "
            "apart. Nothing was changed"
        )


def _route(containers: Containers, state: State) -> Route:
    from airloop.gateway import Route, Upstream

    def upstream(placed: Placed | None) -> Upstream | None:
        if placed is None:
            return None
        return Upstream(containers.name_of(placed), placed.bundle, placed.version, placed.image)

    return Route(upstream(state.champion), upstream(state.candidate), state.candidate_percent, state.shadow)


def _state(route: Route, *, champion: bool, candidate: bool) -> State:
    """Return what a route serves when of its servers those answer."""
    first = _placed(route.champion) if champion else None
    second = _placed(route.candidate) if candidate else None
    return State(first, second, route.candidate_percent, route.shadow) if second else State(first)


def _placed(upstream: Upstream | None) -> Placed | None:
    return None if upstream is None else Placed(upstream.bundle, upstream.version, upstream.image)


def _stats(told: dict[str, Any] | None, placed: Placed | None) -> dict[str, Any]:
    return told["stats"].get(placed.version, {}) if told and placed else {}
