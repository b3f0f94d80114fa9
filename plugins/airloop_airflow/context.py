"""From a task's context to what a step asks for: the run's instant, its workspace and its pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.workspace import Workspace
from airloop_airflow.connections import uri_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec import Pipeline


def as_of(context: Context) -> datetime:
    """Return the instant the run pretends it is, UTC.

    Manual and asset runs have no data interval and no logical date: their keys are not in the context at all.
    """
    run = context["dag_run"]
    asked = context["params"].get("as_of")
    return clock.resolve_as_of(
        form=clock.parse(asked) if asked else None,
        signals=list(_signals(context)),
        interval_end=run.data_interval_end,
        run_date=run.run_after,
    )


def _signals(context: Context) -> Iterator[datetime]:
    """Yield the ``as_of`` of every retrain event that started the run; an event may carry none."""
    for _, events in context["triggering_asset_events"].items():
        for event in events:
            if "as_of" in (event.extra or {}):
                yield clock.parse(str(event.extra["as_of"]))


def asked_for(context: Context, name: str) -> Any:
    """Return the form's value, or None where the DAG has no such field."""
    return context["params"].get(name)


def only_looks_back(context: Context) -> bool:
    """Return whether the run is part of a backfill that was not asked to release.

    A courtesy that spares the work: what keeps an old model from going live is the ledger's forward-only rule.
    """
    is_backfill = context["dag_run"].run_type == "backfill"
    return is_backfill and not asked_for(context, "release_backfill")


def workspace() -> Workspace:
    """Return the workspace of this process, with connections looked up in Airflow."""
    return replace(Workspace.from_environment(), connection=uri_of)


def pipeline(context: Context, name: str, workspace: Workspace) -> Pipeline:
    """Return the pipeline called ``name``, released to the target that the form names."""
    from airloop.spec import find

    found = find(name, workspace)
    target = asked_for(context, "target") or found.spec.release.target
    release = found.spec.release.model_copy(update={"target": target})
    return replace(found, spec=found.spec.model_copy(update={"release": release}))
