"""``replay``: a past period to the live endpoint, watched as it would have been."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from airloop import clock
from airloop.cli.arguments import From, Name, To
from airloop.cli.screen import console, emit, quiet, when
from airloop.spec import find
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from airloop.replay import Replay, Tally

INTERRUPTED = 130


def add_to(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("replay")(_replay)


def _replay(
    name: Name,
    start: From,
    end: To,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Rows per second. Default: all that it takes.")] = None,
    speed_up: Annotated[float | None, typer.Option(min=0.001, help="Simulated seconds per second.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows in a request.")] = 50,
    at_once: Annotated[int, typer.Option(min=1, max=4, help="Requests at a time.")] = 2,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the rows that is sent.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and the requests' ids.")] = 0,
    monitor: Annotated[bool, typer.Option("--monitor", help="Watch each window, as the schedule would have.")] = False,
    retrain: Annotated[bool, typer.Option("--retrain", help="Train and release when --monitor says so.")] = False,
) -> None:
    """Send a past period's rows to the live endpoint, in the order of their events; their labels come when they did."""
    from airloop.replay import Pace, Replay

    if rate is not None and speed_up is not None:
        raise typer.BadParameter("give --rate or --speed-up, not both")
    if retrain and not monitor:
        raise typer.BadParameter("--retrain needs --monitor, which says when")
    workspace = Workspace.from_environment()
    pipeline = find(name, workspace)
    began = time.monotonic()
    windows: list[dict[str, Any]] = []
    past = Replay(
        workspace, pipeline, start, end, known_until=datetime.now(UTC),
        share=share, seed=seed, batch=batch, at_once=at_once,
    )  # fmt: skip
    with quiet("airloop.data", "airloop.monitoring"), past as replay, _progress(replay) as report:
        pace, is_whole = Pace(rate, speed_up), False
        try:
            if monitor:
                from airloop.cli.replay_watched import watch

                for window in watch(workspace, pipeline, replay, pace=pace, report=report, retrains=retrain):
                    windows.append(window)
            is_whole = replay.send(end, pace=pace, report=report)
        except KeyboardInterrupt:
            console().print("stopped")
    _tell(name, replay, time.monotonic() - began)
    emit(_summary(name, replay, windows), is_told=True)
    if not is_whole or not replay.tally.answered:
        raise typer.Exit(1 if is_whole else INTERRUPTED)


@contextmanager
def _progress(replay: Replay) -> Iterator[Callable[[Tally], None]]:
    """Show, at a terminal, how far a replay is; give what tells it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(), transient=True, disable=not console().is_terminal) as progress:
        bar, began = progress.add_task(when(replay.start)), time.monotonic()

        def report(tally: Tally) -> None:
            speed = tally.rows / max(time.monotonic() - began, 0.001)
            refused = f", [red]{tally.refused:,} refused[/]" if tally.refused else ""
            progress.update(bar, description=f"{when(tally.until)}  {tally.rows:,} rows, {speed:,.0f}/s{refused}")

        yield report


def _tell(name: str, replay: Replay, seconds: float) -> None:
    tally, screen = replay.tally, console()
    span = f"{when(replay.start)} to {when(replay.end)}"
    screen.print(f"[bold]{name}[/] {span}: {tally.rows:,} rows in {tally.requests:,} requests, {seconds:.1f} s")
    for version, rows in sorted(tally.versions.items()):
        screen.print(f"  version {version} answered {rows:,}")
    if tally.refused:
        screen.print(f"  [red]{tally.refused:,} rows were refused[/]")
        for reason, rows in tally.reasons.most_common(3):
            screen.print(f"    {rows:,}: {reason}", markup=False)


def _summary(name: str, replay: Replay, windows: list[dict[str, Any]]) -> dict[str, Any]:
    period = {"pipeline": name, "from": clock.iso(replay.start), "to": clock.iso(replay.end)}
    return {**period, **replay.tally.as_json(), "windows": windows}
