"""The pages of a pipeline say the same whether the ledger is in SQLite or in Postgres."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.airloop.ledger import conftest as ledgers

from airloop.errors import UnknownName
from airloop.overview.backtests import backtests
from airloop.overview.candidate import candidate
from airloop.overview.ladder import ladder
from airloop.overview.leaderboard import leaderboard
from airloop.overview.lineage import lineage
from airloop.overview.time_line import time_line
from airloop.overview.validations import validations
from airloop.refs import Level

from .one_pipeline import NAME, OnePipeline, week

pytestmark = pytest.mark.slow
postgres, url = ledgers.postgres, ledgers.url


@pytest.fixture
def one(tmp_path: Path, url: str) -> OnePipeline:
    """Return a pipeline to which everything has happened."""
    home = OnePipeline.at(tmp_path)
    one = OnePipeline(replace(home.workspace, ledger_url=url))
    one.validated(1)
    one.validated(2, passed=False, reasons=["[0] price: 3 rows"])
    one.judged("1")
    one.verified("1")
    one.went_live("1")
    one.watched(2, Level.ACT)
    one.judged("2", "REJECT", against="1")
    one.verified("3", "p99 90 ms")
    for name in ("a", "b"):
        report = f"{one.workspace.store.uri('reports', name * 64)}/backtest.html"
        said = {"outcome": "HOLD", "version": "7", "report": report, "metrics": {}}
        one.record("backtest", name, said, as_of=week(1))
    one.workspace.ledger.pause(NAME, by="cy", reason="storm")
    return one


def test_every_page_is_told(one: OnePipeline) -> None:
    workspace = one.workspace
    kinds = [event.kind for event in time_line(workspace, NAME).events]
    assert sorted(kinds) == [
        "backtest", "backtest", "blocked", "cut_off", "cut_off", "decision", "pause", "released", "verdict",
        "verdict", "verification",
    ]  # fmt: skip
    assert [row.version for row in leaderboard(workspace, NAME).rows] == ["2", "7", "1"]
    assert [row.models for row in backtests(workspace, NAME).rows] == [1, 1]
    assert len(validations(workspace, NAME).rows) == 2
    found, climbed = candidate(workspace, NAME, "1"), ladder(workspace, NAME, None)
    assert found is not None and {stage.state for stage in found.stages} == {"done"}
    assert climbed is not None and climbed.candidate == "1"
    assert lineage(workspace, NAME, "2").links
    with pytest.raises(UnknownName, match="Known: 1, 2, 7"):
        candidate(workspace, NAME, "9")
