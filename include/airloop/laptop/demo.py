"""``make demo``: the whole loop on real flights, by way of Airflow.

A model is trained and released as of March 2013. Then the spring is sent to it, week by week; Airflow watches each week
and, when the model has become worse, trains and releases the next one by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from airloop import clock
from airloop.laptop import control, timeline
from airloop.laptop.airflow_api import AirflowApi
from airloop.laptop.control import Stack
from airloop.laptop.endpoint import tell_endpoint
from airloop.laptop.follow import follow
from airloop.laptop.landing import DemoFailed, landing
from airloop.laptop.stack import out, say, tell_where
from airloop.laptop.weeks import Week, Weeks, replayed
from airloop.refs import Level
from airloop.replay import Replay, ticks
from airloop.spec import Pipeline, find
from airloop.workspace import Workspace

PIPELINE = "flight_delays"
METRIC = "roc_auc"
RELEASED_AT = clock.parse("2013-03-18")
WATCHED_UNTIL = clock.parse("2013-06-17")
ROWS_UNTIL = clock.parse("2013-06-24")
"""Rows for a release that begins in the last week."""


def run(*, weeks: int | None = None) -> None:
    """Show the whole loop, then stay up at a terminal until Ctrl-C; elsewhere stop all that was started.

    ``weeks`` ends the watching early. On a stack that something else runs (``AIRLOOP_AIRFLOW``) nothing is stopped.
    Raises DemoFailed, RunFailed, StackFailed or PortTaken; then, too, nothing is left running.
    """
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    workspace = Workspace.from_environment()
    say(f"landing the flights of 2013 in {workspace.home / 'data'}")
    with landing(workspace, PIPELINE) as landed, _stack() as running, running.api() as api:
        landed()
        workspace = replace(workspace, server_url=running.server_url)
        pipeline = find(PIPELINE, workspace)
        until = min(WATCHED_UNTIL, RELEASED_AT + timedelta(weeks=weeks)) if weeks else WATCHED_UNTIL
        _train(workspace, pipeline, api)
        watched = _replay(workspace, pipeline, api, until)
        _tell_result(workspace, pipeline, running, watched, until)
        say(f"{time.monotonic() - began:.0f} s from nothing to here")
        if not running.was_running and sys.stdin.isatty() and out.is_terminal and not os.environ.get("CI"):
            _stay_up(running)


@contextmanager
def _stack() -> Iterator[Stack]:
    """Give a running stack; one that this demo started is ended with it, whatever happens."""
    running = control.elsewhere(os.environ) or control.up(report=say, ends_with=os.getpid())
    try:
        yield running
    finally:
        if not running.was_running:
            # A second Ctrl-C must not keep the first one from ending everything.
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            say("stopping Airflow and the model server")
            control.down(running.home)
            signal.signal(signal.SIGINT, before)


def _train(workspace: Workspace, pipeline: Pipeline, api: AirflowApi) -> None:
    """Trigger the first training as a person would, and follow it to its end. Raises DemoFailed if nothing is live."""
    dag_id = f"{PIPELINE}.train"
    api.wait_for_dag(dag_id)
    run_id = f"demo__{time.strftime('%Y-%m-%dT%H:%M:%S')}"
    say(f"training as of {RELEASED_AT:%Y-%m-%d}: {api.page(dag_id, run_id)}")
    api.trigger(dag_id, run_id, {"as_of": clock.iso(RELEASED_AT), "why": "make demo"})
    follow(api, dag_id, run_id, out)
    if workspace.ledger.live(PIPELINE, pipeline.spec.release.target) is None:
        said = (api.result(dag_id, run_id, task) for task in ("verify_bundle", "judge_candidate"))
        why = next(("; ".join(ref["reasons"]) for ref in said if ref), "its log says why")
        raise DemoFailed(f"the first model was not released: {why}")


def _replay(workspace: Workspace, pipeline: Pipeline, api: AirflowApi, until: datetime) -> list[Week]:
    """Send the spring, print what became of each week, and return that."""
    say(f"sending {RELEASED_AT:%d %B} to {until:%d %B %Y} to the endpoint, a week at a time")
    found: dict[datetime, Week] = {}
    with Replay(workspace, pipeline, RELEASED_AT, ROWS_UNTIL, known_until=datetime.now(UTC), batch=100) as replay:
        for week in replayed(Weeks(workspace, pipeline, api, replay), ticks(pipeline.spec, RELEASED_AT, until)):
            found[week.start] = week
            _tell_week(workspace, week)
        if replay.tally.refused:
            say(f"{replay.tally.refused} of {replay.tally.rows:,} rows were refused: {'; '.join(replay.tally.reasons)}")
    return list(found.values())


def _tell_week(workspace: Workspace, week: Week) -> None:
    shown: Sequence[str]
    if week.retrained is None:
        out.print(timeline.line(week, METRIC, _baselines(workspace, [week])))
        acting = [found["reasons"][0] for found in (week.drift, week.performance) if found["level"] == Level.ACT]
        shown = [*acting, *(week.decision["reasons"][:1] if acting else ())]
    else:
        shown = week.retrained.reasons
    for reason in shown:
        out.print(f"    {reason}", markup=False)


def _baselines(workspace: Workspace, weeks: Sequence[Week]) -> dict[str, float]:
    """Return how good each model was on the rows that it was judged on, by its bundle."""
    from airloop.profiles.reference import FOLDER, Reference

    bundles = {week.window["bundle"] for week in weeks} - {""}
    loaded = {digest: Reference.load(workspace.store.folder("bundles", digest) / FOLDER) for digest in bundles}
    return {digest: one.baseline[METRIC][0] for digest, one in loaded.items() if METRIC in one.baseline}


def _tell_result(workspace: Workspace, pipeline: Pipeline, running: Stack, weeks: list[Week], until: datetime) -> None:
    """Print the time line, and what to look at and to try next."""
    out.print(f"\n  [b]{PIPELINE}[/], {RELEASED_AT:%Y-%m-%d} to {until:%Y-%m-%d}\n")
    for line in timeline.lines(weeks, METRIC, _baselines(workspace, weeks)):
        out.print(line)
    out.print()
    for week in weeks:
        if week.asks:
            out.print(f"  why           {week.decision['report']}", markup=False)
        if week.retrained and week.retrained.report:
            out.print(f"  judgement     {week.retrained.report}", markup=False)
    tell_where(running)
    champion = workspace.ledger.live(PIPELINE, pipeline.spec.release.target)
    if champion is None:
        raise DemoFailed("nothing is live at the end: look at the verdicts above")
    out.print(f"  live          version {champion.version}, data up to {champion.data_cut_off:%Y-%m-%d}")
    tell_endpoint(workspace, pipeline, running, champion.bundle)


def _stay_up(running: Stack) -> None:
    out.print(f"\n  Roll back in Airflow: {running.airflow_url}/dags/{PIPELINE}.rollback")
    out.print("  All of it stays up until [b]Ctrl-C[/].")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        out.print()
