"""``backtest``: what a pipeline would have done in the past, tick by tick, and whether retraining would have paid."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from airloop import clock
from airloop.cli.arguments import Name, read_instant
from airloop.cli.screen import colour, console, emit, when
from airloop.spec import find
from airloop.spec.fields import parse_duration
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.backtest import Published, Told, Walk

INTERRUPTED = 130


def add_to(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("backtest")(_backtest)


def _duration(text: str | timedelta) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


From = Annotated[
    datetime | None,
    typer.Option(
        "--from", parser=read_instant, metavar="INSTANT", help="First tick, or before it. Default: first full windows."
    ),
]
To = Annotated[
    datetime | None,
    typer.Option(
        "--to", parser=read_instant, metavar="INSTANT", help="End of the last interval. Default: end of the data."
    ),
]
Every = Annotated[
    timedelta | None,
    typer.Option(
        "--every", parser=_duration, metavar="DURATION", help="Between two ticks. Default: the spec's schedule."
    ),
]


def _backtest(
    name: Name,
    start: From = None,
    end: To = None,
    every: Every = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Trainings at once. Default, and at most: cores / model.threads.")
    ] = None,
) -> None:
    """Train, judge and measure as of every past tick; compare never retraining, the gates, and always promoting.

    Production is not touched. Stopped, or killed, the same command goes on where it was.
    """
    from airloop import backtest

    workspace = Workspace.from_environment()
    pipeline = find(name, workspace)
    ticks = backtest.plan(workspace, pipeline, start, end, every)
    screen = console()
    room = backtest.most_jobs(pipeline)
    at_once = min(jobs or room, room)
    screen.print(
        f"[bold]{name}[/], {len(ticks)} ticks: {when(ticks[0].as_of)} to {when(ticks[-1].until)}, {at_once} at once"
        + (f" (there are cores for {room}, model.threads is {pipeline.spec.model.threads})" if jobs else "")
    )
    try:
        with _quiet(), _telling(screen) as tell:
            walk = backtest.walk(workspace, pipeline, ticks, jobs=at_once, tell=tell)
            published = backtest.publish(workspace, pipeline, walk)
    except KeyboardInterrupt:
        screen.print("stopped; the same command goes on where it was")
        raise typer.Exit(INTERRUPTED) from None
    _show(walk, published, screen)
    emit(_facts(walk, published), is_told=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep each step's own log lines back, unless asked for more: there is a line for every tick."""
    log = logging.getLogger("airloop")
    level = log.level
    if level > logging.DEBUG:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def _telling(screen: Console) -> Iterator[Any]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True) as progress:
        bars = {stage: progress.add_task(stage, total=None, start=False) for stage in ("train", "judge", "measure")}

        def tell(told: Told) -> None:
            bar = bars[told.stage]
            progress.start_task(bar)
            progress.update(bar, completed=told.done, total=told.total)
            if told.stage != "measure":
                screen.print(_line(told), soft_wrap=True)

        yield tell


def _line(told: Told) -> Text:
    from airloop.backtest.rehearsing import Judged

    line = Text(f"{told.stage:<6} {told.done:>3}/{told.total}  {when(told.tick.as_of)}  ")
    if isinstance(told.result, Judged):
        verdict = told.result.verdict
        outcome = str(verdict.outcome) if verdict else "SKIPPED"
        why = "; ".join(verdict.reasons) if verdict and not told.result.is_promoted else told.result.problem
        return line + colour(outcome) + Text(f"  {why}" if why else "")
    problem, version = getattr(told.result, "problem", ""), getattr(told.result, "version", "")
    if problem:
        return line + Text(problem, style="yellow")
    found = ", found" if getattr(told.result, "was_there", False) else ""
    return line + Text(f"version {version:<4} {getattr(told.result, 'seconds', 0.0):5.1f} s{found}")


def _show(walk: Walk, published: Published, screen: Console) -> None:
    from airloop.backtest import summary

    screen.print()
    screen.print(Text(summary.headline(walk), style="bold"), soft_wrap=True)
    for sentence in summary.sentences(walk):
        screen.print(Text(f"· {sentence}"), soft_wrap=True)
    screen.print(f"report  {published.report}", soft_wrap=True)


def _facts(walk: Walk, published: Published) -> dict[str, Any]:
    from airloop.backtest import summary

    return {
        "pipeline": walk.pipeline,
        "from": clock.iso(walk.steps[0].as_of),
        "to": clock.iso(walk.steps[-1].until),
        "ticks": [
            {"as_of": clock.iso(step.as_of), "version": step.version, "outcome": step.outcome} for step in walk.steps
        ],
        "says": summary.headline(walk),
        "metric": walk.metric,
        "gates_over_never": summary.figures(walk, "gates", "never"),
        "gates_over_always": summary.figures(walk, "gates", "always"),
        "always_over_never": summary.figures(walk, "always", "never"),
        "report": published.report,
        "digest": published.digest,
        "mlflow_run_id": published.mlflow_run_id,
    }
