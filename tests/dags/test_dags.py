from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CHAIN = [
    "take_snapshot",
    "validate_data",
    "train_model",
    "judge_candidate",
    "package_bundle",
    "verify_bundle",
    "release",
]


def arrows(dag):
    return {(task.task_id, later) for task in dag.tasks for later in task.downstream_task_ids}


def test_every_spec_of_the_project_has_its_three_dags(read_dags):
    names = {path.parent.name for path in (PROJECT / "include" / "pipelines").glob("*/pipeline.yaml")}
    assert "flight_delays" in names
    assert set(read_dags()) == {f"{name}.{kind}" for name in names for kind in ("train", "monitor", "rollback")}


def test_a_training_is_one_line_of_tasks(write, read_dags):
    write("parcels")
    dag = read_dags()["parcels.train"]
    assert arrows(dag) == set(pairwise(CHAIN))


def test_a_person_is_asked_only_where_the_spec_says_so(write, read_dags):
    write("parcels", "release: {approval: required, approvers: [ann, bob], approval_timeout: 3h}")
    dag = read_dags()["parcels.train"]
    asks = dag.get_task("approve_release")
    assert ("judge_candidate", "approve_release") in arrows(dag)
    assert ("approve_release", "package_bundle") in arrows(dag)
    assert ("judge_candidate", "package_bundle") not in arrows(dag)
    assert [user["id"] for user in asks.assigned_users] == ["ann", "bob"]
    assert asks.response_timeout == timedelta(hours=3)
    assert asks.defaults == ["Reject"]
    assert "responded_by_user" in dag.get_task("release").approved_by


def test_without_approvers_anyone_who_may_act_on_the_dag_answers(write, read_dags):
    write("parcels", "release: {approval: required}")
    assert read_dags()["parcels.train"].get_task("approve_release").assigned_users is None


def test_two_releases_of_a_pipeline_never_run_at_once(write, read_dags):
    write("parcels")
    dags = read_dags()
    assert dags["parcels.train"].get_task("release").max_active_tis_per_dag == 1
    assert dags["parcels.rollback"].max_active_runs == 1


def test_dags_say_what_they_are(write, read_dags):
    write("parcels", "owner: post\ntags: [logistics]\ndescription: Late or not?")
    train, back = (read_dags()[f"parcels.{kind}"] for kind in ("train", "rollback"))
    assert train.tags == {"airloop", "train", "logistics"} and back.tags == {"airloop", "rollback", "logistics"}
    assert train.description == "Late or not?"
    assert "# Train to production" in train.doc_md and "# Roll back" in back.doc_md
    assert train.get_task("release").owner == "post"
    assert train.get_task("train_model").retries == 3
    assert not train.catchup and back.schedule is None


def test_dags_can_be_stored(write, read_dags):
    from airflow.serialization.serialized_objects import DagSerialization

    write("parcels", 'schedule: "0 6 * * MON"\nrelease: {approval: required}')
    for dag in read_dags().values():
        stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert set(stored.task_dict) == set(dag.task_dict)


def test_a_broken_spec_shows_its_error_and_spares_the_others(write, read_dags):
    write("parcels")
    write("typing", "modle: 3")
    dags = read_dags()
    assert set(dags) == {
        f"{name}.{kind}" for name in ("parcels", "typing") for kind in ("train", "monitor", "rollback")
    }
    broken = dags["typing.train"]
    assert "broken" in broken.tags and "broken" not in dags["parcels.train"].tags
    assert "unknown key 'modle'. Did you mean 'model'?" in broken.doc_md


def test_running_a_broken_pipeline_fails_with_its_error(write, read_dags):
    from airloop.errors import SpecError

    write("typing", "modle: 3")
    task = read_dags()["typing.train"].get_task("read_spec")
    assert task.retries == 0
    with pytest.raises(SpecError, match="unknown key 'modle'"):
        task.execute({})


def test_a_mended_pipeline_says_that_its_dag_comes_back(write, read_dags, pipelines):
    from airflow.sdk.exceptions import AirflowSkipException

    write("typing", "modle: 3")
    task = read_dags()["typing.train"].get_task("read_spec")
    file = pipelines / "typing" / "pipeline.yaml"
    file.write_text(file.read_text().replace("modle: 3", ""))
    with pytest.raises(AirflowSkipException, match="next parse"):
        task.execute({})


def test_a_task_reads_the_one_pipeline_that_it_runs(write, read_dags):
    write("parcels")
    write("letters")
    assert set(read_dags(only="letters.train")) == {"letters.train", "letters.monitor", "letters.rollback"}


def test_a_missing_folder_of_pipelines_is_an_import_error(pipelines, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("AIRLOOP_PIPELINES", str(pipelines / "nowhere"))
    errors = DagBag(PROJECT / "dags").import_errors
    assert len(errors) == 3
    assert all("set AIRLOOP_PIPELINES or make it" in error for error in errors.values())
