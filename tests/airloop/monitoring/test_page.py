"""A window's page: one file that opens without network and tells what was decided, and why."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airloop.monitoring import page
from airloop.monitoring.drift import score as score_drift
from airloop.monitoring.freezing import freeze
from airloop.monitoring.performance import score as score_performance
from airloop.monitoring.policy import Decision
from airloop.monitoring.window import Window
from airloop.refs import Action, WindowRef

from .conftest import Desk

RETRAIN = Decision(Action.RETRAIN, ("2 of 5 windows are violated <b>now</b>",))


def looked_at(desk: Desk) -> dict[str, Any]:
    """Return what a page is made from, of the week before day 21."""
    pipeline = desk.spec(monitor={"drift": {"min_rows": 100}})
    arrived = desk.predictions(21, pipeline)
    labels, _ = desk.labels(arrived, pipeline=pipeline)
    window = freeze(desk.workspace, pipeline, predictions=arrived)
    given = {"window": window, "labels": labels}
    return given | {
        "drift": score_drift(desk.workspace, pipeline, window=window),
        "performance": score_performance(desk.workspace, pipeline, **given),
    }


def moved(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(distance_km=rows["distance_km"] + 500, depot="<script>alert(1)</script>")


def test_the_page_has_decision_drift_performance_pictures_and_lineage_and_is_made_once(desk: Desk) -> None:
    desk.ask_days(14, 20)
    recorded(desk, desk.at(7), desk.at(14), "WARN")
    given = looked_at(desk)
    uri = page.publish(desk.workspace, desk.pipeline, **given, decision=RETRAIN)
    assert uri.endswith("/window.html")
    html = Path(uri).read_text(encoding="utf-8")
    for text in ("RETRAIN", "2024-03-15 to 2024-03-22", "distance_km", "roc_auc", "estimated without labels",
                 given["drift"].digest, given["window"].bundle):  # fmt: skip
        assert text in html
    assert html.count("<svg") >= 5
    assert "Recent windows" in html
    assert "2 of 5 windows are violated &lt;b&gt;now&lt;/b&gt;" in html
    written = Path(uri).stat().st_mtime_ns
    assert page.publish(desk.workspace, desk.pipeline, **given, decision=RETRAIN) == uri
    assert Path(uri).stat().st_mtime_ns == written


def test_the_page_needs_no_network_and_escapes_what_comes_from_data(desk: Desk) -> None:
    for day in range(14, 21):
        desk.ask(moved(desk.parcels(day)))
    html = Path(page.publish(desk.workspace, desk.pipeline, **looked_at(desk), decision=RETRAIN)).read_text(
        encoding="utf-8"
    )
    assert "new: &lt;script&gt;alert(1)&lt;/script&gt; 100 %" in html
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!#)', html)
    assert not re.search(r"url\((?!#)", html)


def test_an_empty_window_has_a_page_too(desk: Desk) -> None:
    waits = Decision(Action.WAIT, ("no predictions",))
    html = Path(page.publish(desk.workspace, desk.pipeline, **looked_at(desk), decision=waits)).read_text(
        encoding="utf-8"
    )
    assert "No column was compared." in html
    assert "no predictions in this window; 100 are needed" in html


def recorded(desk: Desk, start: datetime, end: datetime, level: str, run: str = "") -> None:
    payload = {"level": level, "version": "1", "metrics": {"roc_auc": 0.7}}
    for kind in ("drift", "performance"):
        desk.workspace.ledger.record(
            kind, "parcels", Window(start, end).name, payload, as_of=end, run_id=f"{kind} {run}"
        )


def test_the_time_line_shows_earlier_windows_as_they_were_last_seen(desk: Desk) -> None:
    from airloop.monitoring.recent import moments

    recorded(desk, desk.at(7), desk.at(14), "WARN")
    recorded(desk, desk.at(7), desk.at(14), "ACT", run="again")
    recorded(desk, desk.at(0), desk.at(7), "OK")
    recorded(desk, desk.at(21), desk.at(28), "ACT")
    window = WindowRef(
        digest="", uri="", start=desk.at(14), end=desk.at(21), as_of=desk.at(21), rows=1, version="1", bundle=""
    )
    found = moments(desk.workspace.ledger, "parcels", window)
    assert [(one.end[:10], one.drift, one.performance) for one in found] == [
        ("2024-03-08", "OK", "OK"),
        ("2024-03-15", "ACT", "ACT"),
    ]
    assert found[0].metrics == {"roc_auc": 0.7}


@pytest.mark.slow
def test_mlflow_has_one_run_for_a_window_with_metrics_pictures_and_page(desk: Desk) -> None:
    from mlflow import MlflowClient

    from airloop.monitoring.mlflow_log import log_window
    from airloop.refs import DecisionRef

    desk.ask_days(14, 20)
    given = looked_at(desk)
    report = page.publish(desk.workspace, desk.pipeline, **given, decision=RETRAIN)
    decision = DecisionRef(
        digest="d" * 64, uri="", window="w", action=Action.RETRAIN, as_of=desk.at(21), reasons=RETRAIN.reasons,
        report=report,
    )  # fmt: skip
    run_id = log_window(desk.workspace, desk.pipeline, **given, decision=decision)
    assert log_window(desk.workspace, desk.pipeline, **given, decision=decision) == run_id
    client = MlflowClient(desk.workspace.mlflow_url)
    metrics = client.get_run(run_id).data.metrics
    assert metrics["rows"] == 840
    assert metrics["roc_auc"] == given["performance"].metrics["roc_auc"]
    assert metrics["drift.distance_km"] > 0
    assert [file.path for file in client.list_artifacts(run_id)] == ["pictures", "window.html"]
    pictures = {file.path for file in client.list_artifacts(run_id, "pictures")}
    assert {"pictures/drift.png", "pictures/metric-roc_auc.png"} <= pictures
