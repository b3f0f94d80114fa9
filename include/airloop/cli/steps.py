"""One command for each step: refs in by ``--refs``, the step's ref out as one JSON line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import typer

from airloop import steps
from airloop.cli.arguments import AsOf, Name, Refs, RunId, new_run_id, read_refs
from airloop.cli.screen import emit
from airloop.refs import BundleRef, ModelRef, Ref, SnapshotRef, ValidationRef, VerdictRef, VerificationRef
from airloop.spec import Pipeline, find
from airloop.workspace import Workspace

NEEDS: dict[str, Mapping[str, type[Ref]]] = {
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
            app.command(step, help=_first_line(step), rich_help_panel=_PANEL)(_command(step))
    app.command("release", help=_first_line("release"), rich_help_panel=_PANEL)(_release)


def _take_snapshot(name: Name, as_of: AsOf) -> None:
    """List, and keep, the partitions that a run at `--as-of` may see."""
    workspace, pipeline = _open(name)
    emit(steps.take_snapshot(workspace, pipeline, as_of=as_of))


def _release(name: Name, refs: Refs, run_id: RunId = "") -> None:
    workspace, pipeline = _open(name)
    given = _given("release", refs)
    emit(steps.release(workspace, pipeline, run_id=run_id or new_run_id(), **given))


def _command(step: str) -> Callable[..., None]:
    def command(name: Name, refs: Refs) -> None:
        workspace, pipeline = _open(name)
        emit(getattr(steps, step)(workspace, pipeline, **_given(step, refs)))

    return command


def _open(name: str) -> tuple[Workspace, Pipeline]:
    workspace = Workspace.from_environment()
    return workspace, find(name, workspace)


def _given(step: str, refs: str) -> dict[str, Any]:
    return dict(read_refs(refs, NEEDS[step]))


def _first_line(step: str) -> str:
    return str(getattr(steps, step).__doc__).splitlines()[0].replace("``", "`")
