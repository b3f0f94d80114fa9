"""Who started a run by hand, and which verdict it got, stand in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airloop.ledger import Ledger
from airloop.refs import ModelRef, Outcome, VerdictRef
from airloop_airflow import context as run

MARCH = datetime(2013, 3, 18, tzinfo=UTC)
VERDICT = VerdictRef(digest="v" * 64, uri="", outcome=Outcome.HOLD, reasons=("too few rows",), report="")
MODEL = ModelRef(digest="m" * 64, uri="", version="7", run_id="mlflow-1")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The ledger that tasks of this process write to."""
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


def test_a_run_by_hand_is_recorded_once_with_who_why_and_as_of(ledger, context_of) -> None:
    context = context_of(as_of="2013-03-18", why="the board asks", dry_run=True)
    for _ in range(2):
        run.note_asked(context, "parcels", "train")
    (entry,) = ledger.entries("parcels", "asked")
    assert (entry.subject, entry.run_id, entry.as_of) == ("run-1", "run-1", MARCH)
    said = {"act": "train", "by": "ann", "why": "the board asks", "as_of": "2013-03-18T00:00:00Z", "is_dry_run": True}
    assert entry.payload == said


@pytest.mark.parametrize("run_type", ["backfill", "scheduled", "asset_triggered"])
def test_runs_that_nobody_started_by_hand_name_nobody(ledger, context_of, run_type) -> None:
    run.note_asked(context_of(run_type=run_type), "parcels", "train")
    assert ledger.entries("parcels") == []


def test_a_run_by_hand_without_a_user_names_nobody(ledger, context_of) -> None:
    context = context_of()
    context["dag_run"].triggering_user_name = None
    run.note_asked(context, "parcels", "monitor")
    assert ledger.entries("parcels") == []


def test_a_run_whose_name_is_longer_than_a_subject_is_found_by_its_whole_name(ledger, context_of) -> None:
    context = context_of()
    context["run_id"] = "r" * 250
    run.note_asked(context, "parcels", "monitor")
    (entry,) = ledger.entries("parcels", run_id="r" * 250)
    assert entry.subject == "r" * 128


@pytest.mark.parametrize(("run_type", "looks_back"), [("manual", False), ("backfill", True)])
def test_a_run_leads_to_its_verdict_and_a_retry_does_not_double_it(ledger, context_of, run_type, looks_back) -> None:
    for _ in range(2):
        run.note_judged(context_of(run_type=run_type), "parcels", VERDICT, MODEL, MARCH)
    (entry,) = ledger.entries("parcels", "judged", run_id="run-1")
    assert (entry.subject, entry.as_of) == (VERDICT.digest, MARCH)
    said = {"version": "7", "outcome": "HOLD", "training": "mlflow-1", "looks_back": looks_back, "is_dry_run": False}
    assert entry.payload == said
