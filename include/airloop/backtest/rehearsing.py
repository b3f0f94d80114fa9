"""What the gates would have said, tick after tick, against the champion that they would have had until then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airloop.backtest.learning import Learned
from airloop.errors import BundleError, FeatureError
from airloop.gates.champion import LiveModel, as_if_live
from airloop.gates.judge import rehearse
from airloop.gates.verdict import Verdict
from airloop.refs import Outcome

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

TARGET = "backtest"
"""Where a simulated champion is live: on no target that exists."""


@dataclass(frozen=True)
class Judged:
    """A tick's candidate and what the gates would have said; no verdict where there was nothing to judge."""

    learned: Learned
    verdict: Verdict | None = None
    digest: str = ""
    """Of the verdict."""
    problem: str = ""
    """Why there is no verdict."""

    @property
    def is_promoted(self) -> bool:
        """Whether it would have gone live."""
        return self.verdict is not None and self.verdict.outcome is Outcome.PROMOTE


def rehearse_all(workspace: Workspace, pipeline: Pipeline, learned: Sequence[Learned]) -> Iterator[Judged]:
    """Yield the verdict of every tick, in order; a promoted candidate is the next ones' champion.

    The ledger is neither read nor written. What a verdict does not know is passed: a person's approval, the limits that
    verification measures, and the rollout.
    """
    champion: LiveModel | None = None
    for one in learned:
        if one.problem:
            yield Judged(one, problem=one.problem)
            continue
        try:
            judged, snapshot = _judge(workspace, pipeline, one, champion)
            if judged.is_promoted:
                champion = _promote(workspace, pipeline, one, snapshot, champion)
        except (BundleError, FeatureError) as error:
            judged = Judged(one, problem=str(error))
        yield judged


def _judge(
    workspace: Workspace, pipeline: Pipeline, one: Learned, champion: LiveModel | None
) -> tuple[Judged, Snapshot]:
    from airloop.data import load_snapshot
    from airloop.validation import load_validation

    snapshot = load_snapshot(workspace, one.snapshot)
    checked = load_validation(workspace, one.validation)
    name, verdict = rehearse(workspace, pipeline, one.snapshot, snapshot, checked, one.model, one.version, champion)
    return Judged(one, verdict, name), snapshot


def _promote(
    workspace: Workspace, pipeline: Pipeline, one: Learned, snapshot: Snapshot, before: LiveModel | None
) -> LiveModel:
    from airloop.ledger import Champion

    live = Champion(
        pipeline=pipeline.name,
        target=TARGET,
        generation=before.live.generation + 1 if before else 1,
        bundle="",
        version=one.version,
        data_cut_off=snapshot.as_of,
        kind="release",
        run_id=TARGET,
        by="",
        reasons=(),
        restores=None,
        recorded_at=one.as_of,
    )
    return as_if_live(workspace, pipeline, live, one.model, snapshot)
