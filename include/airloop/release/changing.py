"""What a release and a roll back have in common: putting the ledger's champion on the target and saying so.

**The order, and why.** (1) The target loads the version beside the champion, without a share: what cannot be loaded
changes nothing. (2) It climbs. (3) *Commit*: one row in the ledger, by compare-and-swap. (4) The target is told to
serve it alone. (5) The alias in MLflow. (6) The entry for people. Every step but (3) only sets a state, so a retry does
it again without harm. A crash before (3) leaves the old champion live, and the next try goes on where the target is; a
crash after (3) leaves a target that still serves two versions, both whole, and the next try (or the model server when
it starts, which asks the ledger) brings it to (4). The other order, target first, could serve a version that the
ledger then refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from airloop.errors import AirloopError, LostRace, Unreachable
from airloop.ledger import Champion, Ledger
from airloop.refs import BundleRef, ReleaseOutcome, ReleaseRef
from airloop.release import alias
from airloop.release.history import retained
from airloop.release.target import Placed, State, Target
from airloop.release.waiting import Hold
from airloop.workspace import Workspace

ENTRY_KINDS = {
    ReleaseOutcome.RELEASED: "released",
    ReleaseOutcome.ROLLED_BACK: "rolled_back",
    ReleaseOutcome.REFUSED: "refused",
}
"""Kind of the ledger entry that each outcome leaves."""


@dataclass
class Change:
    """One change of what is live for ``pipeline`` on ``target``, made by ``run_id`` under a lease."""

    workspace: Workspace
    pipeline: str
    target: Target
    hold: Hold
    run_id: str
    by: str
    evidence: dict[str, Any] = field(default_factory=dict)
    """What the entry keeps beside the outcome, for example the judged steps."""
    keep: int = 3
    """Releases of which the target keeps what it has."""

    @property
    def ledger(self) -> Ledger:
        """The ledger that decides."""
        return self.workspace.ledger

    def live(self) -> Champion | None:
        """Return the champion by the ledger."""
        return self.ledger.live(self.pipeline, self.target.name)

    def serve(self, champion: Champion) -> str:
        """Make the target serve what was committed, alone, and set the alias; return what did not work.

        Raises Unreachable when the target is silent: the commit stands, a retry finishes it.
        """
        try:
            self.hold.renew()
            self.hold.answered(lambda: self.target.apply(self.pipeline, alone(champion)))
        except LostRace as error:
            return f"committed, and then left to another run: {error}"
        except Unreachable as error:
            raise Unreachable(
                f"{champion.place}: {champion} is committed in the ledger, but the target does not answer: {error}. "
                "Retry to finish"
            ) from error
        problem = alias.set_champion(self.workspace, self.pipeline, champion.version)
        if problem:
            self.ledger.record("alias_failed", self.pipeline, champion.bundle, {"problem": problem}, run_id=self.run_id)
        kept = retained(self.ledger.champions(self.pipeline, self.target.name), self.keep)
        with suppress(LostRace):  # Whoever took over does it.
            self.hold.answered(lambda: self.target.keep(self.pipeline, kept))
        return problem

    def put_back(self, state: State) -> None:
        """Make the target serve ``state`` again; a silent one is waited for.

        Raises LostRace when another run took over, Unreachable when the target is silent for too long, and what else
        it raises.
        """
        with suppress(Unreachable):  # Without the ledger the champion must serve alone all the same.
            self.hold.renew()
        self.hold.answered(lambda: self.target.apply(self.pipeline, state))

    def tried_to_put_back(self, state: State) -> str:
        """Put back and return what did not work: for those who have something else to tell."""
        try:
            self.put_back(state)
        except AirloopError as error:
            return f"the target could not be told to serve {state} alone again: {error}"
        return ""

    def leave(self) -> str:
        """After a lost race: make the target serve the ledger's champion, unless another run is at it just now.

        What this run told the target last may have come after what the other one told it. Returns what did not work.
        """
        try:
            lease = self.ledger.take_lease(
                self.pipeline, self.target.name, f"after {self.run_id}", seconds=self.hold.pace.lease_s
            )
        except LostRace:
            return ""
        self.hold = Hold(self.ledger, lease, self.hold.pace, self.hold.report)
        try:
            live = self.live()
            return self.tried_to_put_back(alone(live)) if live else ""
        finally:
            self.ledger.give_lease_back(lease)

    def ended(
        self, outcome: ReleaseOutcome, bundle: str, version: str, reasons: Iterable[str], generation: int
    ) -> ReleaseRef:
        """Record how the change ended, tell it, and return the ref."""
        said = tuple(reason for reason in reasons if reason)
        self.record(outcome, bundle, version, said, generation)
        return self.ref(outcome, bundle, version, said, generation)

    def record(
        self, outcome: ReleaseOutcome, bundle: str, version: str, said: tuple[str, ...], generation: int
    ) -> None:
        """Record how the change ended, and tell it."""
        payload: dict[str, Any] = {
            "outcome": outcome.value,
            "target": self.target.name,
            "version": version,
            "by": self.by,
        }
        payload |= {"reasons": list(said), "generation": generation} | self.evidence
        self.ledger.record(ENTRY_KINDS[outcome], self.pipeline, bundle, payload, run_id=self.run_id)
        self.hold.report(f"{outcome}: version {version}: {'; '.join(said)}")

    def ref(
        self, outcome: ReleaseOutcome, bundle: str, version: str, said: tuple[str, ...], generation: int
    ) -> ReleaseRef:
        """Return how the change ended, for the next task."""
        return ReleaseRef(
            digest=bundle,
            uri=self.workspace.store.uri("bundles", bundle),
            outcome=outcome,
            pipeline=self.pipeline,
            target=self.target.name,
            generation=generation,
            version=version,
            endpoint=self._endpoint(),
            reasons=said,
            image=str(self.evidence.get("image", "")),
            evidence=str(self.evidence.get("evidence", "")),
        )

    def _endpoint(self) -> str:
        with suppress(LostRace):  # Who took over tells it.
            return self.hold.answered(lambda: self.target.endpoint(self.pipeline))
        return ""


def alone(champion: Champion | None) -> State:
    """Return the state in which the champion answers everything."""
    return State(champion=placed(champion) if champion else None)


def placed(version: Champion | BundleRef) -> Placed:
    """Return a champion, or a bundle that is to become one, as a target is told of it."""
    bundle = version.digest if isinstance(version, BundleRef) else version.bundle
    return Placed(bundle, version.version, version.image)
