"""The Docker target: each version in a container of its own, and a gateway that shares the requests out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airloop.errors import ImageError, Unreachable
from airloop.release import asking, counting, routed
from airloop.release.answers import Largest
from airloop.release.target import Observed, Placed, State
from airloop.spec.model import Spec
from airloop.workspace import Workspace

if TYPE_CHECKING:
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
            state = routed.state_of(route, champion=champion is not None, candidate=candidate is not None)
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
        routed.check(pipeline, state, self.name)
        with self._containers(pipeline) as containers, routed.refusals(pipeline):
            before = containers.gateway.route(pipeline)
            is_same = routed.state_of(before, champion=True, candidate=True) == state
            after = containers.start(routed.route_of(state, containers.upstream), before, must=is_same)
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


def _stats(told: dict[str, Any] | None, placed: Placed | None) -> dict[str, Any]:
    return told["stats"].get(placed.version, {}) if told and placed else {}
