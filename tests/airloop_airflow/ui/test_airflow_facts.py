from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.fixture
def look(session):
    from airloop_airflow.ui import airflow_facts

    return airflow_facts.look


@pytest.fixture
def add_run(session):
    """Write a run of a DAG to Airflow's metadata."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    def add(dag_id, run_id, state, hour):
        run = DagRun(dag_id=dag_id, run_id=run_id, run_type=DagRunType.MANUAL, state=state)
        run.triggered_by = DagRunTriggeredByType.UI
        run.queued_at = NOW + timedelta(hours=hour)
        run.start_date = run.queued_at if state == "running" else None
        session.add(run)
        session.commit()
        return run

    return add


@pytest.fixture
def ask(session):
    """Write a question to a person to Airflow's metadata."""
    from airflow.models.dag_version import DagVersion
    from airflow.models.hitl import HITLDetail
    from airflow.models.taskinstance import TaskInstance

    def add(dag_id, run_id, state="awaiting_input", version=1, **columns):
        version = DagVersion(dag_id=dag_id, version_number=version, bundle_name="dags-folder")
        session.add(version)
        session.flush()
        values = {"id": uuid4(), "dag_id": dag_id, "run_id": run_id, "task_id": "approve_release", "state": state}
        more = {"map_index": -1, "pool": "default_pool", "pool_slots": 1, "dag_version_id": version.id, "try_number": 1}
        session.execute(sa.insert(TaskInstance).values(**values, **more))
        told = {"created_at": NOW, "subject": f"Release {dag_id}?", **columns}
        session.add(HITLDetail(ti_id=values["id"], options=["Approve", "Reject"], params={}, params_input={}, **told))
        session.commit()

    return add


def test_the_schedule_is_the_trainings(write, look):
    write("parcels", next_dagrun_create_after=NOW)
    write("letters", is_paused=True, next_dagrun_create_after=NOW)
    write("gone", is_stale=True, next_dagrun_create_after=NOW)
    facts = look(["parcels", "letters", "gone", "unknown"])
    assert {name: (fact.next_run, fact.is_paused) for name, fact in facts.items()} == {
        "parcels": (NOW, False),
        "letters": (NOW, True),
        "gone": (None, False),
    }


def test_the_newest_run_that_has_not_ended_is_told(write, look, add_run):
    write("parcels", "letters")
    add_run("parcels.train", "one", "running", 0)
    add_run("parcels.train", "two", "queued", 1)
    add_run("parcels.train", "three", "success", 2)
    add_run("parcels.monitor", "four", "running", 3)
    facts = look(["parcels", "letters"])
    running = facts["parcels"].running
    assert (running.run_id, running.state, running.since) == ("two", "queued", NOW + timedelta(hours=1))
    assert facts["letters"].running is None


def test_an_open_question_is_told_with_those_who_may_answer(write, look, add_run, ask):
    write("parcels")
    add_run("parcels.train", "one", "running", 0)
    ask("parcels.train", "one", assignees=[{"id": "ann", "name": "Ann"}, {"id": "bob", "name": "Bob"}])
    (approval,) = look(["parcels"])["parcels"].approvals
    assert (approval.run_id, approval.task_id, approval.map_index) == ("one", "approve_release", -1)
    assert (approval.subject, approval.since, approval.approvers) == ("Release parcels.train?", NOW, ("Ann", "Bob"))


def test_every_open_question_is_told_the_oldest_first(write, look, add_run, ask):
    write("parcels", "letters")
    for number, (run_id, minutes) in enumerate({"late": 9, "early": 2, "answered": 1, "same": 9}.items()):
        add_run("parcels.train", run_id, "running", number)
        answered = {"responded_at": NOW} if run_id == "answered" else {}
        told = {"subject": f"Release {run_id}?", "created_at": NOW + timedelta(minutes=minutes), **answered}
        ask("parcels.train", run_id, version=number, **told)
    add_run("letters.train", "other", "running", 0)
    ask("letters.train", "other")
    facts = look(["parcels", "letters"])
    assert [(one.run_id, one.subject) for one in facts["parcels"].approvals] == [
        ("early", "Release early?"),
        ("late", "Release late?"),
        ("same", "Release same?"),
    ]
    assert [one.run_id for one in facts["letters"].approvals] == ["other"]


@pytest.mark.parametrize(
    "columns", [{"responded_at": NOW}, {"state": "success"}, {"state": "failed"}, {"state": None}], ids=str
)
def test_a_question_that_nobody_waits_for_is_none(write, look, add_run, ask, columns):
    write("parcels")
    add_run("parcels.train", "one", "running", 0)
    ask("parcels.train", "one", **columns)
    assert look(["parcels"])["parcels"].approvals == ()


@pytest.mark.parametrize("count", [1, 40])
def test_three_questions_whatever_the_number_of_pipelines(write, look, count):
    from airflow import settings

    names = [f"p{number}" for number in range(count)]
    write(*names)
    asked: list[str] = []

    def listen(_connection, _cursor, statement, *_more):
        asked.append(statement)

    sa.event.listen(settings.engine, "before_cursor_execute", listen)
    try:
        assert len(look(names)) == count
    finally:
        sa.event.remove(settings.engine, "before_cursor_execute", listen)
    assert len(asked) == 3, asked


def test_the_table_of_models_has_what_airflow_knows(browser, write, add_run):
    write("parcels", next_dagrun_create_after=NOW)
    add_run("parcels.train", "one", "running", 0)
    airflow = browser("ann").get("/api/models").json()["models"][0]["airflow"]
    assert airflow["next_run"] == "2026-11-22T10:00:00Z"
    assert (airflow["running"]["run_id"], airflow["approvals"]) == ("one", [])


def test_a_question_leads_to_the_verdict_of_its_own_run(browser, write, add_run, ask):
    from airloop_airflow.context import workspace

    write("parcels")
    ledger = workspace().ledger
    for number, (run_id, outcome) in enumerate({"first": "PROMOTE", "second": "HOLD"}.items(), start=1):
        said = {"version": str(number), "outcome": outcome, "reasons": [f"because of {run_id}"]}
        ledger.record("verdict", "parcels", f"{number}" * 64, said, as_of=NOW + timedelta(hours=number))
        ledger.record("judged", "parcels", f"{number}" * 64, said, run_id=run_id)
    add_run("parcels.train", "first", "running", 0)
    ask("parcels.train", "first", subject="Release parcels 1?")
    client = browser("ann")
    row = client.get("/api/pipelines/parcels").json()["row"]
    (approval,) = row["airflow"]["approvals"]
    assert (approval["subject"], row["verdict"]["version"]) == ("Release parcels 1?", "2")
    judged = client.get("/api/pipelines/parcels/candidate", params={"run": approval["run_id"]}).json()
    assert (judged["version"], judged["outcome"], judged["reasons"]) == ("1", "PROMOTE", ["because of first"])
    unknown = client.get("/api/pipelines/parcels/candidate", params={"run": "third"})
    assert (unknown.status_code, unknown.json()["detail"]) == (
        404,
        "parcels: no verdict is recorded under the name of the run 'third'",
    )
