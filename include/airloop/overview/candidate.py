"""A candidate: what each gate said of it, and how far it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airloop.errors import AirloopError
from airloop.overview import addresses, gates, limits, stages, verdicts
from airloop.overview.described import descriptions
from airloop.overview.shapes import Candidate

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.workspace import Workspace

REPORT = "report.html"


def candidate(workspace: Workspace, name: str, version: str = "", run: str = "") -> Candidate | None:
    """Return the candidate ``version`` (default: that of the newest data), None where nothing was ever judged.

    With ``run`` it is the candidate of that run, as that run judged it: what a person is asked about.

    Raises UnknownName for a version or a run that nothing is known of, Unreachable and LedgerError.
    """
    entry = verdicts.entry_of_run(workspace, name, run) if run else verdicts.entry_on(workspace, name, version)
    if entry is None:
        return None
    target, needs_approval = _rules(workspace, name)
    way = stages.way_of(workspace, name, entry, target, needs_approval=needs_approval)
    said: Any = entry.payload
    kept, problem = _kept(workspace, entry)
    measured = limits.measured(workspace, way.last("verification"))
    return Candidate(
        version=way.version,
        against=str(said.get("champion_version") or ""),
        outcome=said["outcome"],
        reasons=tuple(map(str, said.get("reasons", ()))),
        warnings=kept.warnings,
        rows=int(kept.rows or said.get("rows") or 0),
        as_of=entry.as_of,
        gates=tuple(gates.gate_of(gate, measured) for gate in kept.gates),
        stages=stages.stages(way),
        report="" if problem else _report(workspace, entry),
        problem=problem,
    )


def _kept(workspace: Workspace, entry: Entry) -> tuple[verdicts.Verdict, str]:
    try:
        return verdicts.read(workspace, entry), ""
    except AirloopError as error:
        return verdicts.Verdict(gates=()), str(error)


def _report(workspace: Workspace, entry: Entry) -> str:
    if entry.kind == "backtest":
        return addresses.of_uri(workspace, str(entry.payload.get("report", "")))
    return addresses.artifact("verdicts", entry.subject, REPORT) if entry.payload.get("report") else ""


def _rules(workspace: Workspace, name: str) -> tuple[str, bool]:
    """Return where a release goes and whether a person must agree; "" where the description cannot be read."""
    spec = descriptions(workspace.pipelines).of(name).spec
    return (spec.release.target, spec.release.approval == "required") if spec else ("", False)
