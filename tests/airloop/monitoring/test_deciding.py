"""The one decision on a window, with a real window, page and ledger: it stands, whoever asks, and remembers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airloop.monitoring.deciding import decide
from airloop.monitoring.window import Window
from airloop.refs import DecisionRef, DriftRef, Level
from airloop.spec import Pipeline

from .conftest import Desk, instant

DAY = timedelta(days=1)
MONITOR = {
    "window": "1d",
    "labels": {"min_rows": 50, "min_share": 0.8, "wait": "2d"},
    "performance": [{"metric": "roc_auc", "warn": 0.03, "act": 0.08}],
    "retrain": {"windows": "2 of 3", "cool_down": "2d", "min_labels": 50, "at_most": "5 per week"},
}


class Watch:
    """The parcels pipeline, live since day 14, of which the window of day 16 is decided on; nothing was asked then."""

    def __init__(self, desk: Desk) -> None:
        from airloop import steps

        self.ledger = desk.workspace.ledger
        pipeline = desk.spec(monitor=MONITOR)
        given = (desk.workspace, pipeline)
        predictions = steps.count_predictions(*given, as_of=instant(17.5))
        labels, _ = steps.count_labels(*given, predictions=predictions, now=instant(365))
        window = steps.profile_window(*given, predictions=predictions)
        self.drift = steps.score_drift(*given, window=window)
        performance = steps.score_performance(*given, window=window, labels=labels)
        self.pipeline: Pipeline = pipeline
        self.window = window.model_copy(update={"version": "1"})
        self.labels = labels
        self.ask = partial(
            decide, *given, window=self.window, performance=performance, labels=labels, as_of=instant(17.5)
        )
        self.bundle = desk.bundle.digest

    def live(self, day: float = 14, version: str = "1") -> None:
        before = self.ledger.live("parcels", "local")
        self.ledger.promote(
            "parcels", "local", bundle=self.bundle + version, version=version, data_cut_off=instant(day),
            expected_generation=before.generation if before else 0, run_id=f"release {version}", reasons=[],
        )  # fmt: skip

    def found(self, day: int, level: str) -> None:
        """Record the drift of an earlier day's window."""
        name = Window(instant(day), instant(day + 1)).name
        payload = {"level": level, "reasons": [], "version": "1", "rows": 100}
        self.ledger.record("drift", "parcels", name, payload, as_of=instant(day + 1.5), run_id=level)

    def acting(self) -> DriftRef:
        """Return the window's drift as if it acted."""
        return self.drift.model_copy(update={"level": Level.ACT, "reasons": ("distance_km PSI 0.9",)})

    def decide(self, run: str = "run", drift: DriftRef | None = None, **more: Any) -> DecisionRef:
        return self.ask(drift=drift or self.acting(), run_id=run, **more)


@pytest.fixture
def watch(desk: Desk) -> Watch:
    watch = Watch(desk)
    watch.live()
    return watch


def test_a_decision_rests_on_the_ledger_and_lands_there_with_reasons_and_page(watch: Watch) -> None:
    watch.found(15, "ACT")
    ref = watch.decide()
    assert (ref.action, ref.as_of, ref.is_binding) == ("RETRAIN", instant(17.5), True)
    assert ref.reasons[:2] == (
        "2 of the latest 2 windows are violated, the newest among them (2 are needed): 2024-03-17 to 2024-03-18 drift "
        "ACT; 2024-03-16 to 2024-03-17 drift ACT",
        "426 labels became known since the data of version 1, 2024-03-15: at least 50 are needed",
    )
    assert ref.reasons[3] == "drift ACT: distance_km PSI 0.9"
    assert "RETRAIN" in Path(ref.report).read_text(encoding="utf-8")
    (entry,) = watch.ledger.entries("parcels", "decision")
    assert (entry.subject, entry.as_of) == (ref.window, instant(17.5))
    assert entry.payload["run_id"] == "run"
    assert entry.payload["facts"] == {
        "drift": "ACT", "performance": "INCONCLUSIVE", "rows": 0, "labelled": 0, "version": "1", "source": "fresh",
    }  # fmt: skip


def test_a_decision_stands_whatever_a_later_run_knows(watch: Watch) -> None:
    waits = watch.decide()
    assert waits.action == "WAIT"
    watch.found(15, "ACT")
    assert watch.decide("a later run") == waits
    assert [entry.payload["run_id"] for entry in watch.ledger.entries("parcels", "decision")] == ["run"]


def test_of_two_runs_at_once_one_decides(watch: Watch) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda drift: watch.decide(f"run {drift.level}", drift), (watch.acting(), watch.drift))
    assert one == other
    assert len(watch.ledger.entries("parcels", "decision")) == 1


def test_a_look_at_the_past_decides_as_of_then_and_records_nothing(watch: Watch) -> None:
    watch.found(15, "ACT")
    watch.live(25, "2")
    ref = watch.decide(is_binding=False)
    assert (ref.action, ref.is_binding) == ("RETRAIN", False)
    assert watch.ledger.entries("parcels", "decision") == []
    binding = watch.decide()
    assert binding.action == "WAIT"
    assert binding.reasons[0] == (
        "version 1 answered most of the window; version 2 is live, and what that does is not known yet"
    )


def test_a_source_that_cannot_be_read_blocks_with_its_reason(watch: Watch, desk: Desk) -> None:
    watch.found(15, "ACT")
    desk.land(16, lambda rows: rows.drop(columns="late"))
    ref = watch.decide()
    assert ref.action == "WAIT"
    assert "retraining would not help: the source is broken, what lands cannot be read" in ref.reasons
    assert any("'late'" in reason for reason in ref.reasons)


def test_nothing_is_live_says_what_to_do(desk: Desk) -> None:
    ref = Watch(desk).decide()
    assert ref.reasons[0] == "retraining would not help: nothing is live; train and release first"
