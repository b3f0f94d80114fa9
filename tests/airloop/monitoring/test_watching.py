"""Monitoring in one process: the steps in a row, once, again, too early, as a look at the past."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from airloop import steps
from airloop.spec import Pipeline

from .conftest import Desk, instant, parcels_of

pytestmark = pytest.mark.slow


STEPS = ("count_predictions", "count_labels", "profile_window", "score_drift", "score_performance", "decide_retraining")
EAGER = {
    "labels": {"min_rows": 50, "min_share": 1.0, "wait": "2d"},
    "predictions": {"min_rows": 50},
    "performance": [{"metric": "roc_auc", "warn": 0.03, "act": 0.08}],
    "retrain": {"windows": "1 of 1", "min_labels": 50},
}
"""One bad week is enough, and all of its labels are waited for."""


@pytest.fixture
def answered(desk: Desk) -> Desk:
    """Version 1 is live since day 14, and has answered a week badly: far and near were exchanged."""
    desk.workspace.ledger.promote(
        "parcels", "local", bundle=desk.bundle.digest, version="1", data_cut_off=instant(14),
        expected_generation=0, run_id="r", reasons=[],
    )  # fmt: skip
    for day in range(14, 21):
        rows = parcels_of(day)
        desk.ask(rows.assign(distance_km=100 - rows["distance_km"]))
    return desk


def eager(desk: Desk) -> Pipeline:
    return desk.spec(monitor=EAGER)


def watch(desk: Desk, *, now: datetime | None = None, **more: Any) -> steps.Watched:
    given = {"as_of": instant(21.5), "run_id": "run", "now": now or instant(365)} | more
    return steps.watch_window(desk.workspace, eager(desk), **given)


def test_a_bad_week_ends_in_a_retraining_that_a_repetition_does_not_ask_for_again(answered: Desk) -> None:
    first = watch(answered)
    assert list(first.refs) == ["predictions", "labels", "window", "drift", "performance", "decision"]
    assert (first.decision.action, first.decision.as_of) == ("RETRAIN", instant(21.5))
    assert first.pending == ()
    again = watch(answered, run_id="another run")
    assert again.refs == first.refs
    ledger = answered.workspace.ledger
    assert {kind: len(ledger.entries("parcels", kind)) for kind in ("drift", "performance", "decision")} == {
        "drift": 1, "performance": 1, "decision": 1,
    }  # fmt: skip
    claim = steps.claim_retraining(answered.workspace, answered.pipeline, run_id="training")
    assert (claim.windows, claim.as_of) == ((first.decision.window,), instant(21.5))


def test_a_window_that_was_decided_on_is_in_mlflow_with_its_pictures_once(answered: Desk) -> None:
    from mlflow import MlflowClient

    decision = watch(answered).decision
    watch(answered, run_id="another run")
    client = MlflowClient(answered.workspace.mlflow_url)
    place = client.get_experiment_by_name("parcels/monitoring")
    assert place is not None
    (run,) = client.search_runs([place.experiment_id])
    assert run.data.tags["airloop.window"] == decision.window
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"pictures", "window.html"}


def test_an_mlflow_that_is_away_keeps_no_decision_from_being_made(
    answered: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    away = replace(answered.workspace, mlflow_url="http://127.0.0.1:1")
    decided = steps.watch_window(away, eager(answered), as_of=instant(21.5), run_id="run", now=instant(365)).decision
    assert (decided.action, decided.is_binding) == ("RETRAIN", True)
    assert "the window is not in MLflow: MLflow http://127.0.0.1:1: " in caplog.text


def test_what_is_looked_at_too_early_is_shown_and_decides_nothing(answered: Desk) -> None:
    early = watch(answered, now=instant(21.5))
    assert early.pending[0].startswith("labels are waited for until 2024-03-24 12:00 UTC: ")
    assert not early.decision.is_binding
    assert answered.workspace.ledger.entries("parcels", "decision") == []


def test_a_backfill_decides_nothing(answered: Desk) -> None:
    past = watch(answered, is_binding=False)
    assert (past.decision.action, past.decision.is_binding, past.pending) == ("RETRAIN", False, ())
    assert answered.workspace.ledger.entries("parcels", "decision") == []


def test_each_step_is_told_to_whoever_watches(desk: Desk) -> None:
    told: list[str] = []

    def tell(step: str) -> AbstractContextManager[None]:
        told.append(step)
        return nullcontext()

    nobody = watch(desk, watch=tell)
    assert tuple(told) == STEPS
    assert nobody.decision.action == "WAIT"
    assert nobody.decision.reasons[0] == "retraining would not help: nothing is live; train and release first"
