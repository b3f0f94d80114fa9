"""Releasing: a verified bundle climbs the rollout and becomes champion, or the champion stays and it is said why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airloop import clock, evidence
from airloop.errors import AirloopError, LostRace, ReleaseRefused
from airloop.ledger import Champion
from airloop.refs import BundleRef, ReleaseOutcome, ReleaseRef, VerdictRef, VerificationRef
from airloop.release import hand_over
from airloop.release.changing import ENTRY_KINDS, Change, alone, placed
from airloop.release.climb import Climb, Climbed
from airloop.release.target import Limited, State, Target
from airloop.release.targets import target_of
from airloop.release.waiting import DEFAULT_PACE, Pace, Report, holding
from airloop.spec import Pipeline
from airloop.workspace import Workspace


def release(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    bundle: BundleRef,
    verdict: VerdictRef,
    verification: VerificationRef,
    run_id: str,
    report: Report,
    by: str = "",
    target: Target | None = None,
    pace: Pace = DEFAULT_PACE,
) -> ReleaseRef:
    """Roll ``bundle`` out on the spec's target and return how it ended; a retry of the same run goes on with it.

    ROLLED_BACK (judged worse, or inconclusive) and REFUSED (a rule of the ledger, releases that a person has paused, a
    lost race) are outcomes. Raised
    are BundleError (altered, or the target cannot serve it), EvidenceError (unsigned, or something that the release
    rests on is altered or gone), ReleaseRefused (verdict, verification or approval), Unreachable (target or ledger
    silent) and LostRace (another run is still releasing): after all of them the champion serves.
    """
    if pipeline.spec.release.approval == "required" and not by:
        raise ReleaseRefused(
            f"{pipeline.name}: a person must approve a release (release.approval is required), and nobody is named"
        )
    hand_over.check(workspace, pipeline.name, bundle, verdict, verification)
    place = target or target_of(workspace, pipeline.spec)
    rollout = pipeline.spec.release.rollout
    if isinstance(place, Limited) and (why := place.cannot(rollout)):
        raise ReleaseRefused(f"{pipeline.name}: {why}. Nothing was started")
    patience_s = (len(rollout.steps) + 1) * rollout.step_timeout.total_seconds() + 2 * pace.lease_s
    with holding(
        workspace.ledger, pipeline.name, place.name, run_id, pace=pace, report=report, longest_s=patience_s
    ) as hold:
        change = Change(workspace, pipeline.name, place, hold, run_id, by, keep=pipeline.spec.release.keep)
        return _Release(change, pipeline, bundle, verdict, verification).run()


@dataclass
class _Release:
    change: Change
    pipeline: Pipeline
    bundle: BundleRef
    verdict: VerdictRef
    verification: VerificationRef

    def run(self) -> ReleaseRef:
        live = self.change.live()
        if live is not None and live.bundle == self.bundle.digest:
            return self._finish(live)
        judged = self._judged_before()
        if judged is not None:
            return self._back(live, ReleaseOutcome.ROLLED_BACK, (*judged, "start a new run to try again"))
        refusal = self._refusal() or self._same_version(live)
        if refusal:
            return self._stay(live, ReleaseOutcome.REFUSED, (refusal,), must=False)
        try:
            self._certify()
        except AirloopError:
            # A try that died may have left its candidate with a share of the requests.
            if live is not None:
                problem = self.change.tried_to_put_back(alone(live))
                self.change.hold.report(problem or f"not certified: {live} answers alone")
            raise
        try:
            climbed = self._climb(live)
            self.change.evidence["steps"] = _steps(climbed)
            if not climbed.promote:
                return self._stay(live, ReleaseOutcome.ROLLED_BACK, climbed.reasons)
            self.change.hold.renew()
        except LostRace as error:
            problem = self.change.leave()
            return self._ended(self.change.live(), ReleaseOutcome.REFUSED, (str(error), problem))
        try:
            champion = self._commit(live, climbed)
        except ReleaseRefused as error:
            return self._stay(self.change.live(), ReleaseOutcome.REFUSED, (str(error),))
        return self._finish(champion)

    def _certify(self) -> None:
        """Sign what the release rests on, and note it, before anything is touched."""
        change, bundle = self.change, self.bundle
        statement = evidence.certify(
            change.workspace,
            change.pipeline,
            bundle=bundle,
            verdict=self.verdict,
            verification=self.verification,
            by=change.by,
            run_id=change.run_id,
            target=change.target.name,
        )
        said = {"evidence": statement, "target": change.target.name, "version": bundle.version, "by": change.by}
        change.ledger.record(hand_over.CERTIFIED, change.pipeline, bundle.digest, said, run_id=change.run_id)
        change.evidence |= {"evidence": statement, "image": bundle.image}

    def _climb(self, live: Champion | None) -> Climbed:
        change = self.change
        before = change.hold.answered(lambda: change.target.observe(change.pipeline)).state
        base = alone(live) if live else State(champion=before.champion)
        if live is None and before.champion is not None:
            change.hold.report(f"the target serves {before}, which the ledger does not know: it is not compared with")
        climb = Climb(
            pipeline=change.pipeline,
            rules=self.pipeline.spec.release.rollout,
            target=change.target,
            hold=change.hold,
            base=base,
            candidate=placed(self.bundle),
            has_champion=live is not None,
        )
        try:
            return climb.run()
        except LostRace:
            raise
        except BaseException:
            # Also a task that is stopped from outside: nobody would watch the candidate any more.
            change.hold.report(f"stopped: {change.tried_to_put_back(base) or f'the target serves {base} alone'}")
            raise

    def _commit(self, live: Champion | None, climbed: Climbed) -> Champion:
        change = self.change
        champion = change.ledger.promote(
            change.pipeline,
            change.target.name,
            bundle=self.bundle.digest,
            version=self.bundle.version,
            data_cut_off=self.bundle.data_cut_off,
            expected_generation=live.generation if live else 0,
            run_id=change.run_id,
            reasons=_why(live, climbed),
            by=change.by,
            image=self.bundle.image,
        )
        change.hold.report(f"committed: {champion}")
        return champion

    def _finish(self, champion: Champion) -> ReleaseRef:
        statement = hand_over.statement_of(self.change.ledger, champion)
        self.change.evidence |= {"evidence": statement, "image": champion.image}
        problem = self.change.serve(champion)
        again = "" if champion.run_id == self.change.run_id else f"live already since run {champion.run_id!r}"
        reasons = (*champion.reasons, again, problem)
        return self.change.ended(
            ReleaseOutcome.RELEASED, champion.bundle, champion.version, reasons, champion.generation
        )

    def _stay(
        self, live: Champion | None, outcome: ReleaseOutcome, reasons: tuple[str, ...], *, must: bool = True
    ) -> ReleaseRef:
        """Record first, then put the champion back: a crash between them finds the record and only puts back."""
        self.change.record(outcome, self.bundle.digest, self.bundle.version, reasons, live.generation if live else 0)
        return self._back(live, outcome, reasons, must=must)

    def _back(
        self, live: Champion | None, outcome: ReleaseOutcome, reasons: tuple[str, ...], *, must: bool = True
    ) -> ReleaseRef:
        """Put the champion back; ``must``: raise what the target raises, for the candidate may have its share still."""
        change, problem = self.change, ""
        try:
            if live is None:
                self._take_away()
            else:
                change.put_back(alone(live))
        except LostRace as error:
            problem = f"what the target serves is left to another run: {error}"
        except AirloopError as error:
            what = f"told to serve {live} alone again" if live else "asked to take the candidate away"
            problem = f"the target could not be {what}: {error}"
            if must:
                place = f"{change.pipeline} on {change.target.name}"
                raise type(error)(
                    f"{place}: version {self.bundle.version} ended as {outcome}, but {problem}"
                ) from error
        said = (*reasons, problem) if problem else reasons
        return change.ref(outcome, self.bundle.digest, self.bundle.version, said, live.generation if live else 0)

    def _take_away(self) -> None:
        """Before a first release there is no champion to put back, but its candidate answers already once loaded."""
        state = self.change.hold.answered(lambda: self.change.target.observe(self.change.pipeline)).state
        if state.candidate:
            self.change.put_back(State(champion=state.champion))

    def _ended(self, live: Champion | None, outcome: ReleaseOutcome, reasons: tuple[str, ...]) -> ReleaseRef:
        generation = live.generation if live else 0
        return self.change.ended(outcome, self.bundle.digest, self.bundle.version, reasons, generation)

    def _judged_before(self) -> tuple[str, ...] | None:
        """Return the reasons for which this run was judged already; what the judgement rests on is remembered."""
        kind, subject = ENTRY_KINDS[ReleaseOutcome.ROLLED_BACK], self.bundle.digest
        for entry in self.change.ledger.entries(self.change.pipeline, kind, subject=subject):
            if entry.run_id == self.change.run_id and entry.payload["target"] == self.change.target.name:
                kept = ("steps", "evidence", "image")
                self.change.evidence |= {name: entry.payload[name] for name in kept if name in entry.payload}
                return tuple(entry.payload["reasons"])
        return None

    def _same_version(self, live: Champion | None) -> str:
        if live is None or live.version != self.bundle.version:
            return ""
        return (
            f"{live.place}: {live} is live already, from another bundle of the same model (its spec or its verdict "
            "differs): answers could not be told apart, and they would be the same"
        )

    def _refusal(self) -> str:
        return self.change.ledger.refusal(
            self.change.pipeline,
            self.change.target.name,
            bundle=self.bundle.digest,
            version=self.bundle.version,
            data_cut_off=self.bundle.data_cut_off,
            run_id=self.change.run_id,
        )


def _steps(climbed: Climbed) -> list[dict[str, Any]]:
    return [
        {"step": str(step), "action": decision.action.value, "reasons": list(decision.reasons)}
        for step, decision in climbed.steps
    ]


def _why(live: Champion | None, climbed: Climbed) -> tuple[str, ...]:
    if live is None:
        return ("first release: no champion to compare with, straight to 100 %",)
    if not climbed.steps:
        return (f"no step below 100 % in the spec: not compared with {live} on live requests",)
    followed = f"after version {live.version} with data up to {clock.told(live.data_cut_off)}"
    return (followed, *(reason for _, decision in climbed.steps for reason in decision.reasons))
