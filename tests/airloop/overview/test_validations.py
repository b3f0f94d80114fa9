"""Validations and backtests are listed as the steps recorded them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from airloop import steps
from airloop.errors import ValidationBlocked
from airloop.overview.backtests import backtests
from airloop.overview.validations import validations
from airloop.spec import find
from airloop.workspace import Workspace

from .one_pipeline import NAME, OnePipeline, plain, week

EXPECTATIONS = """\
- {expect: expect_column_values_to_be_between, column: price, min_value: 0, max_value: 100, severity: block}
"""
AS_OF = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_validations_are_told_with_their_docs_the_newest_data_first(one: OnePipeline) -> None:
    assert validations(one.workspace, NAME).rows == ()
    one.validated(2, passed=False, reasons=["[0] price: 3 rows"])
    entry = one.validated(1)
    second, first = validations(one.workspace, NAME).rows
    assert plain(first) == {
        "snapshot": entry.subject, "as_of": "2013-03-25T00:00:00Z", "rows": 9000, "partitions": 67, "quarantined": 3,
        "passed": True, "expectations": 12, "failures": [], "warnings": ["dull"],
        "docs": f"/airloop/artifacts/validations/{entry.run_id}/index.html",
    }  # fmt: skip
    assert (second.as_of, second.passed, second.failures) == (week(2), False, ("[0] price: 3 rows",))


def workspace_with(home: Path, largest: float) -> Workspace:
    """Return a workspace with rows of which ``largest`` is the highest price."""
    folder = home / "pipelines" / "orders"
    folder.mkdir(parents=True)
    source = "data: {source: {path: orders.parquet}, partition: none, label: {column: late}, expectations: e.yaml}\n"
    (folder / "pipeline.yaml").write_text(f"name: orders\n{source}model: {{task: binary}}\n", encoding="utf-8")
    (folder / "e.yaml").write_text(EXPECTATIONS, encoding="utf-8")
    rows = pd.DataFrame({"price": [1.0, 2.0, largest], "late": [True, False, True]})
    rows.to_parquet(home / "orders.parquet")
    return Workspace.from_environment({"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(folder.parent)})


@pytest.mark.slow
def test_a_step_records_its_validation_once(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, 3.0)
    pipeline = find("orders", workspace)
    snapshot = steps.take_snapshot(workspace, pipeline, as_of=AS_OF)
    refs = [steps.validate_data(workspace, pipeline, snapshot=snapshot) for _ in range(2)]
    assert refs[0] == refs[1]
    (row,) = validations(workspace, "orders").rows
    assert (row.snapshot, row.passed, row.rows, row.expectations) == (snapshot.digest, True, 3, 1)


@pytest.mark.slow
def test_data_that_is_blocked_is_recorded_with_the_reason(tmp_path: Path) -> None:
    workspace = workspace_with(tmp_path, 300.0)
    pipeline = find("orders", workspace)
    snapshot = steps.take_snapshot(workspace, pipeline, as_of=AS_OF)
    with pytest.raises(ValidationBlocked):
        steps.validate_data(workspace, pipeline, snapshot=snapshot)
    (row,) = validations(workspace, "orders").rows
    assert not row.passed
    assert "1 row" in row.failures[0]


def test_backtests_are_told_in_the_words_of_their_pages(one: OnePipeline) -> None:
    report = f"{one.workspace.store.uri('reports', 'a' * 64)}/backtest.html"
    said = {"headline": "It would have helped", "sentences": ["by 0.01"], "start": "2013-03-18T06:00:00Z"}
    said |= {"end": "2013-05-06T00:00:00Z", "models": 7, "metric": "log_loss", "report": report}
    one.record("walk", "a" * 64, said)
    step = {"outcome": "PROMOTE", "version": "1", "report": report}
    one.record("backtest", "s", step, as_of=week(0))
    (row,) = backtests(one.workspace, NAME).rows
    assert (row.headline, row.sentences, row.models) == ("It would have helped", ("by 0.01",), 7)
    assert row.report == f"/airloop/artifacts/reports/{'a' * 64}/backtest.html"
    assert row.start == datetime(2013, 3, 18, 6, tzinfo=UTC)


def test_a_backtest_from_before_it_was_recorded_is_known_by_its_verdicts(one: OnePipeline) -> None:
    assert backtests(one.workspace, NAME).rows == ()
    for name in ("a", "b"):
        report = f"{one.workspace.store.uri('reports', name * 64)}/backtest.html"
        for number in (1, 2, 3):
            said = {"outcome": "HOLD", "version": str(number), "report": report}
            one.record("backtest", f"{name}{number}", said, as_of=week(number))
    newest, _ = backtests(one.workspace, NAME).rows
    assert (newest.digest, newest.models, newest.start, newest.end) == ("b" * 64, 3, week(1), week(3))
    assert newest.headline == "3 candidates were judged; its page says what came of it"
