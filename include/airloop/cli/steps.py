"""One command for each step: refs in by ``--refs``, the step's ref out as one JSON line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from airloop import steps
from airloop.cli.arguments import ApprovedBy, AsOf, Name, Refs, ResultFile, RunId, Target, new_run_id, read_refs
from airloop.cli.screen import emit
from airloop.refs import BundleRef, Handed, ModelRef, SnapshotRef, ValidationRef, VerdictRef, VerificationRef
from airloop.spec import Pipeline, find
from airloop.steps import elsewhere
from airloop.workspace import Workspace

NEEDS: dict[str, Mapping[str, type[Handed]]] = {
    "validate_data": {"snapshot": SnapshotRef},
    "train_model": {"snapshot": SnapshotRef, "validation": ValidationRef},
    "judge_candidate": {"snapshot": SnapshotRef, "validation": ValidationRef, "model": ModelRef},
    "package_bundle": {"snapshot": SnapshotRef, "model": ModelRef, "verdict": VerdictRef},
    "verify_bundle": {"bundle": BundleRef},
    "release": {"bundle": BundleRef, "verdict": VerdictRef, "verification": VerificationRef},
}
"""Step → the refs it takes, by name."""

_PANEL = "One step of a run"


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("take_snapshot", rich_help_panel=_PANEL)(_take_snapshot)
    for step in NEEDS:
        if step != "release":
            app.command(step, help=first_line(step), rich_help_panel=_PANEL)(command_of(step, NEEDS[step]))
    app.command("release", help=first_line("release"), rich_help_panel=_PANEL)(_release)


def _take_snapshot(name: Name, as_of: AsOf, target: Target = "", result: ResultFile = None) -> None:
    """List, and keep, the partitions that a run at `--as-of` may see."""
    with handing_on(result) as hand_on:
        hand_on(steps.take_snapshot(*opened(name, target), as_of=as_of))


def _release(name: Name, refs: Refs, run_id: RunId = "", approved_by: ApprovedBy = "") -> None:
    workspace, pipeline = opened(name)
    given: dict[str, Any] = dict(read_refs(refs, NEEDS["release"]))
    emit(steps.release(workspace, pipeline, run_id=run_id or new_run_id(), by=approved_by, **given))


def command_of(step: str, needs: Mapping[str, type[Handed]]) -> Callable[..., None]:
    """Return the command of a step that takes nothing but refs."""

    def command(name: Name, refs: Refs, target: Target = "", result: ResultFile = None) -> None:
        with handing_on(result) as hand_on:
            hand_on(getattr(steps, step)(*opened(name, target), **read_refs(refs, needs)))

    return command


@contextmanager
def handing_on(result: Path | None) -> Iterator[Callable[[Handed], None]]:
    """Give what takes a step's ref: the file ``result``, which gets the step's error as well, else stdout."""
    with elsewhere.leaving(result) as leave:
        yield leave if result else emit


def opened(name: str, target: str = "") -> tuple[Workspace, Pipeline]:
    """Return where commands work, and the pipeline called ``name``, released to ``target`` where that is given."""
    workspace = Workspace.from_environment()
    pipeline = find(name, workspace)
    return workspace, pipeline.released_to(target) if target else pipeline


def first_line(step: str) -> str:
    """Return what a step does, for the list of commands."""
    return str(getattr(steps, step).__doc__).splitlines()[0].replace("``", "`")
