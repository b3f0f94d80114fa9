"""A window's drift from the prediction log on, with a real bundle."""

from __future__ import annotations

import json
import shutil
from typing import Any

import msgspec
import pandas as pd
import pytest

from airloop import bundle, digest
from airloop.errors import DataError
from airloop.monitoring.drift import largest_distance, load_drift, score
from airloop.monitoring.drift_record import ColumnRecord, DriftRecord, RulesRecord
from airloop.monitoring.freezing import freeze
from airloop.refs import DriftRef, Level, WindowRef

from .conftest import Desk


def scored(desk: Desk, **drift: Any) -> tuple[DriftRef, DriftRecord]:
    """Return the drift of the week before day 21, with some rules changed."""
    pipeline = desk.spec(monitor={"drift": {"min_rows": 100} | drift})
    window = freeze(desk.workspace, pipeline, predictions=desk.predictions(21, pipeline))
    ref = score(desk.workspace, pipeline, window=window)
    return ref, load_drift(desk.workspace, ref)


def far(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(distance_km=rows["distance_km"] + 500)


def test_a_week_like_the_training_is_ok_and_scored_once(desk: Desk) -> None:
    desk.ask_days(14, 20)
    ref, record = scored(desk)
    assert (ref.level, record.level, record.rows, ref.missing_rows) == (Level.OK, Level.OK, 7 * 120, 0)
    assert {one.name for one in record.columns} >= {"prediction", "depot", "distance_km", "hour"}
    assert sum(one.importance for one in record.columns) == pytest.approx(1)
    path = desk.workspace.store.folder("drifts", ref.digest) / "drift.json"
    written = path.stat().st_mtime_ns
    assert scored(desk)[0] == ref
    assert path.stat().st_mtime_ns == written
    assert scored(desk, act=0.5)[0].digest != ref.digest


def test_a_moved_column_is_found_from_the_log_on(desk: Desk) -> None:
    for day in range(14, 21):
        desk.ask(far(desk.parcels(day)))
    ref, record = scored(desk, share=0.1)
    moved = record.column("distance_km")
    assert moved is not None
    assert (ref.level, moved.level) == (Level.ACT, Level.ACT)
    assert moved.shares[1][-1] > 0.99
    assert any("distance_km" in reason for reason in ref.reasons)
    assert ref.distance == max(one.distance for one in record.columns if one.level != Level.OK)
    assert json.loads(json.dumps(ref.model_dump(mode="json")))["level"] == "ACT"


def test_the_largest_distance_is_one_that_counts() -> None:
    """Far, and as far between unchanged windows: no drift, so it must not look like some."""
    columns = (
        column("usual", 2.6, Level.OK), column("a_little", 0.04, Level.OK), column("unused", 0.5, Level.ACT, 0.0),
        column("moved", 0.3, Level.ACT), column("endless", float("inf"), Level.ACT),
    )  # fmt: skip
    rules = RulesRecord(method="psi", warn=0.1, act=0.25, share=0.25, min_rows=500, level=0.01)
    record = DriftRecord(
        window="w", level=Level.ACT, reasons=(), missing_rows=0, rows=900, rules=rules, natural="known", stretches=8,
        column_level=0.01, columns=columns,
    )  # fmt: skip
    assert largest_distance(record) == 0.3
    assert largest_distance(msgspec.structs.replace(record, columns=columns[:2])) == 0.04
    assert largest_distance(msgspec.structs.replace(record, columns=columns[:1])) is None


def column(name: str, distance: float, level: Level, importance: float = 0.5) -> ColumnRecord:
    return ColumnRecord(
        name=name, level=level, importance=importance, is_prediction=False, kind="number", rows=900, what="values",
        distance=distance, effect=distance, noise=0.0, chance=1.0, noise_chance=1.0, natural_chance=None,
        times_typical=None, needed_rows=100, nulls=(0.0, 0.0), stretches=[], labels=[], shares=([], []),
    )  # fmt: skip


def test_an_empty_window_is_inconclusive(desk: Desk) -> None:
    ref, record = scored(desk)
    assert (ref.level, ref.missing_rows, record.columns) == (Level.INCONCLUSIVE, 100, ())
    assert ref.reasons == ("no predictions in this window; 100 are needed",)
    assert ref.distance is None


def test_a_bundle_from_before_monitoring_says_what_to_do(desk: Desk) -> None:
    desk.ask_days(14, 20)
    window = freeze(desk.workspace, desk.pipeline, predictions=desk.predictions())
    older = without_reference(desk)
    ref = score(desk.workspace, desk.pipeline, window=window.model_copy(update={"bundle": older, "version": "0"}))
    assert (ref.level, ref.missing_rows) == (Level.INCONCLUSIVE, 0)
    assert ref.reasons == (
        "version 0 is older than monitoring: its bundle does not say what it was trained on. Train and release again",
    )


def without_reference(desk: Desk) -> str:
    """Put the bundle into the store as one that has no reference; return its digest."""
    store, folder = desk.workspace.store, desk.workspace.home / "older"
    shutil.copytree(desk.bundle.folder, folder, ignore=shutil.ignore_patterns("reference", ".files.json"))
    name = digest.of_folder(folder)
    with store.writing("bundles", name) as target:
        shutil.copytree(folder, target, dirs_exist_ok=True)
    return bundle.open_bundle(desk.workspace, name).digest


def test_a_drift_that_is_not_in_the_store_says_which_step_makes_it(desk: Desk) -> None:
    lost = DriftRef(digest="0" * 64, uri="", level=Level.OK, reasons=())
    with pytest.raises(DataError, match="drift 000000000000 is not in the store; run score_drift again"):
        load_drift(desk.workspace, lost)


def test_a_window_that_is_not_in_the_store_is_told(desk: Desk) -> None:
    lost = WindowRef(
        digest="0" * 64, uri="", start=desk.at(14), end=desk.at(21), as_of=desk.at(21), rows=840,
        version="1", bundle=desk.bundle.digest,
    )  # fmt: skip
    with pytest.raises(DataError, match="is not in the store; run profile_window again"):
        score(desk.workspace, desk.pipeline, window=lost)
