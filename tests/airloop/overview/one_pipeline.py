"""A home with one pipeline, filled as the steps fill it: real ledger, real artifacts, nothing trained."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from airloop import clock, digest
from airloop.gates.judge import entry_of
from airloop.gates.verdict import GateResult, Measured, SliceResult, Status, Verdict
from airloop.ledger import Entry, Ledger, tables
from airloop.monitoring import drift, drift_record, scores
from airloop.monitoring.drift_record import ColumnRecord, DriftRecord, RulesRecord
from airloop.monitoring.scores import Loss, Performance
from airloop.monitoring.window import Window
from airloop.refs import DriftRef, Level, Outcome, PerformanceRef
from airloop.workspace import Workspace

NAME = "flights"
MONDAY = datetime(2013, 3, 18, tzinfo=UTC)
SPEC = """\
name: flights
data: {source: {path: "x/*.parquet"}, partition: none, label: {column: late}}
model: {task: binary}
gates: [{metric: log_loss, versus: champion, margin: 0.01}]
release: {approval: APPROVAL, rollout: {steps: [10, 50, 100], min_requests: 200, step_timeout: 60s}}
monitor: {drift: {warn: 0.1, act: 0.25}, performance: [{metric: roc_auc, warn: 0.02, act: 0.04}]}
"""
LIMITS = GateResult("limits", "p99 latency at most 25 ms", Status.LATER, "judged when the bundle is verified")


def week(number: float) -> datetime:
    """Return a Monday."""
    return MONDAY + timedelta(weeks=number)


def absolute(**more: Any) -> GateResult:
    """Return what a bound on a metric says."""
    given: dict[str, Any] = {"kind": "metric", "rule": "roc_auc at least 0.62", "status": Status.PASS, "reason": "0.7"}
    given |= {"metric": "roc_auc", "rows": 900, "value": 0.7, "bound": (0.68, 0.72), "threshold": 0.62}
    return GateResult(**given | more)


def versus(**more: Any) -> GateResult:
    """Return what a comparison with the champion says."""
    given: dict[str, Any] = {"kind": "champion", "rule": "log_loss at most 0.01 worse than the champion's"}
    given |= {"status": Status.PASS, "reason": "better", "metric": "log_loss", "rows": 800, "value": 0.5}
    given |= {"champion": 0.52, "gain": 0.02, "bound": (0.005, 0.035), "confidence": 0.95, "threshold": -0.01}
    return GateResult(**given | more)


def sliced() -> GateResult:
    """Return what a bound on every group says."""
    groups = (
        SliceResult("EWR", Status.PASS, Measured(400, 0.7, interval=(0.6, 0.8)), "EWR: 0.7"),
        SliceResult("LGA", Status.UNDECIDED, Measured(20), "20 rows, 200 needed"),
    )
    rule = "roc_auc in every origin at least 0.58"
    return GateResult("slices", rule, Status.PASS, "met", metric="roc_auc", value=0.7, threshold=0.58, slices=groups)


@functools.cache
def _empty_ledger() -> Path:
    """Return a ledger with its tables made, which takes a while."""
    folder = Path(tempfile.mkdtemp(prefix="airloop-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "ledger.db"
    assert Ledger(f"sqlite:///{file}").entries(NAME) == []
    return file


@dataclass
class OnePipeline:
    """A workspace with one pipeline, and what may happen to it."""

    workspace: Workspace

    @classmethod
    def at(cls, home: Path, *, approval: str = "none") -> OnePipeline:
        """Return one to which nothing has happened yet."""
        folder = home / "pipelines" / NAME
        folder.mkdir(parents=True)
        (folder / "pipeline.yaml").write_text(SPEC.replace("APPROVAL", approval), encoding="utf-8")
        shutil.copy(_empty_ledger(), home / "ledger.db")
        environ = {"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(folder.parent)}
        return cls(Workspace.from_environment(environ))

    def record(self, kind: str, subject: str, payload: dict[str, Any], **more: Any) -> Entry:
        """Add an entry of any kind."""
        return self.workspace.ledger.record(kind, NAME, subject, payload, **more)

    def recorded(self, *given: tuple[str, str, dict[str, Any], datetime]) -> None:
        """Add many entries (kind, subject, payload, as of) at once."""
        rows = [
            {"kind": kind, "pipeline": NAME, "subject": subject, "payload": said, "as_of": as_of, "run_id": ""}
            | {"recorded_at": as_of}
            for kind, subject, said, as_of in given
        ]
        with sa.create_engine(self.workspace.ledger_url).begin() as connection:
            connection.execute(tables.entries.insert(), rows)

    def judged(
        self, version: str, outcome: str = "PROMOTE", *, at: datetime | None = None, gates: Any = (), **more: Any
    ) -> Entry:
        """Keep a verdict as judging does; by default on the week of the version's number."""
        name = digest.of_value(["verdict", version, outcome, more])
        verdict = Verdict(
            outcome=Outcome(outcome),
            reasons=tuple(more.pop("reasons", ("roc_auc 0.7, at least 0.62",))),
            gates=tuple(gates) or (absolute(), versus(), LIMITS),
            warnings=("in shadow, decides nothing",),
            version=version,
            champion_version=more.pop("against", None),
            rows=900,
            report=f"{self.workspace.store.uri('verdicts', name)}/report.html",
            metrics={"log_loss": Measured(900, 0.5, interval=(0.45, 0.55))},
        )
        with self.workspace.store.writing("verdicts", name) as folder:
            (folder / "verdict.json").write_bytes(msgspec.json.encode(verdict))
            (folder / "report.html").write_text("<p>verdict</p>", encoding="utf-8")
        said = entry_of(verdict, more.pop("model", digest.of_value(["model", version])))
        return self.record("verdict", name, said, as_of=at or week(int(version)))

    def validated(self, number: float, **more: Any) -> Entry:
        """Record a validation as its step does."""
        name = digest.of_value(["validation", number])
        said = {"digest": name, "uri": "", "quarantined": 3, "warnings": ["dull"], "docs": "", "passed": True}
        said |= {"reasons": [], "expectations": 12, "rows": 9000, "partitions": 67}
        subject = digest.of_value(["snapshot", number])
        return self.record("validation", subject, said | more, as_of=week(number), run_id=name)

    def verified(self, version: str, *reasons: str) -> Entry:
        """Record a verification, failed where there are reasons."""
        said = {"digest": "e" * 64, "version": version, "passed": not reasons, "reasons": list(reasons)}
        said |= {"latency_p99_ms": 3.04, "bundle_mb": 0.5}
        return self.record("verification", f"bundle-{version}", said, as_of=week(int(version)))

    def certified(self, version: str, run_id: str) -> Entry:
        """Record that a release begins."""
        said = {"version": version, "target": "local", "by": "ann", "evidence": ""}
        return self.record("certified", f"bundle-{version}", said, run_id=run_id)

    def went_live(self, version: str, *, restores: int | None = None, by: str = "") -> None:
        """Put a version live, by a release or by a person's roll back, with the entry that either leaves."""
        ledger = self.workspace.ledger
        live = ledger.live(NAME, "local")
        generation = live.generation if live else 0
        run_id = f"run-{generation + 1}"
        kind: Any = "release" if restores is None else "roll_back"
        reasons = ["no champion"] if kind == "release" else ["rolled back", "wrong answers"]
        given: dict[str, Any] = {"bundle": f"bundle-{version}", "version": version, "data_cut_off": week(int(version))}
        given |= {"expected_generation": generation, "run_id": run_id, "reasons": reasons, "by": by}
        ledger.promote(NAME, "local", **given, kind=kind, restores=restores)
        self.ended("RELEASED" if kind == "release" else "ROLLED_BACK", version, run_id, generation + 1, by=by)

    def ended(self, outcome: str, version: str, run_id: str, generation: int, **more: Any) -> Entry:
        """Record how a change of what is live ended."""
        said = {"outcome": outcome, "target": "local", "version": version, "by": "", "generation": generation}
        kind = {"RELEASED": "released", "ROLLED_BACK": "rolled_back", "REFUSED": "refused"}[outcome]
        return self.record(kind, f"bundle-{version}", said | {"reasons": ["said"]} | more, run_id=run_id)

    def watched(self, number: int, level: Level = Level.OK, *, is_labelled: bool = True, **more: Any) -> Window:
        """Keep and record what monitoring found in the week that ends on a Monday, and its decision."""
        window = Window(week(number - 1), week(number))
        as_of = window.end + timedelta(hours=12)
        for kind, payload in (("drift", self._drift(number, level)), ("performance", self._score(number, is_labelled))):
            said = payload | {"version": "1", "rows": 900}
            self.record(kind, window.name, said, as_of=as_of, run_id=payload["digest"])
        action = "RETRAIN" if level is Level.ACT else "WAIT"
        said = {"action": action, "reasons": [f"drift {level}"], "facts": {"version": "1"}} | more
        self.record("decision", window.name, said, as_of=as_of)
        return window

    def _drift(self, number: int, level: Level) -> dict[str, Any]:
        rules = RulesRecord(method="psi", warn=0.1, act=0.25, share=0.25, min_rows=500, level=0.01)
        column = ColumnRecord(
            name="wind", level=level, importance=0.4, is_prediction=False, kind="number", rows=900, what="values",
            distance=0.31, effect=0.3, noise=0.0, chance=1.0, noise_chance=1.0, natural_chance=None,
            times_typical=None, needed_rows=100, nulls=(0.0, 0.0), stretches=[], labels=[], shares=([], []),
        )  # fmt: skip
        record = DriftRecord(
            window=f"{number}", level=level, reasons=(), missing_rows=0, rows=900, rules=rules,
            natural="known", stretches=8, column_level=0.01, columns=(column,),
        )  # fmt: skip
        name = digest.of_bytes(drift_record.encode(record))
        if not self.workspace.store.has(drift.KIND, name):
            with self.workspace.store.writing(drift.KIND, name) as folder:
                (folder / drift.FILE).write_bytes(drift_record.encode(record))
        ref = DriftRef(digest=name, uri="", level=level, reasons=("wind moved",), distance=0.31)
        return ref.model_dump(mode="json")

    def _score(self, number: int, is_labelled: bool) -> dict[str, Any]:
        loss = Loss("roc_auc", 0.02, 0.04, Level.WARN, "worse", value=0.69, baseline=0.72, loss=0.03, lower=0.01)
        measured = {"roc_auc": scores.Measured(700, 0.69, 0.01, 6.0, 0.66, 0.72, "day")}
        found = Performance(
            pipeline=NAME, window=f"{number}", version="1", level=Level.WARN, reasons=("worse",), predictions=900,
            labelled=700 if is_labelled else 0, known_until=clock.iso(week(number)),
            metrics=measured if is_labelled else {}, losses=(loss,) if is_labelled else (),
            estimated={"roc_auc": scores.Estimated(900, 0.7, 0.67, 0.73)},
        )  # fmt: skip
        name = digest.of_value(msgspec.to_builtins(found))
        with self.workspace.store.writing(scores.KIND, name) as folder:
            (folder / scores.FILE).write_bytes(msgspec.json.encode(found))
        ref = PerformanceRef(
            digest=name, uri="", level=found.level, reasons=found.reasons, labelled=found.labelled,
            metrics={"roc_auc": 0.69} if is_labelled else {}, estimated={"roc_auc": 0.7},
        )  # fmt: skip
        return ref.model_dump(mode="json")

    def lost(self, kind: str) -> None:
        """Remove all artifacts of a kind from the store."""
        shutil.rmtree(Path(self.workspace.store_url) / kind)

    def broken(self) -> None:
        """Make the pipeline's description unreadable."""
        (self.workspace.pipelines / NAME / "pipeline.yaml").write_text("name: [", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return a shape as its JSON says it."""
    return json.loads(msgspec.json.encode(value))
