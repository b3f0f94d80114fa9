"""From what a pipeline serves to what it shall serve, without a gap and without a share that nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes import moves, shares
from airloop.release.kubernetes.conditions import Object, is_edited
from airloop.release.kubernetes.servers import Servers

if TYPE_CHECKING:
    from airloop.release.kubernetes.fittings import Fittings
    from airloop.release.kubernetes.traffic import ByPods

BACK_S = 10.0
"""How long a champion that gets all requests back is given for those of its pods that it gave away."""


@dataclass
class Changing:
    """One pipeline's servers, and what leads requests to them."""

    servers: Servers
    traffic: ByPods
    fittings: Fittings

    def change(self, wanted: Route) -> bool:
        """Serve by ``wanted``; return whether that is another route than before.

        Raises BundleError, with nothing changed, when a version cannot be served.
        """
        before, warm = self.traffic.remembered()
        self.traffic.refuse(wanted)
        before = self._narrowed(before, wanted, warm)
        found = self.servers.deployments()
        now = {name: one["spec"]["replicas"] for name, one in found.items()}
        counts = self.traffic.counts(wanted, now)
        warm = self._kept_warm(before, wanted, warm)
        self.fittings.before(wanted)
        answering = {name: len(pods) for name, pods in self.servers.pods().items() if name in found}
        one, missing = moves.takes_all(before, wanted), 0
        if self._is_there(wanted, counts, found, answering):
            if (wanted, warm) != self.traffic.remembered() or not self.traffic.look()[1]:
                self.traffic.put(wanted, warm)
            self.servers.run(counts, known=())
        elif one and answering.get(one.server) and not is_edited(found[one.server]):
            missing = self._exchange(before, one, counts[one], now)
            self.traffic.put(wanted, warm)
        else:
            self._free(before, wanted, found, warm)
            known = [one for one in before.upstreams if not answering.get(one.server)]
            self.servers.run(counts, known=known, apart=moves.goes_on(before, wanted))
            if self.traffic.mixes(wanted):
                self._be_alone(wanted, warm)
            self.traffic.put(wanted, warm)
        self._clean(wanted, warm)
        if one and missing:
            self._make_whole(before, one, counts[one], missing)
        self.fittings.after(wanted)
        return wanted != before

    def _narrowed(self, before: Route, wanted: Route, warm: str) -> Route:
        """Lead requests to the champion alone while pods come that would get some before they shall."""
        if not self.traffic.mixes(before) or set(wanted.upstreams) <= set(before.upstreams):
            return before
        alone = Route(before.champion)
        self.traffic.put(alone, warm)
        return alone

    def _be_alone(self, wanted: Route, warm: str) -> None:
        """Make the pods of two versions the only ones there, before all that are there get requests."""
        others = self.servers.deployments().keys() - {one.server for one in wanted.upstreams}
        if others:
            self.traffic.put(Route(wanted.champion), warm)
            self.servers.end(others)
            self.servers.wait_until_gone(others)

    def _kept_warm(self, before: Route, wanted: Route, warm: str) -> str:
        """Return which Deployment is kept for a roll back: the one that was champion until now."""
        if wanted.candidate is not None or wanted.champion is None:
            return warm if warm in {one.server for one in wanted.upstreams} else ""
        was = before.champion
        if was is None or was.version == wanted.champion.version:
            return warm if before == wanted else ""
        return was.server

    def _is_there(
        self, wanted: Route, counts: Mapping[Upstream, int], found: Mapping[str, Object], answering: Mapping[str, int]
    ) -> bool:
        """Return whether what shall get all requests is ready for them, so that it can get them at once."""
        chosen = self.traffic.chosen(wanted)
        if chosen == "" or any(not answering.get(one.server) or is_edited(found[one.server]) for one in counts):
            return False
        needed = {upstream.server: count for upstream, count in counts.items()}
        return chosen is None or answering[chosen] >= needed[chosen]

    def _exchange(self, before: Route, one: Upstream, needed: int, now: Mapping[str, int]) -> int:
        """Have the pods that ``one`` needs come in the place of the other's: a quota may leave no room beside them.

        Where that is the champion it is not waited for long: what was judged worse must go, whatever does not come.
        Returns how many did not come.
        """
        goes_back = one == before.champion
        if self.traffic.mixes(before):
            for other in {each.server for each in before.upstreams} & now.keys() - {one.server}:
                fewer = shares.meanwhile(now[other], now[one.server], needed)
                self.servers.scale(other, fewer)
                if not goes_back:
                    self.servers.wait_until_few(other, fewer)
        if not goes_back:
            self.servers.run({one: needed}, known=())
            return 0
        self.servers.scale(one.server, needed)
        there = self.servers.wait_until_many(one, needed, BACK_S)
        if there < needed:
            # Who is refused pods asks for them ever more seldom, in the end once in a quarter of an hour.
            self.servers.scale(one.server, there)
        return max(0, needed - there)

    def _make_whole(self, before: Route, one: Upstream, needed: int, missing: int) -> None:
        """Have the ``missing`` pods come once as many of the other version's are gone; nobody waits for them."""
        for other in {each.server for each in before.upstreams} - {one.server}:
            self.servers.wait_until_fewer(other, missing)
        self.servers.scale(one.server, needed)

    def _free(self, before: Route, wanted: Route, found: Mapping[str, Object], warm: str) -> None:
        """End what nobody needs any more, so that there is room for what comes."""
        needed = {one.server for one in (*before.upstreams, *wanted.upstreams)}
        self.servers.end(found.keys() - needed - {warm})

    def _clean(self, wanted: Route, warm: str) -> None:
        found = self.servers.deployments()
        self.servers.end(found.keys() - {one.server for one in wanted.upstreams} - {warm})
        if warm in found and found[warm]["spec"]["replicas"] > self.servers.serving.replicas:
            self.servers.scale(warm, self.servers.serving.replicas)
