from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from airloop import clock
from airloop.data import take
from airloop.data.rows import iter_part
from airloop.features.code import FeatureCode
from pipelines.flight_delays import land as landing

pytestmark = pytest.mark.slow


KNOWN_LATER = {"late", "landed_at"}


@pytest.fixture(scope="session")
def flights(home):
    """The flights from New Year to the third day of summer time."""
    assert landing.land(home, until=date(2013, 3, 13)) == 71
    files = sorted((home / "data" / "flights").glob("*/flights.parquet"))
    return pd.concat([pd.read_parquet(path) for path in files], ignore_index=True)


def one(flights, **values):
    mask = np.logical_and.reduce([flights[name] == value for name, value in values.items()])
    assert mask.sum() == 1
    return flights[mask].iloc[0]


def test_a_flight_has_its_times_in_utc(flights):
    first = one(flights, carrier="UA", flight=1545, scheduled_departure=pd.Timestamp("2013-01-01T10:15Z"))
    assert first["origin"] == "EWR", "05:15 in New York"
    assert first["scheduled_minutes"] == 244, "to 08:19 in Houston"
    assert first["landed_at"] == pd.Timestamp("2013-01-01T14:30Z"), "11 minutes late"
    assert first["late"] is False


def test_departures_follow_summer_time(flights):
    daily = flights[(flights["carrier"] == "AA") & (flights["flight"] == 1141)]["scheduled_departure"]
    clocks = dict(zip(daily.dt.strftime("%m-%d"), daily.dt.strftime("%H:%M"), strict=True))
    assert (clocks["03-09"], clocks["03-11"]) == ("10:40", "09:40"), "05:40 in New York"


def test_a_file_holds_one_day_sorted(home, flights):
    for path in (home / "data" / "flights").iterdir():
        times = pd.read_parquet(path / "flights.parquet")["scheduled_departure"]
        assert times.is_monotonic_increasing
        assert set(times.dt.strftime("date=%Y-%m-%d")) == {path.name}


def test_the_label_says_whether_a_flight_landed_more_than_15_minutes_late(flights):
    arrival = flights["scheduled_departure"] + pd.to_timedelta(flights["scheduled_minutes"], unit="min")
    late_by = (flights["landed_at"] - arrival).dt.total_seconds() / 60
    landed = late_by.notna()
    assert (flights.loc[landed, "late"] == (late_by[landed] > 15)).all()
    assert flights.loc[~landed, "late"].isna().all(), "cancelled and diverted flights have none"
    assert 0.02 < 1 - landed.mean() < 0.05
    assert late_by.min() > -90


def test_weather_is_the_newest_that_was_known_at_departure(flights):
    weather = landing._read("weather.csv")
    weather["known_at"] = pd.to_datetime(weather["time_hour"], utc=True) + pd.Timedelta(hours=1)
    for _, flight in flights.sample(40, random_state=0).iterrows():
        known = weather[
            (weather["origin"] == flight["origin"]) & (weather["known_at"] <= flight["scheduled_departure"])
        ]
        newest = known.loc[known["known_at"].idxmax()]
        assert flight["weather_observed_at"] == newest["known_at"]
        assert flight["temperature_f"] == newest["temp"]
    age = flights["scheduled_departure"] - flights["weather_observed_at"]
    assert pd.Timedelta(0) <= age.min() <= age.max() <= pd.Timedelta(hours=6)


def test_landing_again_changes_no_file(home, flights):
    before = {path: path.stat().st_mtime_ns for path in (home / "data" / "flights").rglob("*.parquet")}
    assert landing.land(home, until=date(2013, 3, 13)) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(before) == 71


def test_features_use_only_what_is_known_at_departure(pipeline, flights):
    spec = pipeline("flight_delays").spec
    assert spec.features is not None
    assert set(spec.features.inputs) <= set(flights.columns) - KNOWN_LATER
    assert "tailnum" in spec.data.private


