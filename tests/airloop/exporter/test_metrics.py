"""What Prometheus reads is what the ledger says."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from airloop.errors import Unreachable
from airloop.exporter import Exporter, Look
from airloop.refs import Level

from .conftest import MONDAY, NAME, add_release, add_verdict, add_window


def test_the_champion_is_the_one_that_is_live(running):
    live = {"pipeline": NAME, "target": "local"}
    assert running.value("airloop_champion_info", **live, version="1", bundle="1" * 12, kind="roll_back") == 1
    assert running.value("airloop_champion_info", version="2") is None
    assert running.value("airloop_champion_generation", **live) == 3
    cut_off = running.value("airloop_champion_data_cut_off_timestamp_seconds", **live)
    assert cut_off == (MONDAY + timedelta(weeks=1)).timestamp()
    (first, *_) = reversed(running.workspace.ledger.champions(NAME))
    assert running.value("airloop_champion_released_timestamp_seconds", **live) == first.recorded_at.timestamp()


def test_what_happened_is_counted_from_nought(running):
    def total(name, **labels):
        return running.value(f"airloop_{name}_total", pipeline=NAME, **labels)

    outcomes = ("RELEASED", "ROLLED_BACK", "REFUSED")
    assert [total("releases", outcome=outcome) for outcome in outcomes] == [2, 1, 0]
    assert [total("verdicts", outcome=outcome) for outcome in ("PROMOTE", "HOLD", "REJECT")] == [2, 1, 0]
    assert [total("decisions", action=action) for action in ("RETRAIN", "WAIT")] == [1, 1]
    # The second entry says that nobody was told after all.
    assert [total("alerts", event=event) for event in ("rejected", "failed")] == [1, 0]


def test_what_is_recorded_later_is_added(running):
    assert running.value("airloop_verdicts_total", outcome="REJECT") == 0
    add_verdict(running.workspace, 9, "REJECT")
    assert running.value("airloop_verdicts_total", outcome="REJECT") == 1
    assert running.value("airloop_verdicts_total", outcome="PROMOTE") == 2


def test_the_last_verdict_is_that_of_the_newest_data(running):
    add_verdict(running.workspace, 0, "REJECT")  # a backfill's, recorded last
    assert running.value("airloop_verdict", outcome="HOLD") == 1
    assert running.value("airloop_verdict", outcome="REJECT") == 0
    auc = [running.value("airloop_verdict_metric", metric="roc_auc", bound=b) for b in ("lower", "value", "upper")]
    assert auc == [0.69, 0.71, 0.73]
    assert running.value("airloop_verdict_metric", metric="log_loss", bound="lower") is None


def test_the_last_window_tells_its_drift_its_performance_and_the_decision(running):
    assert running.value("airloop_window_level", what="drift", level="ACT") == 1
    assert running.value("airloop_window_level", what="drift", level="OK") == 0
    assert running.value("airloop_window_level", what="performance", level="OK") == 1
    end = (MONDAY + timedelta(weeks=4)).timestamp()
    assert running.value("airloop_window_end_timestamp_seconds", what="drift") == end
    assert (running.value("airloop_window_rows"), running.value("airloop_window_labelled_rows")) == (900, 700)
    assert running.value("airloop_performance", metric="roc_auc", how="measured") == 0.7
    assert running.value("airloop_performance", metric="roc_auc", how="estimated") == 0.69
    assert running.value("airloop_drift_distance", column="wind_speed_mph", side="input") == 0.31
    assert running.value("airloop_drift_importance", column="carrier", side="input") == 0.6
    assert running.value("airloop_drift_distance", column="late", side="prediction") == 0.12
    assert running.value("airloop_decision", action="RETRAIN") == 1


def test_a_retraining_is_unanswered_until_a_run_claims_it_or_newer_data_are_live(running):
    def unanswered():
        return running.value("airloop_retraining_unanswered", pipeline=NAME)

    assert unanswered() == 1
    add_window(running.workspace, 5, Level.ACT, claimed=True)
    assert unanswered() == 0
    add_window(running.workspace, 6)
    assert unanswered() == 1
    add_release(running.workspace, 4, data_cut_off=MONDAY + timedelta(weeks=7))
    assert unanswered() == 0


def test_limits_come_from_the_description_and_follow_it(running):
    assert running.value("airloop_drift_limit", level="act") == 0.25
    assert running.value("airloop_window_seconds") == 7 * 86400
    assert running.value("airloop_champion_fresh_within_seconds") == 14 * 86400
    assert running.value("airloop_latency_limit_seconds") == 0.025
    assert running.value("airloop_pipeline_info", target="local", owner="flights-team") == 1
    file = running.workspace.pipelines / NAME / "pipeline.yaml"
    file.write_text(file.read_text().replace("act: 0.25", "act: 0.5"))
    assert running.value("airloop_drift_limit", level="act") == 0.5


def test_a_broken_description_is_told_and_costs_nothing_else(running):
    (running.workspace.pipelines / NAME / "pipeline.yaml").write_text("name: [")
    assert running.value("airloop_pipeline_broken", pipeline=NAME) == 1
    assert running.value("airloop_pipeline_info") is None
    assert running.value("airloop_champion_generation") == 3


def test_a_ledger_that_does_not_answer_is_told_once(workspace, run, caplog):
    lost = run(replace(workspace, ledger_url="postgresql+psycopg://nobody@127.0.0.1:1/none"))
    with caplog.at_level(logging.WARNING, "airloop"):
        assert lost.value("airloop_source_up", source="ledger") == 0
        assert lost.value("airloop_source_up", source="pipelines") == 1
        assert lost.value("airloop_pipeline_info") == 1
    assert len([line for line in caplog.messages if line.startswith("ledger: ")]) == 1


def test_a_store_that_lost_the_window_shows_no_columns_and_says_why(running, caplog):
    shutil.rmtree(running.workspace.home / "store" / "drifts")
    assert running.value("airloop_drift_distance", column="carrier") is None
    assert running.value("airloop_window_level", what="drift", level="ACT") == 1
    assert running.value("airloop_source_up", source="store") == 1
    assert "the columns of its last window are not shown: drift" in caplog.text


def test_one_look_is_good_for_a_while(workspace, run):
    add_verdict(workspace, 1)
    patient = run(workspace, fresh_s=60)
    before = patient.value("airloop_verdicts_total", outcome="PROMOTE")
    add_verdict(workspace, 2)
    assert patient.value("airloop_verdicts_total", outcome="PROMOTE") == before == 1


@pytest.mark.slow
def test_a_look_is_quick_however_long_the_history(workspace):
    from airloop.ledger.tables import entries

    add_release(workspace, 1)
    day = timedelta(days=1)
    reasons = ["roc_auc 0.71 is at least 0.62"] * 20
    rows = [
        {
            "kind": kind, "pipeline": NAME, "subject": f"{number}", "run_id": "", "as_of": MONDAY + number * day,
            "payload": {"outcome": "HOLD", "metrics": {}, "reasons": reasons}, "recorded_at": MONDAY + number * day,
        }
        for kind in ("verdict", "backtest")
        for number in range(10_000)
    ]  # fmt: skip
    with workspace.ledger.reading() as connection:
        connection.execute(entries.insert(), rows)
        connection.commit()
    look = Look(workspace, fresh_s=0)
    assert look.facts().counts[NAME, "verdict", "HOLD"] == 10_000
    started = time.perf_counter()
    assert look.facts().counts[NAME, "verdict", "HOLD"] == 10_000
    assert time.perf_counter() - started < 0.5


def test_other_paths_and_a_taken_port_are_explained(running):
    import httpx

    missing = httpx.get(f"{running.url}/metric", trust_env=False)
    assert (missing.status_code, missing.json()) == (404, {"error": "try /metrics, /targets or /health"})
    assert httpx.get(f"{running.url}/health", trust_env=False).json() == {"alive": True}
    port = int(running.url.rpartition(":")[2])
    with pytest.raises(Unreachable, match=rf"metrics cannot be served at 127.0.0.1:{port}: .*Choose another --port"):
        Exporter(running.workspace, Look(running.workspace), "127.0.0.1", port)
