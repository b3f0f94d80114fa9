"""From the ids in an address of Airflow to what is shown there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airloop.overview.placing import TRAINING, place, with_version
from airloop.overview.shapes import Placed
from airloop.overview.why_run import TRAINING as TASKS

from .asking_why import note
from .one_pipeline import NAME, OnePipeline

OURS = ("flights", "flights_2")


@pytest.mark.parametrize(
    ("dag", "run", "task", "tab", "query"),
    [
        ("flights.train", "", "", "", ""),
        ("flights.train", "", "judge_candidate", "candidate", ""),
        ("flights.train", "", "release", "rollout", ""),
        ("flights.train", "manual__2013+00:00", "", "why", "run=manual__2013%2B00%3A00"),
        ("flights.train", "r", "judge_candidate", "candidate", "run=r&task=judge_candidate"),
        ("flights.train", "r", "release", "rollout", "run=r&task=release"),
        ("flights.train", "r", "validate_data", "data", "run=r&task=validate_data"),
        ("flights.train", "r", "take_snapshot", "data", "run=r&task=take_snapshot"),
        ("flights.train", "r", "read_spec", "why", "run=r&task=read_spec"),
        ("flights.monitor", "", "", "time-line", ""),
        ("flights.monitor", "", "score_drift", "time-line", ""),
        ("flights.monitor", "r", "", "window", "run=r"),
        ("flights.monitor", "r", "score_drift", "window", "run=r&task=score_drift"),
        ("flights.rollback", "", "", "time-line", ""),
        ("flights.rollback", "r", "roll_back", "time-line", "run=r&task=roll_back"),
    ],
)
def test_each_page_of_airflow_leads_to_what_it_is_about(dag: str, run: str, task: str, tab: str, query: str) -> None:
    assert place(OURS, dag, run, task) == Placed(pipeline="flights", tab=tab, query=query)  # type: ignore[arg-type]


@pytest.mark.parametrize("dag", ["", "flights", "flights.", ".train", "trains.train", "flights.train.x", "flights.eat"])
def test_a_dag_of_others_is_none_of_ours(dag: str) -> None:
    assert place(OURS, dag, "r", "release") is None


def test_every_task_of_training_has_its_place() -> None:
    assert set(TRAINING) == set(TASKS)


@given(dag=st.text(), run=st.text(), task=st.text())
def test_whatever_the_ids_are_it_is_one_of_ours_or_nothing(dag: str, run: str, task: str) -> None:
    for name in (dag, f"flights.{dag}", "flights.train"):
        placed = place(OURS, name, run, task)
        assert placed is None or placed.pipeline in OURS
        assert placed is None or run or not placed.query


def test_a_run_is_about_the_version_that_came_of_it_and_not_about_the_last_one(tmp_path: Path) -> None:
    one = OnePipeline.at(tmp_path)
    note(one, "2", "REJECT", "early")
    note(one, "3", "PROMOTE", "late")

    def version(run: str, task: str = "judge_candidate") -> str:
        placed = place((NAME,), f"{NAME}.train", run, task)
        assert placed
        return with_version(one.workspace, placed, run).version

    assert (version("early"), version("late", "release")) == ("2", "3")
    assert version("one that has judged nothing yet") == ""
    assert version("") == ""
    (tmp_path / "ledger.db").write_text("no ledger", encoding="utf-8")
    assert version("early") == ""
