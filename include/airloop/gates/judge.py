"""``judge``: a candidate and the champion, scored anew on the same labelled rows, give a verdict and a report."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from airloop import clock, digest
from airloop.gates.case import Case
from airloop.gates.champion import ChampionUnusable, LiveModel, open_live
from airloop.gates.evidence import Evidence, judge_gates
from airloop.gates.holdout import check_slices
from airloop.gates.number import deciding, number_of
from airloop.gates.report import Subject, read_training, render
from airloop.gates.suspicion import suspicions
from airloop.gates.verdict import GateResult, Verdict, decide

if TYPE_CHECKING:
    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.validation import Validation
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "verdicts"
REHEARSALS = "rehearsals"
"""Where verdicts lie that were given against another champion than the ledger's; no release rests on them."""
FILE = "verdict.json"
REPORT = "report.html"


def judge(
    workspace: Workspace,
    pipeline: Pipeline,
    snapshot_digest: str,
    snapshot: Snapshot,
    validation: Validation,
    model_digest: str,
    version: str,
) -> tuple[str, Verdict]:
    """Return the verdict on a candidate and its digest; one on the same inputs is found, not made again.

    The champion is what the ledger says is live now. Raises SpecError for a slice by an absent or private column,
    BundleError and FeatureError when the candidate cannot be scored, Unreachable when store or ledger do not answer.
    """
    check_slices(pipeline, snapshot)
    champion = open_live(workspace, pipeline)
    case = Case(workspace, pipeline, snapshot_digest, snapshot, validation, model_digest, version, champion)
    name = digest.of_value(case.inputs())
    if not workspace.store.has(KIND, name):
        training = read_training(case.folder)
        evidence = case.gather()
        report = f"{workspace.store.uri(KIND, name)}/{REPORT}"
        verdict = weigh(case, evidence, training, report)
        subject = Subject(pipeline, snapshot, validation, evidence, verdict, training, _lineage(case, training))
        page = render(subject)
        with workspace.store.writing(KIND, name) as folder:
            _write(folder, case, measured(verdict, evidence))
            (folder / REPORT).write_text(page, encoding="utf-8")
    verdict = load_verdict(workspace, name)
    workspace.ledger.record("verdict", pipeline.name, name, entry_of(verdict, model_digest), as_of=snapshot.as_of)
    log.info("version %s: %s. %s", version, verdict.outcome, "; ".join(verdict.reasons))
    return name, verdict


def rehearse(
    workspace: Workspace,
    pipeline: Pipeline,
    snapshot_digest: str,
    snapshot: Snapshot,
    validation: Validation,
    model_digest: str,
    version: str,
    champion: LiveModel | ChampionUnusable | None,
) -> tuple[str, Verdict]:
    """Return what the verdict would be against ``champion``, and its digest; one on the same inputs is found.

    Like ``judge``, but the ledger is neither read nor written, and no report is drawn.
    """
    check_slices(pipeline, snapshot)
    case = Case(workspace, pipeline, snapshot_digest, snapshot, validation, model_digest, version, champion)
    name = digest.of_value(case.inputs())
    if not workspace.store.has(REHEARSALS, name):
        evidence = case.gather()
        verdict = weigh(case, evidence, read_training(case.folder), "")
        with workspace.store.writing(REHEARSALS, name) as folder:
            _write(folder, case, measured(verdict, evidence))
    return name, load_verdict(workspace, name, REHEARSALS)


def load_verdict(workspace: Workspace, name: str, kind: str = KIND) -> Verdict:
    """Return the verdict with this digest. Raises FileNotFoundError when it is not in the store."""
    return msgspec.json.decode((workspace.store.folder(kind, name) / FILE).read_bytes(), type=Verdict)


def weigh(case: Case, evidence: Evidence, training: dict[str, Any], report: str) -> Verdict:
    """Return the verdict that ``evidence`` gives; nothing is written. ``training`` is what ``training.json`` says."""
    results = judge_gates(case.pipeline.spec, evidence)
    holds = list(_holds(case, evidence))
    decision = decide(results, has_champion=evidence.champion is not None, holds=holds)
    live = evidence.champion
    return Verdict(
        outcome=decision.outcome,
        reasons=decision.reasons,
        gates=tuple(results),
        warnings=tuple(_warnings(evidence, results, training)),
        version=case.version,
        champion_version=live.version if isinstance(live, LiveModel) else None,
        rows=len(evidence.holdout),
        report=report,
    )


def measured(verdict: Verdict, evidence: Evidence) -> Verdict:
    """Return ``verdict`` with the candidate's metrics on the holdout."""
    return replace(verdict, metrics={metric: evidence.measure(metric) for metric in evidence.metrics})


def _holds(case: Case, evidence: Evidence) -> Iterator[str]:
    """Yield reasons against a release that hold whatever the gates say."""
    champion = evidence.champion
    if isinstance(champion, ChampionUnusable):
        yield str(champion)
    elif isinstance(champion, LiveModel) and champion.live.data_cut_off > case.snapshot.as_of:
        newer = clock.told(champion.live.data_cut_off)
        yield f"the champion (version {champion.version}) is made from newer data, up to {newer}"
    if evidence.identical:
        yield evidence.identical


def _warnings(evidence: Evidence, results: list[GateResult], training: dict[str, Any]) -> Iterator[str]:
    for result in results:
        if result.shadow:
            yield f"in shadow, decides nothing: {result.status}, {result.reason}"
    if evidence.holdout.strangers:
        yield f"{evidence.holdout.strangers:,} holdout rows left out: training never saw their class"
    rows, later = len(evidence.holdout), int(evidence.later.sum())
    if later < rows and isinstance(evidence.champion, LiveModel):
        yield f"compared with the champion on {later:,} of {rows:,} rows: it was trained on the others"
    if rows:
        yield from suspicions(evidence, training)


def _lineage(case: Case, training: dict[str, Any]) -> dict[str, str]:
    named = {"snapshot": case.snapshot_digest, "model": case.model}
    if isinstance(case.champion, LiveModel):
        named |= {"champion's bundle": case.champion.live.bundle, "champion's model": case.champion.model}
    recorded = training.get("lineage", {})
    named |= {
        key.replace("_", " "): recorded[key] for key in ("spec", "feature_code", "validation") if recorded.get(key)
    }
    versions = ", ".join(f"{name} {version}" for name, version in sorted(recorded.get("versions", {}).items()))
    return named | ({"made with": versions} if versions else {})


def entry_of(verdict: Verdict, model: str) -> dict[str, Any]:
    """Return what the ledger keeps of a verdict. ``metrics``: name → value, lower and upper bound (95 %), or None.

    ``number`` is that of the gate which decided, None where none has one.
    """
    gate = deciding(verdict)
    return {
        "outcome": str(verdict.outcome),
        "reasons": list(verdict.reasons),
        "version": verdict.version,
        "champion_version": verdict.champion_version,
        "model": model,
        "rows": verdict.rows,
        "report": verdict.report,
        "metrics": {
            name: [one.value, *(one.interval or (None, None))]
            for name, one in verdict.metrics.items()
            if one.value is not None
        },
        "number": number_of(gate) if gate is not None else None,
    }


def _write(folder: Path, case: Case, verdict: Verdict) -> None:
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=1))
    (folder / "inputs.json").write_text(json.dumps(case.inputs(), indent=1, sort_keys=True), encoding="utf-8")
