"""A person's yes or no: asked with one optional field, and written to the ledger with the person's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskAwaitingInput

from airloop.errors import Unreachable
from airloop.ledger import Ledger
from airloop.spec.model import Spec
from airloop_airflow import form
from airloop_airflow.approval import ApproveRelease
from airloop_airflow.operators import ReadSpec

SPEC = Spec.model_validate(
    {
        "name": "parcels",
        "data": {"source": {"path": "x/*.parquet"}, "partition": "none", "label": {"column": "late"}},
        "model": {"task": "binary"},
        "release": {"approval": "required"},
    }
)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HANDED = {"judge_candidate": {"digest": "v" * 64}, "train_model": {"version": "7"}}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The ledger that tasks of this process write to."""
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def task() -> ApproveRelease:
    """The task within its DAG, with one that follows."""
    with DAG("parcels.train", schedule=None, params=form.training(SPEC)):
        asks = ApproveRelease(task_id="approve_release", spec=SPEC)
        asks >> ReadSpec(task_id="package_bundle", pipeline="parcels")
    return asks


@pytest.fixture
def context(context_of, task: ApproveRelease):
    """Make a context in which earlier tasks have handed on their refs."""

    def make(**asked: Any) -> Any:
        found = context_of(**asked)
        found["ti"].xcom_pull = lambda *, task_ids: HANDED[task_ids]
        return found | {"task": task}

    return make


def answer(option: str, *, by: str | None = "bob", comment: str | None = None, at: datetime = NOON) -> dict[str, Any]:
    """Return what Airflow hands to a task that was answered, or that nobody answered in time."""
    user = {"id": by, "name": by} if by else None
    given = {"chosen_options": [option], "params_input": {"comment": comment}, "timedout": by is None}
    return given | {"responded_at": at, "responded_by_user": user}


def answers(ledger: Ledger) -> list[dict[str, Any]]:
    return [dict(entry.payload) for entry in ledger.entries("parcels", "approval")]


def test_the_form_has_one_field_which_may_stay_empty(task: ApproveRelease) -> None:
    (name, field), *others = task.serialized_params.items()
    assert (name, others) == ("comment", [])
    assert (field["value"], field["schema"]["type"]) == (None, ["null", "string"])


def test_a_yes_is_recorded_with_name_and_comment_and_the_run_goes_on(ledger, task, context) -> None:
    result = task.execute_complete(context(), answer("Approve", comment=" looks good "))
    assert result["responded_by_user"]["name"] == "bob"
    (entry,) = ledger.entries("parcels", "approval")
    assert entry.subject == "v" * 64
    assert entry.payload == {
        "answer": "Approve",
        "by": "bob",
        "comment": "looks good",
        "version": "7",
        "run": "run-1",
        "at": "2026-11-22T12:00:00Z",
    }


def test_a_no_is_recorded_although_what_follows_is_skipped(ledger, task, context) -> None:
    with pytest.raises(DownstreamTasksSkipped):
        task.execute_complete(context(), answer("Reject", comment="wrong for Newark"))
    (said,) = answers(ledger)
    assert (said["answer"], said["by"], said["comment"]) == ("Reject", "bob", "wrong for Newark")


def test_no_answer_in_time_is_recorded_as_that_and_names_nobody(ledger, task, context) -> None:
    with pytest.raises(DownstreamTasksSkipped):
        task.execute_complete(context(), answer("Reject", by=None))
    (said,) = answers(ledger)
    assert (said["answer"], said["by"], said["comment"]) == ("no answer", "", "")


def test_a_retry_with_the_same_answer_records_it_once_and_a_cleared_task_is_answered_anew(
    ledger, task, context
) -> None:
    for _ in range(2):
        task.execute_complete(context(), answer("Approve"))
    assert len(answers(ledger)) == 1
    with pytest.raises(DownstreamTasksSkipped):
        task.execute_complete(context(), answer("Reject", by="ann", at=NOON + timedelta(minutes=5)))
    assert [said["answer"] for said in answers(ledger)] == ["Reject", "Approve"]


def test_an_answer_that_cannot_be_recorded_lets_nothing_through(task, context, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIRLOOP_LEDGER", f"sqlite:///{tmp_path}/file/ledger.db")
    with pytest.raises(Unreachable):
        task.execute_complete(context(), answer("Approve"))


def test_a_dry_run_asks_nobody_and_records_nothing(ledger, task, context) -> None:
    assert task.execute(context(dry_run=True)) is None
    assert answers(ledger) == []


def test_otherwise_it_asks_and_waits(ledger, task, context, monkeypatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **given: asked.append(given)
    )
    found = context()
    found["task_instance"] = found["ti"]
    found["ti"].id = "1"
    with pytest.raises(TaskAwaitingInput):
        task.execute(found)
    assert [one["options"] for one in asked] == [["Approve", "Reject"]]
    assert answers(ledger) == []


def test_the_form_says_that_releases_are_paused(ledger, task) -> None:
    assert task.paused() == ""
    ledger.pause("parcels", by="ann", reason="wrong prices")
    assert task.paused().startswith("releases are paused by ann since ")


def test_the_form_says_what_is_asked_in_the_words_of_the_pages(ledger, task, context_of) -> None:
    found = context_of() | {"task": task, "params": {"target": "local"}}
    verdict = {"outcome": "PROMOTE", "champion_version": "6", "reasons": ["roc_auc 0.7"], "report": "/reports/v.html"}
    handed = HANDED | {"judge_candidate": verdict, "take_snapshot": {"as_of": "2013-03-18T06:00:00Z"}}
    found["ti"].xcom_pull = lambda *, task_ids: handed[task_ids]
    said = task.render_template(task.body, found)
    assert "**PROMOTE** for version **7**, trained on what was known at 2013-03-18 06:00 UTC." in said
    assert "The champion is 6." in said
    assert "- roc_auc 0.7" in said
