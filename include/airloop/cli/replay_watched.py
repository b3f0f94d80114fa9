"""``replay --monitor``: after each tick of the monitoring's schedule look as it would have, on the replayed clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from airloop import clock, release, steps
from airloop.cli.arguments import new_run_id
from airloop.cli.screen import colour, console, timing, when
from airloop.refs import Action, DecisionRef, DriftRef, Level, PerformanceRef, WindowRef
from airloop.replay import Pace, Replay, Tally, Traffic, ticks

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

Report = Callable[[Tally], None]


def watch(
    workspace: Workspace, pipeline: Pipeline, replay: Replay, *, pace: Pace, report: Report, retrains: bool
) -> Iterator[dict[str, Any]]:
    """Send up to each tick, look at the window before it and yield what was found; train where ``retrains`` says so.

    A window is over before it is looked at: all its rows were sent, and the server wrote its log to the store.
    """
    for tick in ticks(pipeline.spec, replay.start, replay.end):
        replay.send(min(tick, replay.end), pace=pace, report=report)
        release.flush_predictions(workspace, pipeline)
        watched = steps.watch_window(workspace, pipeline, as_of=tick, run_id=new_run_id(), now=datetime.now(UTC))
        found = _found(watched)
        _tell(watched, [rule.metric for rule in pipeline.spec.monitor.performance])
        yield found
        if retrains and watched.decision.action is Action.RETRAIN:
            found["retraining"] = _retrain(workspace, pipeline, replay)


def _retrain(workspace: Workspace, pipeline: Pipeline, replay: Replay) -> dict[str, Any]:
    """Train and release on the replayed clock, while traffic goes on."""
    run_id = new_run_id()
    claim = steps.claim_retraining(workspace, pipeline, run_id=run_id)
    if claim.as_of is None:
        return {"outcome": "NOT_NEEDED", "reasons": list(claim.reasons)}
    console().print(f"training as of {when(claim.as_of)}")
    with Traffic(replay) as traffic:
        run = steps.run_all(
            workspace, pipeline, as_of=claim.as_of, run_id=run_id, watch=_hurrying(traffic), report=console().print
        )
    console().print(colour(run.outcome), *(f"· {reason}" for reason in run.reasons), sep="\n")
    return {"as_of": clock.iso(claim.as_of), "outcome": run.outcome, "reasons": list(run.reasons)}


def _hurrying(traffic: Traffic) -> steps.Watch:
    @contextmanager
    def watch(step: str) -> Iterator[None]:
        if step == "release":
            traffic.hurry()
        with timing(step):
            yield

    return watch


def _found(watched: steps.Watched) -> dict[str, Any]:
    """Return what `monitor` prints of a window, as JSON carries it."""
    decision = watched.decision
    refs = {name: ref.model_dump(mode="json") for name, ref in watched.refs.items()}
    outcome = {"window": decision.window, "action": decision.action, "reasons": list(decision.reasons)}
    return {**outcome, "pending": list(watched.pending), "refs": refs}


def _tell(watched: steps.Watched, metrics: list[str]) -> None:
    """Say in a line what a window showed and what was decided, and why below it."""
    window, drift, performance, decision = (
        watched.refs[name] for name in ("window", "drift", "performance", "decision")
    )
    assert isinstance(window, WindowRef) and isinstance(drift, DriftRef)  # noqa: S101
    assert isinstance(performance, PerformanceRef) and isinstance(decision, DecisionRef)  # noqa: S101
    screen = console()
    shown = [name for name in metrics or performance.metrics if name in performance.metrics][:2]
    numbers = "  ".join(f"{name} {performance.metrics[name]:.3f}" for name in shown)
    line = Text.assemble(
        (f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}", "bold"), f"  {window.rows:,} rows  drift ",
        colour(drift.level), "  performance ", colour(performance.level), f"  {numbers}  ", colour(decision.action),
    )  # fmt: skip
    screen.print(line)
    for ref in (drift, performance):
        if ref.level is not Level.OK:
            screen.print(*(f"  · {reason}" for reason in ref.reasons), sep="\n", markup=False)
    screen.print(*(f"  · {reason}" for reason in (*watched.pending, *decision.reasons)), sep="\n", markup=False)
    if decision.report:
        screen.print(f"  report: {decision.report}", markup=False)
