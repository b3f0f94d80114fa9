"""The head of one pipeline's page: its row, its rules in words, and everything that was ever live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from airloop.overview.described import descriptions
from airloop.overview.models import row
from airloop.overview.shapes import Pipeline
from airloop.overview.versions import versions
from airloop.reports.rules import rule_of, schedule_of
from airloop.spec.fields import format_duration

if TYPE_CHECKING:
    from airloop.spec import Spec
    from airloop.workspace import Workspace


def pipeline(workspace: Workspace, name: str, now: datetime) -> Pipeline:
    """Return what is said of ``name``; rights are for the caller to fill in. Raises Unreachable and LedgerError."""
    described = descriptions(workspace.pipelines).of(name)
    spec = described.spec
    return Pipeline(
        row=row(workspace, name, now),
        gates=tuple(_gates(spec)) if spec else (),
        steps=tuple(_steps(spec)) if spec else (),
        schedule=schedule_of(spec.schedule) if spec else "",
        watched=_watched(spec) if spec else "",
        approvers=spec.release.approvers if spec and spec.release.approval == "required" else (),
        versions=versions(workspace.ledger.champions(name)),
        problem=described.problem,
    )


def _gates(spec: Spec) -> Iterator[str]:
    for gate in spec.gates:
        yield rule_of(gate) + (" (in shadow: reported, decides nothing)" if gate.mode == "shadow" else "")


def _steps(spec: Spec) -> Iterator[str]:
    """Say each step of a rollout; the person who must agree comes first."""
    rollout = spec.release.rollout
    if spec.release.approval == "required":
        yield "a person approves"
    if rollout.shadow:
        yield "shadow: copies of all requests"
    for percent in rollout.steps:
        yield f"{percent} % of requests"


def _watched(spec: Spec) -> str:
    when = schedule_of(spec.monitor.schedule) or "by hand"
    return f"{when}, windows of {format_duration(spec.monitor.window)}"
