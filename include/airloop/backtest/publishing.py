"""What a backtest leaves behind: a page in the store, its pictures in MLflow, its verdicts on the leaderboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import clock, digest
from airloop.backtest import page, summary
from airloop.backtest.walk import SKIPPED, Step, Walk
from airloop.reports.drawing import draw_png

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

KIND = "reports"
PAGE = "backtest.html"
FACTS = "backtest.json"
ENTRY = "backtest"
"""Kind of the ledger's entries, one for each verdict. Nothing that releases, monitors or decides reads it."""
WALK = "walk"
"""Kind of the entry on a whole backtest, for the same readers."""
LAYOUT = 1
"""Of the page; a higher one draws every backtest anew."""


@dataclass(frozen=True)
class Published:
    """Where a backtest can be looked at."""

    digest: str
    report: str
    """URI of the page."""
    mlflow_run_id: str


def publish(workspace: Workspace, pipeline: Pipeline, walk: Walk) -> Published:
    """Write the page, log it to MLflow and put the candidates on the leaderboard; each at most once per content.

    Raises Unreachable when store, MLflow or ledger do not answer.
    """
    from airloop.backtest.mlflow_log import log_once

    facts = msgspec.json.encode(walk)
    name = digest.of_value([LAYOUT, pipeline.spec.description, msgspec.json.decode(facts)])
    if not workspace.store.has(KIND, name):
        specs = page.figures(walk)
        html = page.render(pipeline, walk, specs)
        with workspace.store.writing(KIND, name) as folder:
            (folder / PAGE).write_text(html, encoding="utf-8")
            (folder / FACTS).write_bytes(msgspec.json.format(facts, indent=1))
            (folder / "figures").mkdir()
            for key, (spec, _) in specs.items():
                (folder / "figures" / f"{key}.png").write_bytes(draw_png(spec))
    report = f"{workspace.store.uri(KIND, name)}/{PAGE}"
    for step in walk.steps:
        if step.outcome != SKIPPED:
            workspace.ledger.record(ENTRY, walk.pipeline, step.verdict, _entry(step, report), as_of=step.as_of)
    workspace.ledger.record(WALK, walk.pipeline, name, _whole(walk, report))
    return Published(name, report, log_once(workspace, walk, name, workspace.store.folder(KIND, name)))


def _entry(step: Step, report: str) -> dict[str, Any]:
    """Return the same keys as a verdict's entry has."""
    return {
        "outcome": step.outcome,
        "reasons": list(step.reasons),
        "version": step.version,
        "champion_version": step.against or None,
        "model": step.model,
        "report": report,
        "metrics": {name: list(values) for name, values in step.holdout.items()},
    }


def _whole(walk: Walk, report: str) -> dict[str, Any]:
    """Return what the backtest found, in words, so that nobody needs its figures to tell of it."""
    return {
        "headline": summary.headline(walk),
        "sentences": list(summary.sentences(walk)),
        "start": clock.iso(walk.steps[0].as_of),
        "end": clock.iso(walk.steps[-1].until),
        "models": sum(step.outcome != SKIPPED for step in walk.steps),
        "metric": walk.metric,
        "report": report,
    }
