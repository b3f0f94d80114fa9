"""Labels join predictions as they were known at an instant: nothing that became known later changes a byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airloop.errors import DataError, SpecError
from airloop.monitoring import log
from airloop.monitoring.freezing import freeze
from airloop.monitoring.labels import join, known
from airloop.monitoring.performance import score
from airloop.monitoring.window import Window


def joined(desk, known_until, pipeline=None):
    """Return the logged rows of the week before day 21 with their labels."""
    pipeline = pipeline or desk.pipeline
    window = Window(desk.at(14), desk.at(21))
    rows = log.read(desk.workspace, pipeline, window).table
    found = join(pipeline, rows, known(desk.workspace, pipeline, window, known_until))
    assert len(found) == rows.num_rows
    return log.as_frame(rows).join(found)


def test_each_prediction_gets_its_own_label(desk):
    desk.ask_days(14, 20)
    found = joined(desk, desk.at(25))
    truth = pd.concat([desk.parcels(day) for day in range(14, 21)], ignore_index=True)
    assert found["parcel"].tolist() == truth["parcel"].tolist()
    assert found["label"].tolist() == truth["late"].tolist()
    assert found["known_at"].tolist() == truth["arrived_at"].tolist()


def test_late_labels_do_not_exist_yet(desk):
    desk.ask_days(14, 20)
    found = joined(desk, desk.at(20.5))
    truth = pd.concat([desk.parcels(day) for day in range(14, 21)], ignore_index=True)
    assert found["label"].notna().tolist() == (truth["arrived_at"] <= desk.at(20.5)).tolist()


def test_nothing_is_known_before_the_window(desk):
    desk.ask_days(14, 20)
    assert joined(desk, desk.at(14))["label"].isna().all()


@pytest.mark.slow
def test_of_corrections_the_version_known_then_counts(desk):
    def corrected(rows):
        late = rows["late"].astype(bool)
        first = rows.assign(late=late, recorded_at=rows["arrived_at"])
        return pd.concat([first, first.assign(late=~late, recorded_at=desk.corrected_at)])

    desk.corrected_at = pd.Timestamp(desk.at(23)).as_unit("us")
    for day in range(14, 21):
        desk.land(day, corrected)
    desk.ask_days(14, 20)
    pipeline = desk.spec(data={"recorded_at": "recorded_at"})
    truth = pd.concat([desk.parcels(day) for day in range(14, 21)], ignore_index=True)["late"]
    assert joined(desk, desk.at(22.9), pipeline)["label"].tolist() == truth.tolist()
    assert joined(desk, desk.at(23), pipeline)["label"].tolist() == (~truth).tolist()


def test_equal_rows_of_the_source_are_one(desk):
    desk.land(15, lambda rows: pd.concat([rows, rows]))
    desk.ask_days(15, 15)
    assert len(joined(desk, desk.at(25))) == 120


def test_one_key_in_two_partitions_needs_a_longer_key(desk):
    desk.land(16, lambda rows: rows.assign(parcel=desk.parcels(15)["parcel"]))
    desk.ask_days(15, 16)
    with pytest.raises(
        DataError, match=r"240 rows in different partitions share a data\.key and differ \(parcel=1800\)"
    ):
        joined(desk, desk.at(25), desk.spec(data={"key": ["parcel"]}))


def test_a_missing_label_is_not_known(desk):
    desk.land(15, lambda rows: rows.assign(late=rows["late"].astype("boolean").mask(rows.index < 20)))
    desk.ask_days(15, 15)
    assert joined(desk, desk.at(25))["label"].isna().sum() == 20


def test_a_key_of_numbers_joins_whatever_their_width(desk):
    desk.ask_days(15, 15)
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.astype({"parcel": "float64"}))
    assert joined(desk, desk.at(25), desk.spec(data={"columns": {"parcel": "number"}}))["label"].notna().all()


@pytest.mark.slow
def test_a_key_of_another_kind_is_refused(desk):
    desk.ask_days(15, 15)
    for day in range(14, 21):
        desk.land(day, lambda rows: rows.astype({"parcel": str}))
    with pytest.raises(DataError, match=r"'parcel' of data\.key is int64 in the prediction log and str in the source"):
        joined(desk, desk.at(25), desk.spec(data={"columns": {"parcel": "text"}}))


def test_a_slice_by_a_column_that_is_nowhere_is_named(desk):
    with pytest.raises(SpecError, match=r"column 'depo' is not in the data\. Did you mean 'depot'\?"):
        known(desk.workspace, desk.pipeline, Window(desk.at(14), desk.at(21)), desk.at(21), ("depo",))


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**31), delay=st.timedeltas(timedelta(microseconds=1), timedelta(days=9)))
def test_what_becomes_known_later_changes_no_byte(trained, tmp_path_factory, seed, delay):
    """Labels known after ``known_until`` take any value, come at any later time, or never."""
    random = np.random.default_rng(seed)
    until = trained.at(21)

    def perturbed(rows):
        later = rows["arrived_at"] > until
        chosen = rows["late"].astype("boolean").mask(later, pd.array(random.choice([True, False, None], len(rows))))
        return rows.assign(late=chosen, arrived_at=rows["arrived_at"].mask(later, pd.Timestamp(until + delay)))

    def scored(change):
        home = tmp_path_factory.mktemp("home")
        desk = replace(trained, workspace=replace(trained.workspace, home=home, store_url=str(home / "store")))
        (home / "store").mkdir()
        (home / "store" / "bundles").symlink_to(f"{trained.workspace.store_url}/bundles")
        for day in range(14, 22):
            desk.land(day, change)
        desk.ask_days(18, 20)
        arrived = desk.predictions()
        labels, _ = desk.labels(arrived, now=until)
        window = freeze(desk.workspace, desk.pipeline, predictions=arrived)
        found = score(desk.workspace, desk.pipeline, window=window, labels=labels)
        folder = desk.workspace.store.folder("performances", found.digest)
        return labels, found.digest, (folder / "performance.json").read_bytes()

    if "plain" not in PLAIN:
        PLAIN["plain"] = scored(None)
    assert PLAIN["plain"][0].labelled > 200
    assert scored(perturbed) == PLAIN["plain"]


PLAIN: dict[str, tuple] = {}
