"""Features of a flight, from what is known at its scheduled departure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    Array = np.ndarray[Any, Any]
    Columns = dict[str, Array]

NEW_YORK = ZoneInfo("America/New_York")
AS_THEY_ARE = (
    "carrier",
    "origin",
    "dest",
    "distance_mi",
    "scheduled_minutes",
    "temperature_f",
    "dew_point_f",
    "humidity_percent",
    "wind_speed_mph",
    "wind_gust_mph",
    "precipitation_in",
    "pressure_hpa",
    "visibility_mi",
    "plane_seats",
)


def build(flights: pd.DataFrame) -> pd.DataFrame:
    """Return one row of features per flight, in the same order and with the same index."""
    import pandas as pd  # Here, not above: the server calls build_arrays and does without pandas.

    columns = {name: flights[name].to_numpy() for name in flights.columns if name != "scheduled_departure"}
    columns["scheduled_departure"] = flights["scheduled_departure"].to_numpy("datetime64[us]")
    return pd.DataFrame(build_arrays(columns), index=flights.index)


def build_arrays(flights: Columns) -> Columns:
    """Return the same features from one array per column: times as ``datetime64`` in UTC, missing numbers as NaN."""
    local = _on_new_yorks_clocks(flights["scheduled_departure"])
    day = local.astype("datetime64[D]")
    wind_from = np.radians(flights["wind_direction_deg"].astype(float))
    features = {name: flights[name] for name in AS_THEY_ARE}
    features["minute_of_day"] = (local - day).astype("timedelta64[m]").astype(float)
    # 1970-01-01 was a Thursday; Monday is 0.
    features["weekday"] = (day.astype(int) + 3) % 7
    features["wind_from_north"] = np.cos(wind_from)
    features["wind_from_east"] = np.sin(wind_from)
    features["plane_age"] = day.astype("datetime64[Y]").astype(int) + 1970 - flights["plane_year"].astype(float)
    return features


def _on_new_yorks_clocks(times: Array) -> Array:
    """Return UTC times as local ones. Zones change their offset on the hour, so each hour is looked up once."""
    hours, which = np.unique(times.astype("datetime64[h]"), return_inverse=True)
    offsets = [_offset_minutes(int(hour)) for hour in hours.astype(int)]
    local: Array = times.astype("datetime64[m]") + np.array(offsets, dtype="timedelta64[m]")[which]
    return local


def _offset_minutes(hours_since_1970: int) -> int:
    """Return New York's offset from UTC, in minutes, in that hour."""
    offset = datetime.fromtimestamp(hours_since_1970 * 3600, UTC).astimezone(NEW_YORK).utcoffset() or timedelta()
    return int(offset.total_seconds()) // 60
