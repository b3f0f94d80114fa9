"""The head of one pipeline's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airloop.ledger import Ledger
from airloop.overview.describe import pipeline
from airloop.workspace import Workspace

MARCH = datetime(2013, 3, 18, tzinfo=UTC)
SPEC = """\
name: flights
description: Will it be late?
schedule: "0 6 * * MON"
data: {source: {path: "x/*.parquet"}, partition: none, label: {column: late}}
model: {task: binary}
gates:
  - {metric: roc_auc, min: 0.62}
  - {metric: log_loss, versus: champion, margin: 0.01, mode: shadow}
release: {approval: required, approvers: [ann], rollout: {shadow: true, steps: [10, 100]}}
monitor: {schedule: "0 12 * * *", window: 7d}
"""


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    (tmp_path / "pipelines" / "flights").mkdir(parents=True)
    (tmp_path / "pipelines" / "flights" / "pipeline.yaml").write_text(SPEC, encoding="utf-8")
    places = {"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PIPELINES": str(tmp_path / "pipelines")}
    return Workspace.from_environment(places).onlooking()


def test_its_rules_are_said_in_words(workspace):
    found = pipeline(workspace, "flights", MARCH)
    assert found.gates == (
        "roc_auc at least 0.62",
        "log_loss at most 0.01 worse than the champion's (in shadow: reported, decides nothing)",
    )
    assert found.steps == (
        "a person approves", "shadow: copies of all requests", "10 % of requests", "100 % of requests",
    )  # fmt: skip
    assert (found.schedule, found.watched) == ("Mondays at 06:00 UTC", "daily at 12:00 UTC, windows of 7d")
    assert (found.approvers, found.problem, found.versions) == (("ann",), "", ())
    assert (found.row.health, found.row.description) == ("new", "Will it be late?")


def test_everything_that_was_ever_live_is_listed_the_newest_first(workspace):
    ledger = Ledger(workspace.ledger_url)
    for number in (1, 2):
        ledger.promote(
            "flights", "local", bundle=f"{number}" * 64, version=f"{number}", run_id=f"r{number}", reasons=[],
            data_cut_off=MARCH + timedelta(weeks=number), expected_generation=number - 1,
        )  # fmt: skip
    found = pipeline(workspace, "flights", MARCH)
    assert [(one.version, one.until is None) for one in found.versions] == [("2", True), ("1", False)]
    assert found.row.champion is not None and found.row.champion.version == "2"


def test_a_description_that_is_broken_is_told_and_the_history_stays(workspace):
    file = workspace.pipelines / "flights" / "pipeline.yaml"
    file.write_text(SPEC.replace("min: 0.62", "least: 0.62"), encoding="utf-8")
    found = pipeline(workspace, "flights", MARCH)
    assert (found.row.health, found.gates, found.schedule) == ("broken", (), "")
    assert "unknown key 'least'" in found.problem
    assert str(workspace.pipelines) not in found.problem


def test_a_changed_description_is_read_again(workspace):
    assert pipeline(workspace, "flights", MARCH).row.description == "Will it be late?"
    file = workspace.pipelines / "flights" / "pipeline.yaml"
    file.write_text(SPEC.replace("Will it be late?", "Is it late?"), encoding="utf-8")
    assert pipeline(workspace, "flights", MARCH).row.description == "Is it late?"
