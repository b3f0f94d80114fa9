"""``judge``: a candidate and the champion, scored anew on the same labelled rows, give a verdict and a report."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import airloop
from airloop import clock, digest
from airloop.errors import FeatureError
from airloop.gates.champion import ChampionUnusable, LiveModel, champion_fits, fits_of, open_live
from airloop.gates.evidence import Evidence, judge_gates
from airloop.gates.holdout import check_slices, load_holdout
from airloop.gates.verdict import GateResult, decide
from airloop.refs import Outcome
from airloop.scoring import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    from airloop.data.snapshot import Snapshot
    from airloop.spec import Pipeline
    from airloop.validation import Validation
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "verdicts"
FILE = "verdict.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Verdict:
    """What all gates say together about one candidate, and what it rests on."""

    outcome: Outcome
    reasons: tuple[str, ...]
    gates: tuple[GateResult, ...]
    warnings: tuple[str, ...]
    """What a person should read although it decides nothing."""
    version: str
    champion_version: str | None
    rows: int
    """Labelled holdout rows."""
    report: str
    """URI of the HTML page."""


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
    BundleError when the candidate cannot be opened, Unreachable when store or ledger do not answer.
    """
    check_slices(pipeline, snapshot)
    champion = open_live(workspace, pipeline)
    inputs = _inputs(pipeline, snapshot_digest, validation, model_digest, version, champion)
    name = digest.of_value(inputs)
    if not workspace.store.has(KIND, name):
        evidence = _gather(workspace, pipeline, snapshot, validation, model_digest, champion)
        verdict = _decide(workspace, pipeline, snapshot, evidence, version, name)
        with workspace.store.writing(KIND, name) as folder:
            _write(workspace, folder, pipeline, snapshot, validation, inputs, evidence, verdict)
    verdict = load_verdict(workspace, name)
    workspace.ledger.record("verdict", pipeline.name, name, _entry(verdict, model_digest), as_of=snapshot.as_of)
    log.info("version %s: %s. %s", version, verdict.outcome, "; ".join(verdict.reasons))
    return name, verdict


def load_verdict(workspace: Workspace, name: str) -> Verdict:
    """Return the verdict with this digest. Raises FileNotFoundError when it is not in the store."""
    return msgspec.json.decode((workspace.store.folder(KIND, name) / FILE).read_bytes(), type=Verdict)


def _inputs(
    pipeline: Pipeline,
    snapshot_digest: str,
    validation: Validation,
    model_digest: str,
    version: str,
    champion: LiveModel | ChampionUnusable | None,
) -> dict[str, Any]:
    """Return all that a verdict depends on; its digest names the verdict."""
    if isinstance(champion, LiveModel):
        live = {"bundle": champion.live.bundle, "generation": champion.live.generation, "model": champion.model}
        live["fits"] = "with replicates" if champion.replicates else "alone"
    else:
        # A champion that could not be opened and is mended later gives another verdict.
        live = {"problem": str(champion)} if champion else {}
    return {
        "pipeline": pipeline.name,
        "model": model_digest,
        "version": version,
        "champion": live,
        "snapshot": snapshot_digest,
        "validation": digest.of_value(validation.model_dump(mode="json")),
        "gates": [gate.model_dump(mode="json") for gate in pipeline.spec.gates],
        "private": list(pipeline.spec.data.private),
        "airloop": airloop.__version__,
    }


def _gather(
    workspace: Workspace,
    pipeline: Pipeline,
    snapshot: Snapshot,
    validation: Validation,
    model_digest: str,
    champion: LiveModel | ChampionUnusable | None,
) -> Evidence:
    folder = workspace.store.folder("models", model_digest)
    scorer = Scorer.open(folder, threads=pipeline.spec.model.threads)
    holdout = load_holdout(workspace, pipeline, snapshot, validation, scorer.schema)
    if not len(holdout):
        return Evidence(scorer.schema, holdout, [holdout.truth], champion, [holdout.truth] if champion else [])
    try:
        fits = fits_of(scorer, folder, holdout.frame)
    except FeatureError as error:
        raise FeatureError(f"the candidate (model {model_digest[:12]}) cannot score the holdout: {error}") from error
    theirs = []
    if isinstance(champion, LiveModel):
        try:
            theirs = champion_fits(champion, holdout.frame, scorer.schema)
        except ChampionUnusable as error:
            champion = error
    same = _same_as_champion(model_digest, fits, champion, theirs)
    return Evidence(scorer.schema, holdout, fits, champion, theirs, same)


def _same_as_champion(
    model_digest: str, fits: list[Any], champion: LiveModel | ChampionUnusable | None, theirs: list[Any]
) -> str:
    if not isinstance(champion, LiveModel):
        return ""
    if champion.model == model_digest:
        return f"the candidate is the champion itself (version {champion.version}): nothing to release"
    if np.array_equal(fits[0], theirs[0]):
        return (
            f"the candidate answers exactly like the champion (version {champion.version}) "
            f"on all {len(fits[0]):,} rows: nothing to release"
        )
    return ""


def _decide(
    workspace: Workspace, pipeline: Pipeline, snapshot: Snapshot, evidence: Evidence, version: str, name: str
) -> Verdict:
    results = judge_gates(pipeline.spec, evidence)
    holds = dict.fromkeys(reason for reason in _holds(snapshot, evidence) if reason)
    decision = decide(results, has_champion=evidence.champion is not None, holds=list(holds))
    live = evidence.champion
    return Verdict(
        outcome=decision.outcome,
        reasons=tuple(dict.fromkeys(decision.reasons)),
        gates=tuple(results),
        warnings=tuple(_warnings(evidence, results)),
        version=version,
        champion_version=live.version if isinstance(live, LiveModel) else None,
        rows=len(evidence.holdout),
        report=f"{workspace.store.uri(KIND, name)}/{REPORT}",
    )


def _holds(snapshot: Snapshot, evidence: Evidence) -> list[str]:
    """Return reasons against a release that hold whatever the gates say; a missing champion's is '' ."""
    champion = evidence.champion
    if isinstance(champion, ChampionUnusable):
        return [str(champion)]
    if isinstance(champion, LiveModel) and champion.live.data_cut_off > snapshot.as_of:
        newer = clock.iso(champion.live.data_cut_off)
        return [f"the champion (version {champion.version}) is made from newer data, up to {newer}", evidence.identical]
    return [evidence.identical]


def _warnings(evidence: Evidence, results: list[GateResult]) -> list[str]:
    found = [f"in shadow, decides nothing: {result.status} {result.reason}" for result in results if result.shadow]
    if evidence.holdout.strangers:
        found.append(f"{evidence.holdout.strangers:,} holdout rows left out: training never saw their class")
    rows, later = len(evidence.holdout), int(evidence.later.sum())
    if later < rows and isinstance(evidence.champion, LiveModel):
        found.append(f"compared with the champion on {later:,} of {rows:,} rows: it was trained on the others")
    return found


def _entry(verdict: Verdict, model_digest: str) -> dict[str, Any]:
    return {
        "outcome": str(verdict.outcome),
        "reasons": list(verdict.reasons),
        "version": verdict.version,
        "champion_version": verdict.champion_version,
        "model": model_digest,
        "rows": verdict.rows,
        "report": verdict.report,
    }


def _write(
    workspace: Workspace,
    folder: Path,
    pipeline: Pipeline,
    snapshot: Snapshot,
    validation: Validation,
    inputs: dict[str, Any],
    evidence: Evidence,
    verdict: Verdict,
) -> None:
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=1))
    (folder / "inputs.json").write_text(json.dumps(inputs, indent=1, sort_keys=True), encoding="utf-8")
