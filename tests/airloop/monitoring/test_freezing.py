"""Frozen windows: the same predictions give the same digest, with the profile of what the model saw."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pandas as pd
import pyarrow as pa
import pytest

from airloop.errors import DataError
from airloop.monitoring.freezing import freeze
from airloop.monitoring.frozen import open_window
from airloop.monitoring.rebuilding import rebuild
from airloop.profiles import Profile
from airloop.profiles.reference import Reference

TODAY = datetime(2026, 8, 18, tzinfo=UTC)


def frozen(desk, day=21.0):
    return freeze(desk.workspace, desk.pipeline, predictions=desk.predictions(day))


def files_of(desk, ref):
    folder = desk.workspace.store.folder("windows", ref.digest)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_window_keeps_its_rows_and_says_who_answered(desk):
    desk.ask_days(13, 21)
    ref = frozen(desk)
    assert (ref.start, ref.end, ref.as_of) == (desk.at(14), desk.at(21), desk.at(21))
    assert (ref.rows, ref.version, ref.bundle) == (840, "1", desk.bundle.digest)
    assert ref.uri == f"{desk.workspace.store_url}/windows/{ref.digest}"
    window = open_window(desk.workspace, ref)
    assert window.rows["parcel"].tolist() == [n for day in range(14, 21) for n in desk.parcels(day)["parcel"]]
    assert window.facts.versions == {"1": 840}
    assert (window.facts.repeated, window.facts.ahead, window.facts.left_out) == (0, 0, {})
    assert window.facts.window == "2024-03-15T00:00:00Z/2024-03-22T00:00:00Z"


def test_late_and_repeated_runs_give_the_same_digest_and_bytes(desk):
    desk.ask_days(14, 20, answered_at=TODAY)
    ref = frozen(desk)
    before = files_of(desk, ref)
    desk.ask_days(18, 24, answered_at=TODAY.replace(hour=2))  # replayed again
    desk.ask_days(2, 3, answered_at=TODAY.replace(hour=3))
    again = frozen(desk, 21.9)
    assert again == ref.model_copy(update={"as_of": desk.at(21.9)})
    assert files_of(desk, ref) == before


def test_a_prediction_more_is_another_window(desk):
    desk.ask_days(14, 15)
    first = frozen(desk)
    desk.ask(desk.parcels(16).head(1))
    assert frozen(desk).digest != first.digest


def test_an_empty_window_is_a_window(desk):
    ref = frozen(desk)
    assert (ref.rows, ref.version, ref.bundle) == (0, "", "")
    window = open_window(desk.workspace, ref)
    assert window.rows.empty
    assert window.profile == window.prediction == Profile(0, {})
    assert frozen(desk) == ref


def test_the_profile_is_of_what_the_model_saw(desk):
    desk.ask_days(14, 20)
    window = open_window(desk.workspace, frozen(desk))
    reference = Reference.load(desk.bundle.folder / "reference")
    rows = pd.concat([desk.parcels(day) for day in range(14, 21)])
    columns = {name: rows[name] for name in ("depot", "distance_km", "sent_at", "parcel", "weight_kg")}
    expected = Profile.of(pd.DataFrame(columns | {"hour": rows["sent_at"].dt.hour}), reference.kinds)
    assert window.profile.rows == 840
    assert window.profile.columns == expected.columns
    assert set(window.profile.columns) == set(reference.columns.columns)
    assert window.profile.columns["weight_kg"].nulls == 84
    answers = window.rows["probability"].to_numpy()
    assert window.prediction == Profile.of({"prediction": answers}, {"prediction": "number"})


@pytest.mark.slow
def test_another_versions_rows_count_as_inputs_and_not_as_predictions(desk):
    second = desk.another_version()
    desk.ask_days(14, 16)
    desk.ask_days(17, 20, by=second)
    ref = frozen(desk)
    assert (ref.version, ref.bundle) == ("2", second.digest)
    window = open_window(desk.workspace, ref)
    assert window.facts.versions == {"1": 360, "2": 480}
    assert window.profile.rows == 840
    assert window.prediction.rows == 480
    assert set(window.answered["version"].to_pylist()) == {"2"}


def test_rows_that_lack_an_input_are_left_out_of_the_profile_and_told(desk):
    desk.ask_days(14, 20)
    table = open_window(desk.workspace, frozen(desk)).table
    parcels = [None] * 30 + table["parcel"].to_pylist()[30:]
    lacking = table.set_column(table.column_names.index("parcel"), "parcel", pa.array(parcels, pa.int64()))
    profile, left_out, notes = rebuild(desk.workspace, desk.bundle, lacking)
    nullable = {column.name: column.nullable for column in desk.bundle.schema.inputs}
    assert nullable["parcel"] is False
    assert profile.rows == 810
    assert (left_out, notes) == ({}, ["30 rows lack an input that version 1 needs"])


def private(desk, *names):
    """Return the bundle as if ``names`` had been private when it was made."""
    hidden = replace(desk.bundle)
    hidden.__dict__["facts"] = msgspec.structs.replace(desk.bundle.facts, private=names)
    return hidden


def test_what_is_made_from_private_inputs_is_left_out_with_the_reason(desk):
    desk.ask_days(14, 20)
    table = open_window(desk.workspace, frozen(desk)).table.drop_columns(["distance_km"])
    profile, left_out, notes = rebuild(desk.workspace, private(desk, "distance_km"), table)
    assert list(profile.columns) == ["depot", "hour", "sent_at", "parcel", "weight_kg"]
    assert left_out == {"distance_km": "is made from distance_km, which is private and so not in the log"}
    assert notes == []


@pytest.mark.slow
def test_a_private_input_that_code_cannot_do_without_leaves_out_what_the_code_makes(desk):
    desk.ask_days(14, 20)
    table = open_window(desk.workspace, frozen(desk)).table.drop_columns(["sent_at"])
    profile, left_out, _ = rebuild(desk.workspace, private(desk, "sent_at"), table)
    assert list(profile.columns) == ["depot", "distance_km", "parcel", "weight_kg"]
    assert left_out["hour"] == "is made from sent_at, which is private and so not in the log"
    assert left_out["sent_at"] == "is private, and so not in the log"


def test_a_window_that_is_not_in_the_store_is_named(desk):
    ref = frozen(desk).model_copy(update={"digest": "0" * 64})
    with pytest.raises(DataError, match=r"window 2024-03-15T00:00:00Z/.* \(000000000000\) is not in the store"):
        open_window(desk.workspace, ref)
