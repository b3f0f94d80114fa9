"""The Kubernetes target: each version in a Deployment of its own, and a Service or Gateway that shares requests out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airloop.release import counting, routed
from airloop.release.answers import Largest
from airloop.release.target import Observed, State
from airloop.spec.model import Rollout, Spec
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.release.kubernetes.place import Place


class KubernetesTarget:
    """Deployments in the namespace of the workspace's cluster.

    What is served stands in an annotation of the pipeline's Service and nowhere else, so a target opened anew goes on
    with what runs. A Deployment that stands there not is what a killed run left: the next ``apply`` adopts or ends it.
    """

    name = "kubernetes"

    def __init__(self, workspace: Workspace, spec: Spec, ready_s: float | None = None) -> None:
        self._workspace = workspace
        self._spec = spec
        self._ready_s = workspace.kubernetes.ready_s if ready_s is None else ready_s
        self._largest = Largest()

    def cannot(self, rollout: Rollout) -> str:
        """Return why no rollout can climb as ``rollout`` says, "" when it can. Raises Unreachable."""
        with self._place(self._spec.name) as place:
            return place.traffic.cannot(rollout)

    def observe(self, pipeline: str) -> Observed:
        """Return what is served, and what each version did since the state was applied.

        A version none of whose pods answers is not served, whatever the Service remembers; neither is one that somebody
        else edited, nor any while requests are led elsewhere by hand.
        """
        with self._place(pipeline) as place:
            route, is_led = place.traffic.look()
            if not is_led or not route.upstreams:
                return Observed(State())
            asking, intact = place.asking, place.servers.intact()
            # The candidate first: failures of the champion that come in between excuse copies, and never add some.
            candidate, champion = (
                asking.stats(one) if one and one.server in intact else None for one in (route.candidate, route.champion)
            )
            state = routed.state_of(route, champion=champion is not None, candidate=candidate is not None)
            counts = counting.of_candidate(candidate or {}, champion or {})
            if state.shadow and route.champion and route.candidate:
                self._largest.add(pipeline, state, asking.answers(route.champion), asking.answers(route.candidate))
            mine = route.candidate.server if route.candidate else ""
            ended = place.ends(mine) if mine in intact else {}
        return Observed(state, counting.own(champion or {}), self._largest.on(counts, pipeline, state), ended)

    def apply(self, pipeline: str, state: State) -> None:
        """Start what is missing and wait until it answers, change the shares, then end what is not named any more.

        The version that was champion until then is kept warm until the next rollout begins. Raises BundleError, with
        nothing changed, when a version cannot be served, in the cluster's words.
        """
        routed.check(pipeline, state, self.name)
        with self._place(pipeline) as place, routed.refusals(pipeline):
            route = routed.route_of(state, place.servers.upstream)
            if place.changing.change(route):
                place.asking.recount(route.upstreams)

    def endpoint(self, pipeline: str) -> str:
        """Return the URL that answers predictions, inside the cluster."""
        with self._place(pipeline) as place:
            return f"{place.traffic.address()}/v2/models/{pipeline}/infer"

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        """Remove the Deployments of other bundles that nobody needs; images are the registry's business."""
        with self._place(pipeline) as place:
            return place.servers.prune({*bundles, *(one.bundle for one in place.traffic.remembered()[0].upstreams)})

    def flush(self, pipeline: str) -> None:
        """Have every pod that is served write its prediction log. Raises Unreachable and Refusal."""
        with self._place(pipeline) as place:
            for upstream in place.traffic.remembered()[0].upstreams:
                place.asking.flush(upstream)

    @contextmanager
    def _place(self, pipeline: str) -> Iterator[Place]:
        from airloop import cluster
        from airloop.release.kubernetes.place import Place

        with cluster.connected(self._workspace) as found:
            yield Place(self._workspace, self._spec, pipeline, found, self._ready_s)
