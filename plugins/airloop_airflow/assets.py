"""When a pipeline trains: its cron, and the asset whose events ask for a new training."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable

from airloop.spec import Spec


def retrain(name: str) -> Asset:
    """Return the asset of a pipeline whose events start a training; an event's ``as_of`` extra is the run's instant."""
    return Asset(name=f"{name}/retrain", uri=f"airloop://retrain/{name}", group="airloop")


def schedule_of(spec: Spec) -> AssetOrTimeSchedule | list[Asset]:
    """Return when ``<pipeline>.train`` runs.

    A cron run's logical date and (empty) data interval both lie on its tick, so ``as_of`` is the tick, and a backfill
    over past ticks has each run see what was known on that one.
    """
    asset = retrain(spec.name)
    if spec.schedule is None:
        return [asset]
    return AssetOrTimeSchedule(timetable=ticks(spec.schedule), assets=[asset])


def ticks(cron: str) -> CronTriggerTimetable:
    """Return a schedule (UTC) whose first run waits for the next tick: a fresh checkout must not run at once.

    ``run_immediately=False`` does not say that to Airflow 3.3: it runs a tick that is past by up to a tenth of the gap.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=timedelta(0))
