"""Why monitoring asked for a new training after a window of production, or waited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from airloop import clock
from airloop.errors import UnknownName
from airloop.ledger import Champion, Entry
from airloop.monitoring import records
from airloop.monitoring.records import Record
from airloop.monitoring.telling import told_window
from airloop.monitoring.window import Window
from airloop.overview import addresses, facts, proofs
from airloop.overview.described import descriptions
from airloop.overview.reasoning import LEVELS, after_colon, all_of
from airloop.overview.shapes import Because, Proof, Related, Why
from airloop.refs import Action
from airloop.workspace import Workspace

NOTHING_DECIDED = "Nothing was decided: it was looked at as a part of the past, or the run was cut off"


def about(workspace: Workspace, name: str, window: str) -> Why:
    """Return why a window led to a training, or not. ``window`` is its name, its two ends or an instant within.

    Raises UnknownName, with the nearest there is, for one that was not watched.
    """
    record = records.record_of(workspace.ledger, name, window)
    if record is None:
        raise UnknownName(f"{name}: {window!r} names no window: give an instant within it, or both ends: START/END")
    decision = record.decision
    return Why(
        question=_question(record),
        answer=_answer(record),
        word=str(decision.payload["action"]) if decision else "",
        at=decision.recorded_at if decision else None,
        because=tuple(_because(record)),
        next=tuple(_next(workspace, name, record)),
        proofs=tuple(_proofs(workspace, record)),
        related=tuple(_related(workspace, name, record)),
        look_again=_as_of_again(workspace, name, record),
    )


def answer_to(record: Record, champions: Sequence[Champion]) -> str:
    """Say what became of a decision to retrain; ``champions`` are all of the pipeline, the newest first."""
    if record.claim is not None:
        return f"answered by run {record.claim.payload['run_id']}"
    as_of = record.decision.as_of if record.decision else None
    newer = [one for one in champions if one.kind == "release" and as_of is not None and one.data_cut_off >= as_of]
    if newer:
        data = clock.told(newer[-1].data_cut_off)
        return f"needs no answer: version {newer[-1].version} was released, with data up to {data}"
    return "no training has answered it yet"


def _as_of_again(workspace: Workspace, name: str, record: Record) -> datetime | None:
    """Return the instant as of which monitoring looked, where a run as of then looks at the same window still."""
    looked = record.decision or record.performance or record.drift
    spec = descriptions(workspace.pipelines).of(name).spec
    if looked is None or looked.as_of is None or spec is None:
        return None
    return looked.as_of if Window.latest(spec.monitor, looked.as_of) == record.window else None


def _question(record: Record) -> str:
    span = f"the window {told_window(record.window)}"
    if record.decision is None:
        return f"What was found in {span}?"
    asked = record.decision.payload["action"] == Action.RETRAIN
    return f"Why did monitoring {'ask for a new training' if asked else 'not ask for a new training'} after {span}?"


def _answer(record: Record) -> str:
    if record.decision is None:
        return f"{NOTHING_DECIDED}."
    asked = record.decision.payload["action"] == Action.RETRAIN
    reasons = _own_reasons(record)
    said = "Because retraining can help" if asked else "It waits"
    return after_colon(said, reasons[0] if reasons else "")


def _own_reasons(record: Record) -> list[str]:
    """Return the decision's reasons without those that only repeat what drift and performance say themselves."""
    said = [str(reason) for reason in record.decision.payload["reasons"]] if record.decision else []
    repeated = tuple(f"{name} {level}: " for name, level in zip(("drift", "performance"), record.levels, strict=True))
    return [reason for reason in said if not reason.startswith(repeated)]


def _because(record: Record) -> Iterator[Because]:
    by = f", most answered by version {record.version}" if record.version else ""
    yield Because(text=f"{record.rows:,} predictions{by}", state="told")
    yield from all_of(_own_reasons(record)[1:], "told")
    for name, entry in (("drift", record.drift), ("performance", record.performance)):
        if entry is not None:
            yield from _of_level(name, entry)


def _of_level(name: str, entry: Entry) -> Iterator[Because]:
    level = str(entry.payload["level"])
    reasons = [str(reason) for reason in entry.payload.get("reasons", ())]
    for reason in reasons or ["nothing out of the ordinary"]:
        yield Because(text=f"{name} {level}: {reason}", state=LEVELS[level])


def _next(workspace: Workspace, name: str, record: Record) -> Iterator[str]:
    for what, entry in (("drift", record.drift), ("performance", record.performance)):
        missing: Any = entry.payload.get("missing_rows") if entry else 0
        if missing:
            rows = "labelled rows" if what == "performance" else "predictions"
            yield f"About {missing:,} more {rows} would settle its {what}."
    if record.decision is None or record.decision.payload["action"] != Action.RETRAIN:
        yield "The next window is looked at when monitoring runs again; training by hand is possible all the time."
        return
    yield from _answered(workspace, name, record)


def _answered(workspace: Workspace, name: str, record: Record) -> Iterator[str]:
    if record.claim is None:
        said = answer_to(record, workspace.ledger.champions(name))
        yield f"{said[0].upper()}{said[1:]}."
        return
    judged = facts.of_run(workspace.ledger, name, str(record.claim.payload["run_id"])).last("judged")
    if judged is None:
        yield "A training took it up; its run says how far it came."
        return
    yield f"A training answered it: version {judged.payload['version']} came of it, judged {judged.payload['outcome']}."


def _proofs(workspace: Workspace, record: Record) -> Iterator[Proof]:
    if record.decision is not None:
        yield proofs.page(workspace, "Window", record.decision, "its drift, its performance and what was decided")


def _related(workspace: Workspace, name: str, record: Record) -> Iterator[Related]:
    if record.claim is not None:
        run = str(record.claim.payload["run_id"])
        yield Related(title="The training that answers it", query=addresses.why(run=run))
        judged = facts.of_run(workspace.ledger, name, run).last("judged")
        if judged is not None:
            version = str(judged.payload["version"])
            yield Related(title=f"Version {version}, which came of it", query=addresses.why(version=version))
    if record.version:
        title = f"Version {record.version}, which answered most of the window"
        yield Related(title=title, query=addresses.why(version=record.version))
