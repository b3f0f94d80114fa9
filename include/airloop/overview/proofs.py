"""What a person may look at to see for themselves: pages, statements and trainings behind an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airloop.errors import AirloopError
from airloop.overview import addresses
from airloop.overview.shapes import Proof

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.overview.facts import OfVersion
    from airloop.workspace import Workspace


def of_version(workspace: Workspace, facts: OfVersion) -> Iterator[Proof]:
    """Yield the pages about a version: how it was judged, the checks of its data, and its training."""
    for verdict in facts.verdicts[:1]:
        url = addresses.artifact("verdicts", verdict.subject, "report.html")
        yield Proof(title="Judgement", text="every gate with its numbers and charts", url=url)
        yield from _docs(workspace, verdict)
        if training := _training(workspace, facts, str(verdict.payload.get("model") or "")):
            yield Proof(title="Training", text="parameters, metrics and curves, as MLflow keeps them", url=training)
    if not facts.verdicts:
        for verdict in facts.backtested[:1]:
            yield page(workspace, "Backtest", verdict, "the backtest that it comes from")


def page(workspace: Workspace, title: str, entry: Entry, text: str) -> Proof:
    """Return the report that an entry names; without an address where a browser cannot read it."""
    return Proof(title=title, text=text, url=addresses.of_uri(workspace, str(entry.payload.get("report") or "")))


def statement(digest: str) -> Iterator[Proof]:
    """Yield the signed statement of a release, where one was made."""
    if digest:
        text = "says what the release rests on; `python -m airloop explain` checks it link by link"
        yield Proof(title="Signed statement", text=text, digest=digest)


def _docs(workspace: Workspace, verdict: Entry) -> Iterator[Proof]:
    """Yield the checks of the data that a candidate learned from."""
    uri = ""
    if snapshot := _inputs(workspace, verdict.subject).get("snapshot"):
        checks = workspace.ledger.entries(verdict.pipeline, "validation", subject=snapshot, limit=1)
        uri = next((str(entry.payload.get("docs") or "") for entry in checks), "")
    if url := addresses.of_uri(workspace, uri):
        yield Proof(title="Data Docs", text="the checks of the data that it learned from", url=url)


def _inputs(workspace: Workspace, verdict: str) -> dict[str, Any]:
    """Return what a verdict depends on; empty where it is not in the store any more."""
    try:
        text = (workspace.store.folder("verdicts", verdict) / "inputs.json").read_text(encoding="utf-8")
        found: dict[str, Any] = json.loads(text)
    except (AirloopError, OSError, ValueError):
        return {}
    return found


def _training(workspace: Workspace, facts: OfVersion, model: str) -> str:
    from airloop.training import registration

    said = next((str(entry.payload["training"]) for entry in facts.judged if entry.payload.get("training")), "")
    remembered = None if said or not model else registration.known(workspace, model)
    run = said or (remembered.run_id if remembered else "")
    return addresses.training(run) if run else ""
