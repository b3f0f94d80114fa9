"""Three weeks of real flights: the same candidates as runs would train, measured on the weeks that followed."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from airloop import backtest
from airloop.spec import find
from airloop.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_three_weeks_of_flights(tmp_path):
    from pipelines.flight_delays.land import land

    land(tmp_path)
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    pipeline = find("flight_delays", workspace)
    start, end = datetime(2013, 3, 18, tzinfo=UTC), datetime(2013, 4, 8, tzinfo=UTC)
    ticks = backtest.plan(workspace, pipeline, start, end)
    assert [f"{tick.as_of:%m-%d %H:%M}" for tick in ticks] == ["03-18 06:00", "03-25 06:00", "04-01 06:00"]

    walk = backtest.walk(workspace, pipeline, ticks, jobs=backtest.most_jobs(pipeline))
    first = walk.steps[0]
    assert (first.outcome, walk.metric) == ("PROMOTE", "log_loss")
    assert first.scored.rows == labelled_by_hand(tmp_path, ticks[0])
    for step in walk.steps:
        assert 0.6 < walk.score(step, "always", "roc_auc").value < 0.8
        assert walk.score(step, "never", "log_loss").lower < walk.score(step, "never", "log_loss").value
    found = walk.contrast("gates", "never", "log_loss")
    assert found.intervals == 3 and found.bound("periods") is None
    assert backtest.publish(workspace, pipeline, walk).report.endswith("backtest.html")


def labelled_by_hand(home, tick):
    """Count the rows of the interval whose flight had landed in time, from the landed files themselves."""
    days = pd.date_range(tick.as_of.date(), tick.until.date())
    files = [home / "data" / "flights" / f"date={one:%Y-%m-%d}" / "flights.parquet" for one in days]
    rows = pd.concat(pd.read_parquet(file) for file in files)
    rows = rows[(rows["scheduled_departure"] >= tick.as_of) & (rows["scheduled_departure"] < tick.until)]
    return int((rows["landed_at"] <= tick.known_until).sum())
