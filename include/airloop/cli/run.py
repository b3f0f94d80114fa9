"""``run``: the whole chain in one process, without Airflow. ``rollback``: the way back."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from airloop import clock, steps
from airloop.cli.arguments import ApprovedBy, AsOfOrNow, Name, RunId, new_run_id
from airloop.cli.screen import colour, console, emit, timing
from airloop.refs import ModelRef, ReleaseRef, ValidationRef, VerdictRef
from airloop.spec import find
from airloop.workspace import Workspace


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("run")(_run)
    app.command("rollback")(_rollback)


def _run(
    name: Name,
    as_of: AsOfOrNow = None,
    run_id: RunId = "",
    approved_by: ApprovedBy = "",
) -> None:
    """Run the whole chain here, without Airflow; it ends early, with the reason, where the verdict is not PROMOTE."""
    workspace = Workspace.from_environment()
    pipeline = find(name, workspace)
    now = datetime.now(UTC).replace(microsecond=0)
    instant = clock.resolve_as_of(form=as_of, signals=(), interval_end=None, run_date=now)
    screen = console()
    screen.print(f"[bold]{pipeline.name}[/] as of {clock.iso(instant)}")
    run = steps.run_all(
        workspace,
        pipeline,
        as_of=instant,
        run_id=run_id or new_run_id(),
        approved_by=approved_by,
        watch=timing,
        report=screen.print,
    )
    _show(run, screen)
    refs = {key: ref.model_dump(mode="json") for key, ref in run.refs.items()}
    emit({"pipeline": pipeline.name, "outcome": run.outcome, "reasons": list(run.reasons), "refs": refs}, is_told=True)


def _show(run: steps.Run, screen: Console) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for ref in run.refs.values():
        if isinstance(ref, ValidationRef):
            table.add_row("Data Docs", ref.docs)
        elif isinstance(ref, ModelRef):
            table.add_row("version", ref.version)
        elif isinstance(ref, VerdictRef):
            table.add_row("verdict", colour(ref.outcome))
            table.add_row("report", ref.report)
        elif isinstance(ref, ReleaseRef):
            table.add_row("generation", str(ref.generation))
            table.add_row("endpoint", ref.endpoint)
    screen.print()
    screen.print(colour(run.outcome), *(f"· {reason}" for reason in run.reasons), sep="\n")
    screen.print(table)


def _rollback(
    name: Name,
    to: Annotated[str | None, typer.Option(help="Version to put back. Default: the one before.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")] = "asked on the command line",
    by: Annotated[str, typer.Option(help="Who. Default: the user of this machine.")] = "",
    run_id: RunId = "",
) -> None:
    """Put an earlier release back at once: the previous one, or version `--to`."""
    workspace = Workspace.from_environment()
    pipeline = find(name, workspace)
    screen = console()
    ref = steps.roll_back(
        workspace,
        pipeline,
        to=to,
        reason=reason,
        by=by or user(),
        run_id=run_id or new_run_id(),
        report=screen.print,
    )
    screen.print(colour(ref.outcome), f"{name}: version {ref.version} is live as generation {ref.generation}")
    emit(ref, is_told=True)


def user() -> str:
    """Return the name of the user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        return "unknown"
