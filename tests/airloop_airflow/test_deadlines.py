from __future__ import annotations

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airloop.ledger import Ledger
from airloop.spec import load
from airloop_airflow import deadlines

SPEC = """\
name: parcels
data:
  source: {path: "x/*.parquet"}
  partition: none
  label: {column: late}
model: {task: binary}
monitor: {schedule: SCHEDULE, fresh_champion_within: 14d}
notify: [{notifier: log}]
"""
RUN = {"dag_run": {"dag_id": "parcels.monitor", "dag_run_id": "run-1"}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    write(tmp_path)
    return tmp_path


@pytest.fixture
def ledger(home):
    return Ledger(f"sqlite:///{home}/ledger.db")


def write(home, schedule="null", more=""):
    folder = home / "pipelines" / "parcels"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.yaml").write_text(SPEC.replace("SCHEDULE", schedule) + more)
    return load(folder).spec


def promote(ledger, generation, cut_off, **more):
    return ledger.promote(
        "parcels",
        "local",
        bundle=f"b{more.get('restores', generation)}",
        version=str(generation),
        data_cut_off=cut_off,
        expected_generation=generation - 1,
        run_id=f"r{generation}",
        reasons=["better"],
        **more,
    )


def due(reference, run_id="scheduled__2026-01-01", *, within=timedelta(days=14)):
    """Ask as Airflow does when it makes a run."""
    from airflow.serialization.definitions.deadline import SerializedReferenceModels

    kept = SerializedReferenceModels.SerializedCustomReference(reference)
    return kept.evaluate_with(session=None, interval=within, dag_id="parcels.monitor", run_id=run_id)


def test_a_deadline_counts_from_the_champions_release(ledger):
    champion = promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    assert due(deadlines.FreshChampion("parcels", "local")) == champion.recorded_at + timedelta(days=14)


def test_a_roll_back_makes_nothing_fresh(ledger):
    first = promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    second = promote(ledger, 2, datetime(2026, 1, 2, tzinfo=UTC))
    promote(ledger, 3, datetime(2026, 1, 1, tzinfo=UTC), kind="roll_back", restores=1)
    assert due(deadlines.FreshChampion("parcels", "local"), within=timedelta(0)) == first.recorded_at
    assert second.recorded_at > first.recorded_at


def test_before_the_first_release_there_is_no_deadline(home):
    assert due(deadlines.FreshChampion("parcels", "local")) is None


def test_a_backfilled_run_has_no_deadline(ledger):
    promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    assert due(deadlines.FreshChampion("parcels", "local"), "backfill__2026-01-01") is None


def test_a_run_is_made_without_a_deadline_where_the_ledger_is_broken(home, caplog):
    (home / "ledger.db").write_text("no database, but long enough to look at")
    with caplog.at_level(logging.WARNING):
        assert due(deadlines.FreshChampion("parcels", "local")) is None
    assert "parcels: no deadline for a fresh champion: ledger" in caplog.text


def test_a_ledger_that_says_nothing_holds_no_run_up(ledger, caplog):
    promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    with sqlite3.connect(ledger.url.removeprefix("sqlite:///")) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert due(deadlines.FreshChampion("parcels", "local", patience_s=0.1)) is None
        other.rollback()
    other.close()
    assert "said nothing for 0.1 s" in caplog.text


def test_airflow_stores_the_reference_and_finds_it_again():
    from airflow.serialization.decoders import decode_deadline_reference
    from airflow.serialization.encoders import encode_deadline_reference

    stored = encode_deadline_reference(deadlines.FreshChampion("parcels", "docker"))
    found = decode_deadline_reference(stored).inner_ref
    assert isinstance(found, deadlines.FreshChampion)
    assert (found.pipeline, found.target) == ("parcels", "docker")


def test_the_deadline_is_on_the_runs_that_come_most_often(home):
    monitored, by_hand = write(home, '"0 6 * * *"'), write(home, "null")
    assert deadlines.of(monitored).interval == timedelta(days=14)
    assert deadlines.of_training(monitored) is None
    assert deadlines.of_training(by_hand).interval == timedelta(days=14)
    wants_none = by_hand.model_copy(
        update={"monitor": by_hand.monitor.model_copy(update={"fresh_champion_within": None})}
    )
    assert deadlines.of(wants_none) is None and deadlines.of_training(wants_none) is None


def tell(now):
    return deadlines._tell("parcels", RUN, now)


def test_an_old_champion_is_told_once(ledger, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com")
    champion = promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    later = champion.recorded_at + timedelta(days=15)
    assert tell(later).endswith("UTC, 15 days, 0:00:00 ago; wanted within 14d")
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 1 and told[0].startswith("parcels: no fresh champion\n- what is live was released at ")
    assert told[0].endswith("Run: https://airflow.example.com/dags/parcels.monitor/runs/run-1")
    tell(later)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == told


def test_a_champion_that_came_meanwhile_is_not_told(ledger, caplog):
    champion = promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    assert tell(champion.recorded_at + timedelta(days=13)) == "the champion is fresh"
    assert "no fresh champion" not in caplog.text


def test_airflow_may_await_it(ledger):
    promote(ledger, 1, datetime(2026, 1, 1, tzinfo=UTC))
    assert asyncio.run(deadlines.no_fresh_champion("parcels", RUN)) == "the champion is fresh"
