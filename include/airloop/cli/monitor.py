"""``monitor``: the whole monitoring of a window, without Airflow; and its steps, one command each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from airloop import clock, steps
from airloop.cli.arguments import AsOf, AsOfOrNow, Name, Refs, RunId, new_run_id, read_refs
from airloop.cli.screen import colour, console, emit, timing, when
from airloop.cli.steps import command_of, first_line, opened
from airloop.refs import Action, DriftRef, Handed, LabelsArrived, PerformanceRef, PredictionsArrived, WindowRef

NEEDS: dict[str, Mapping[str, type[Handed]]] = {
    "count_labels": {"predictions": PredictionsArrived},
    "profile_window": {"predictions": PredictionsArrived},
    "score_drift": {"window": WindowRef},
    "score_performance": {"window": WindowRef, "labels": LabelsArrived},
    "decide_retraining": {
        "window": WindowRef,
        "labels": LabelsArrived,
        "drift": DriftRef,
        "performance": PerformanceRef,
    },
}
"""Step → the refs it takes, by name."""

_PANEL = "One step of monitoring"

Backfill = Annotated[bool, typer.Option("--backfill", help="Look at the past: decide as of then, record no decision.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("monitor")(_monitor)
    app.command("count_predictions", help=first_line("count_predictions"), rich_help_panel=_PANEL)(_count_predictions)
    app.command("count_labels", help=first_line("count_labels"), rich_help_panel=_PANEL)(_count_labels)
    for step in ("profile_window", "score_drift", "score_performance"):
        app.command(step, help=first_line(step), rich_help_panel=_PANEL)(command_of(step, NEEDS[step]))
    app.command("decide_retraining", help=first_line("decide_retraining"), rich_help_panel=_PANEL)(_decide_retraining)
    app.command("claim_retraining", help=first_line("claim_retraining"), rich_help_panel=_PANEL)(_claim_retraining)


def _monitor(name: Name, as_of: AsOfOrNow = None, backfill: Backfill = False, run_id: RunId = "") -> None:
    """Watch the window that a run at `--as-of` looks at: what came in, drift, performance, and whether to retrain."""
    workspace, pipeline = opened(name)
    now = datetime.now(UTC).replace(microsecond=0)
    instant = clock.resolve_as_of(form=as_of, signals=(), interval_end=None, run_date=now)
    screen = console()
    screen.print(f"[bold]{pipeline.name}[/] watched as of {clock.iso(instant)}")
    watched = steps.watch_window(
        workspace,
        pipeline,
        as_of=instant,
        run_id=run_id or new_run_id(),
        now=now,
        watch=timing,
        is_binding=not backfill,
    )
    _show(pipeline.name, watched, screen)
    refs = {key: ref.model_dump(mode="json") for key, ref in watched.refs.items()}
    decision = watched.decision
    outcome = {"window": decision.window, "action": decision.action, "reasons": list(decision.reasons)}
    emit({"pipeline": pipeline.name, **outcome, "pending": list(watched.pending), "refs": refs}, is_told=True)


def _show(name: str, watched: steps.Watched, screen: Console) -> None:
    decision = watched.decision
    table = Table(show_header=False, box=None, pad_edge=False)
    for what, ref in watched.refs.items():
        if isinstance(ref, WindowRef):
            by = f", most answered by version {ref.version}" if ref.version else ""
            table.add_row("window", f"{when(ref.start)} to {when(ref.end)} UTC: {ref.rows:,} predictions{by}")
        elif isinstance(ref, PredictionsArrived):
            _add(table, what, ref.reasons)
        elif isinstance(ref, LabelsArrived):
            known = f"{ref.labelled:,} of {ref.predictions:,} known by {when(ref.known_until)} UTC; source {ref.source}"
            _add(table, what, (known, *ref.reasons))
        elif isinstance(ref, DriftRef | PerformanceRef):
            table.add_row(what, colour(ref.level))
            _add(table, "", ref.reasons)
    table.add_row("report", decision.report)
    screen.print(table)
    screen.print()
    screen.print(colour(decision.action), *(f"· {reason}" for reason in decision.reasons), sep="\n")
    for line in watched.pending:
        screen.print(Text(f"! not recorded yet: {line}; run this again then", style="yellow"))
    if decision.is_binding and decision.action is Action.RETRAIN:
        screen.print(f"To train now: python -m airloop run {name} --as-of {clock.iso(decision.as_of)}")
    if not decision.is_binding and not watched.pending:
        screen.print("This is a look at the past: no decision was recorded.")


def _add(table: Table, name: str, lines: tuple[str, ...]) -> None:
    for number, line in enumerate(lines):
        table.add_row("" if number else name, line)


def _count_predictions(name: Name, as_of: AsOf) -> None:
    workspace, pipeline = opened(name)
    emit(steps.count_predictions(workspace, pipeline, as_of=as_of))


def _count_labels(name: Name, refs: Refs) -> None:
    workspace, pipeline = opened(name)
    given: dict[str, Any] = dict(read_refs(refs, NEEDS["count_labels"]))
    labels, is_final = steps.count_labels(workspace, pipeline, **given, now=datetime.now(UTC))
    if not is_final:
        wait = clock.iso(labels.as_of + pipeline.spec.monitor.labels.wait)
        console().print(Text(f"! more labels may become known until {wait}", style="yellow"))
    emit(labels)


def _decide_retraining(name: Name, refs: Refs, backfill: Backfill = False, run_id: RunId = "") -> None:
    workspace, pipeline = opened(name)
    given: dict[str, Any] = dict(read_refs(refs, NEEDS["decide_retraining"]))
    run_id = run_id or new_run_id()
    emit(steps.decide_retraining(workspace, pipeline, **given, run_id=run_id, is_binding=not backfill))


def _claim_retraining(name: Name, run_id: RunId = "") -> None:
    workspace, pipeline = opened(name)
    emit(steps.claim_retraining(workspace, pipeline, run_id=run_id or new_run_id()))
