"""A real exporter over a real ledger and store, asked over HTTP."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from airloop import digest
from airloop.exporter import Exporter, Look
from airloop.ledger import Ledger
from airloop.monitoring import drift, drift_record
from airloop.monitoring.drift_record import ColumnRecord, DriftRecord, RulesRecord
from airloop.monitoring.window import Window
from airloop.refs import DriftRef, Level, PerformanceRef
from airloop.workspace import PROJECT, Workspace

NAME = "flight_delays"
MONDAY = datetime(2013, 3, 18, tzinfo=UTC)


def add_release(workspace: Workspace, generation: int, **more: Any) -> None:
    """Make generation ``generation`` live, with data up to one more week, and record that it was released."""
    given = {"bundle": f"{generation}" * 64, "version": str(generation), "run_id": f"run-{generation}"}
    cut_off = MONDAY + timedelta(weeks=generation)
    given |= {"data_cut_off": cut_off, "expected_generation": generation - 1, "reasons": ["test"]} | more
    workspace.ledger.promote(NAME, "local", **given)
    kind = "rolled_back" if given.get("kind") == "roll_back" else "released"
    workspace.ledger.record(kind, NAME, given["bundle"], {"outcome": kind.upper()}, run_id=given["run_id"])


def add_verdict(workspace: Workspace, number: int, outcome: str = "PROMOTE") -> None:
    """Record a verdict of week ``number``."""
    metrics = {"roc_auc": [0.71, 0.69, 0.73], "log_loss": [0.5, None, None]}
    payload = {"outcome": outcome, "version": str(number), "metrics": metrics}
    workspace.ledger.record("verdict", NAME, f"v{number}", payload, as_of=MONDAY + timedelta(weeks=number))


def add_window(workspace: Workspace, number: int, level: Level = Level.ACT, *, claimed: bool = False) -> None:
    """Record what was found in week ``number`` and the decision on it, as the steps of monitoring do."""
    window = Window(MONDAY + timedelta(weeks=number - 1), MONDAY + timedelta(weeks=number))
    as_of = window.end + timedelta(hours=12)
    told = [_column("wind_speed_mph", 0.31, 0.4), _column("carrier", 0.02, 0.6)]
    told.append(_column("late", 0.12, 0.0, is_prediction=True))
    rules = RulesRecord(method="psi", warn=0.1, act=0.25, share=0.25, min_rows=500, level=0.01)
    record = DriftRecord(
        window=f"{number}", level=level, reasons=(), missing_rows=0, rows=900, rules=rules,
        natural="known", stretches=8, column_level=0.01, columns=tuple(told),
    )  # fmt: skip
    name = digest.of_bytes(drift_record.encode(record))
    with workspace.store.writing(drift.KIND, name) as folder:
        (folder / drift.FILE).write_bytes(drift_record.encode(record))
    found = DriftRef(digest=name, uri=workspace.store.uri(drift.KIND, name), level=level, reasons=())
    measured = PerformanceRef(
        digest=f"p{number}", uri="p", level=Level.OK, reasons=(), labelled=700,
        metrics={"roc_auc": 0.7}, estimated={"roc_auc": 0.69},
    )  # fmt: skip
    for kind, ref in (("drift", found), ("performance", measured)):
        payload = ref.model_dump(mode="json") | {"version": "1", "rows": 900}
        workspace.ledger.record(kind, NAME, window.name, payload, as_of=as_of, run_id=ref.digest)
    action = "RETRAIN" if level is Level.ACT else "WAIT"
    workspace.ledger.record("decision", NAME, window.name, {"action": action, "reasons": []}, as_of=as_of)
    if claimed:
        workspace.ledger.record("retraining", NAME, window.name, {"run_id": "r"}, as_of=as_of)


def _column(name: str, distance: float, importance: float, *, is_prediction: bool = False) -> ColumnRecord:
    return ColumnRecord(
        name=name, level=Level.OK, importance=importance, is_prediction=is_prediction, kind="number", rows=900,
        what="values", distance=distance, effect=distance, noise=0.0, chance=1.0, noise_chance=1.0,
        natural_chance=None, times_typical=None, needed_rows=100, nulls=(0.0, 0.0), stretches=[], labels=[],
        shares=([], []),
    )  # fmt: skip


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that asks until the answer is true, at most 30 s, and returns it."""

    def until(answer: Callable[[], Any]) -> Any:
        end = time.monotonic() + 30
        while True:
            try:
                if found := answer():
                    return found
            except httpx.TransportError:
                pass
            assert time.monotonic() < end
            time.sleep(0.5)

    return until


@dataclass(frozen=True)
class Running:
    """An exporter that answers, and the workspace that it looks at."""

    workspace: Workspace
    url: str

    def text(self) -> str:
        answer = httpx.get(f"{self.url}/metrics", trust_env=False)
        assert answer.status_code == 200
        return answer.text

    def value(self, name: str, **labels: str) -> float | None:
        """Return the one sample that has ``labels``, None where there is none."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) < 2, f"{name} {labels}: {found}"
        return found[0] if found else None


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with its tables made, which takes a while."""
    file = tmp_path_factory.mktemp("ledger") / "ledger.db"
    assert Ledger(f"sqlite:///{file}").entries(NAME) == []
    return file


@pytest.fixture
def workspace(tmp_path: Path, empty_ledger: Path) -> Workspace:
    """A workspace with one pipeline and nothing that ever happened to it."""
    folder = tmp_path / "pipelines" / NAME
    shutil.copytree(PROJECT / "include" / "pipelines" / NAME, folder)
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    text = text.replace("  window: 7d\n", "  window: 7d\n  fresh_champion_within: 14d\n", 1)
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(empty_ledger, home)
    return Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(folder.parent)})


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Return a function that starts an exporter of a workspace."""
    started: list[tuple[Exporter, threading.Thread]] = []

    def start(workspace: Workspace, fresh_s: float = 0.0) -> Running:
        exporter = Exporter(workspace, Look(workspace, fresh_s=fresh_s), "127.0.0.1", 0)
        thread = threading.Thread(target=exporter.serve)
        thread.start()
        started.append((exporter, thread))
        return Running(workspace, exporter.url)

    yield start
    for exporter, thread in started:
        exporter.close()
        thread.join(10)


@pytest.fixture
def running(workspace: Workspace, run: Callable[..., Running]) -> Running:
    """An exporter over a ledger in which everything has happened."""
    add_release(workspace, 1)
    add_release(workspace, 2)
    first = {"kind": "roll_back", "restores": 1, "bundle": "1" * 64, "version": "1", "run_id": "back"}
    add_release(workspace, 3, **first, data_cut_off=MONDAY + timedelta(weeks=1))
    for number, outcome in enumerate(("PROMOTE", "PROMOTE", "HOLD"), start=1):
        add_verdict(workspace, number, outcome)
    for number, level in ((3, Level.OK), (4, Level.ACT)):
        add_window(workspace, number, level)
    told = {"notifier": "log", "is_told": True, "by": "a"}
    workspace.ledger.record("alert", NAME, "rejected 0123456789ab", told, run_id="1")
    workspace.ledger.record("alert", NAME, "rejected 0123456789ab", told | {"is_told": False}, run_id="2")
    return run(workspace)