def test_features_are_equal_with_and_without_pandas(pipeline, flights):
    code = _code(pipeline)
    rows = flights.sample(500, random_state=1)
    frame = code.build(rows)
    times = {"scheduled_departure": rows["scheduled_departure"].to_numpy("datetime64[us]")}
    arrays = code.arrays({name: rows[name].to_numpy() for name in code.inputs} | times)
    assert list(arrays) == list(frame.columns)
    for name, column in arrays.items():
        pd.testing.assert_series_equal(pd.Series(column, frame.index, name=name), frame[name])


def test_features_of_a_row_do_not_depend_on_its_neighbours(pipeline, flights):
    code = _code(pipeline)
    rows = flights.sample(20, random_state=2)
    one_by_one = pd.concat([code.build(rows.iloc[[n]]) for n in range(len(rows))])
    pd.testing.assert_frame_equal(code.build(rows), one_by_one)


def test_minutes_and_weekdays_are_those_of_new_york(pipeline, flights):
    code = _code(pipeline)
    features = code.build(flights)
    local = flights["scheduled_departure"].dt.tz_convert("America/New_York")
    assert (features["minute_of_day"] == local.dt.hour * 60 + local.dt.minute).all()
    assert (features["weekday"] == local.dt.day_of_week).all()
    age = (local.dt.year - flights["plane_year"]).astype(float)
    pd.testing.assert_series_equal(features["plane_age"], age, check_names=False)


def test_a_snapshot_of_the_landed_flights_is_taken(workspace, pipeline, flights):
    _, snapshot = take(workspace, pipeline("flight_delays"), clock.parse("2013-03-13T12:00Z"))
    assert len(snapshot.partitions) == 67
    assert [clock.iso(start) for start in snapshot.missing] == []
    assert (
        0.94 < sum(each.labelled for each in snapshot.partitions) / sum(each.rows for each in snapshot.partitions) < 1
    )


@pytest.mark.slow
def test_the_whole_year_lands(tmp_path):
    assert landing.land(tmp_path) == 366
    files = sorted((tmp_path / "data" / "flights").glob("*/flights.parquet"))
    flights = pd.concat([pd.read_parquet(path) for path in files])
    assert len(flights) == 336_776
    assert not flights.duplicated(landing.KEY).any()
    assert files[-1].parent.name == "date=2014-01-01", "New Year's Eve ends later in New York"
    hawaii = flights[(flights["carrier"] == "HA") & (flights["dest"] == "HNL")]
    assert hawaii["scheduled_minutes"].between(600, 700).all()


@pytest.mark.slow
def test_a_model_on_these_features_is_honestly_good(tmp_path, pipeline):
    from sklearn.metrics import roc_auc_score
    from xgboost import XGBClassifier

    from airloop.workspace import Workspace

    landing.land(tmp_path, until=date(2013, 3, 19))
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    flights = pipeline("flight_delays")
    _, snapshot = take(workspace, flights, clock.parse("2013-03-18"))
    code = _code(pipeline)
    data = {}
    for part in ("train", "holdout"):
        rows = pd.concat(
            [frame for _, frame in iter_part(workspace, flights.spec, snapshot, part, {})], ignore_index=True
        )
        texts = ["carrier", "origin", "dest"]
        data[part] = code.build(rows), rows["late"], texts
    features = data["train"][0]
    types = {name: pd.CategoricalDtype(sorted(features[name].unique())) for name in ("carrier", "origin", "dest")}
    model = XGBClassifier(n_estimators=60, n_jobs=2, enable_categorical=True, **flights.spec.model.params)
    model.fit(features.astype(types), data["train"][1])
    answers = model.predict_proba(data["holdout"][0].astype(types))[:, 1]
    assert roc_auc_score(data["holdout"][1], answers) > 0.66


def _code(pipeline):
    flights = pipeline("flight_delays")
    return FeatureCode.load(flights.folder, flights.spec.features)
