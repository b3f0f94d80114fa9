"""From a task's context to what a step asks for: the run's instant, its workspace and its pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airloop import clock
from airloop.workspace import Workspace
from airloop_airflow.connections import kubernetes_client, uri_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.refs import ClaimRef, ModelRef, VerdictRef
    from airloop.spec import Pipeline


def as_of(context: Context, *, answered: datetime | None = None) -> datetime:
    """Return the instant the run pretends it is, UTC; ``answered`` is that of the decisions that it answers.

    Manual and asset runs have no data interval and no logical date: their keys are not in the context at all.
    """
    run = context["dag_run"]
    asked = context["params"].get("as_of")
    signals = [clock.parse(str(extra["as_of"])) for extra in _signals(context) if "as_of" in extra]
    return clock.resolve_as_of(
        form=clock.parse(asked) if asked else None,
        signals=[*signals, *([answered] if answered else [])],
        interval_end=run.data_interval_end,
        run_date=run.run_after,
    )


def is_asked_for(context: Context) -> bool:
    """Return whether the retrain asset started the run; its events may have been merged, doubled or lost since."""
    return bool(context["dag_run"].run_type == "asset_triggered")


def wishes(context: Context) -> list[str]:
    """Return why each event asks for a training that stands for no decision of the monitoring, in its own words.

    A decision's event names its ``window``. One without comes from a person or another system, and is a wish.
    """
    return [str(extra.get("reason") or extra.get("why") or "") for extra in _signals(context) if "window" not in extra]


def because(claim: ClaimRef, wishes: list[str]) -> str:
    """Return why a run that was asked for exists: the decisions that it answers, each with its window, or the wish."""
    if claim.windows:
        return f"RETRAIN: {'; '.join(claim.reasons or claim.windows)}"
    return ": ".join(["RETRAIN: an event asks for it", *filter(None, wishes)])


def _signals(context: Context) -> Iterator[Mapping[str, Any]]:
    """Yield what every retrain event that started the run carries."""
    for _, events in context["triggering_asset_events"].items():
        for event in events:
            yield event.extra or {}


def asked_for(context: Context, name: str) -> Any:
    """Return the form's value, or None where the DAG has no such field."""
    return context["params"].get(name)


def only_looks_back(context: Context) -> bool:
    """Return whether the run is part of a backfill that was not asked to release.

    A courtesy that spares the work: what keeps an old model from going live is the ledger's forward-only rule.
    """
    is_backfill = context["dag_run"].run_type == "backfill"
    return is_backfill and not asked_for(context, "release_backfill")


def note_asked(context: Context, pipeline: str, act: Literal["train", "monitor"]) -> None:
    """Write to the ledger who started the run by hand, where a person did."""
    from airloop import steps

    run = context["dag_run"]
    if run.run_type != "manual" or not run.triggering_user_name:
        return
    steps.note_asked(
        workspace(),
        pipeline,
        act=act,
        run_id=context["run_id"],
        by=run.triggering_user_name,
        why=asked_for(context, "why") or "",
        as_of=as_of(context),
        is_dry_run=bool(asked_for(context, "dry_run")),
    )


def note_judged(context: Context, pipeline: str, verdict: VerdictRef, model: ModelRef, judged_as_of: datetime) -> None:
    """Write to the ledger which verdict the run got."""
    from airloop import steps

    steps.note_judged(
        workspace(),
        pipeline,
        verdict=verdict,
        model=model,
        run_id=context["run_id"],
        as_of=judged_as_of,
        looks_back=only_looks_back(context),
        is_dry_run=bool(asked_for(context, "dry_run")),
    )


def workspace() -> Workspace:
    """Return the workspace of this process, with connections looked up in Airflow when they are needed."""
    found = Workspace.from_environment()
    return replace(found, connection=uri_of, kubernetes=replace(found.kubernetes, client=kubernetes_client))


def pipeline(context: Context, name: str, workspace: Workspace) -> Pipeline:
    """Return the pipeline called ``name``, released to the target that the form names."""
    from airloop.spec import find

    found = find(name, workspace)
    target = asked_for(context, "target")
    return found.released_to(target) if target else found
