"""Whole runs under a real Airflow: what is released, what is not and why, and the way back."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing

import pandas as pd
import psutil
import pytest

from airloop.laptop.airflow_api import AirflowApi, RequestRefused
from airloop.overview.why import why
from airloop.workspace import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

ROW = {"sent_at": "2026-02-20T10:00:00Z", "weight_kg": 2.5, "distance_km": 640.0, "carrier": "cheap"}
BEFORE, AFTER = (
    ["take_snapshot", "validate_data", "train_model", "judge_candidate"],
    ["package_bundle", "verify_bundle", "release"],
)


class Traffic(threading.Thread):
    """Asks the model without a pause until it is told to stop; keeps what came back."""

    def __init__(self, laptop) -> None:
        super().__init__(daemon=True)
        self.laptop = laptop
        self.stopped = threading.Event()
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        while not self.stopped.wait(0.02):
            try:
                answer = self.laptop.server.infer("parcels", ROW)
                self.answers[f"version {answer['model_version']}"] += 1
            except Exception as error:
                self.answers[f"{type(error).__name__}: {error}"] += 1

    def __enter__(self) -> Traffic:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopped.set()
        self.join(30)


@pytest.fixture(scope="session")
def early(laptop):
    """Runs that do not depend on each other, started together so that their waits overlap."""
    asked = {
        "parcels": ("parcels.train", "2026-02-10"),
        "approved": ("asks_first.train", "2026-02-10"),
        "approved too late": ("asks_first.train", "2026-02-05"),
        "rejected": ("asks_first.train", "2026-02-10"),
        "forgotten": ("nobody_answers.train", "2026-02-10"),
        "hopeless": ("hopeless.train", "2026-02-10"),
        "broken": ("broken.train", None),
    }
    return {
        name: (dag_id, laptop.trigger(dag_id, **({"as_of": as_of} if as_of else {})))
        for name, (dag_id, as_of) in asked.items()
    }


@pytest.fixture(scope="session")
def first_release(laptop, early):
    """Version 1 of the parcels, live."""
    dag_id, run_id = early["parcels"]
    assert laptop.api.wait(dag_id, run_id) == "success"
    return laptop.api.result(dag_id, run_id, "release")


@pytest.fixture(scope="session")
def second_release(laptop, first_release):
    """Version 2, released while requests come in all the time."""
    with Traffic(laptop) as traffic:
        run_id, ended = laptop.run("parcels.train", as_of="2026-02-20", why="ten more days of rows")
        assert ended == "success", laptop.states("parcels.train", run_id)
    return laptop.api.result("parcels.train", run_id, "release"), traffic.answers


def wait_for_question(laptop, run):
    """Return when a run asks a person."""
    dag_id, run_id = run
    laptop.until(lambda: laptop.states(dag_id, run_id).get("approve_release") == "awaiting_input", "it asks")


def states_at_end(laptop, run):
    """Return task_id → state of a run that ends well."""
    dag_id, run_id = run
    assert laptop.api.wait(dag_id, run_id) == "success"
    return laptop.states(dag_id, run_id)


def test_a_promoted_model_goes_live_and_answers(laptop, first_release):
    assert (first_release["outcome"], first_release["generation"]) == ("RELEASED", 1)
    answer = laptop.server.infer("parcels", ROW)
    assert answer["model_version"] == first_release["version"]
    assert 0 < answer["outputs"][0]["data"][0] < 1


def test_a_rejected_model_ends_the_run_well_and_says_why(laptop, early):
    dag_id, run_id = early["hopeless"]
    assert laptop.api.wait(dag_id, run_id) == "success"
    assert laptop.states(dag_id, run_id) == dict.fromkeys(BEFORE, "success") | dict.fromkeys(AFTER, "skipped")
    verdict = laptop.api.result(dag_id, run_id, "judge_candidate")
    assert verdict["outcome"] == "REJECT" and "0.999" in verdict["reasons"][0]
    shown = laptop.api.tasks(dag_id, run_id)["judge_candidate"]["rendered_map_index"]
    assert shown.startswith("REJECT: roc_auc")
    log = "\n".join(laptop.api.log(dag_id, run_id, "judge_candidate", 1))
    assert "REJECT: roc_auc" in log and "What follows is skipped" in log


def test_the_report_of_a_rejected_model_is_one_click_away(laptop, early):
    import httpx

    dag_id, run_id = early["hopeless"]
    laptop.api.wait(dag_id, run_id)
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/judge_candidate/links"
    url = laptop.api.request("GET", path)["extra_links"]["Report"]
    assert httpx.get(url, trust_env=False).status_code == 401
    token = httpx.post(
        f"{laptop.stack.airflow_url}/auth/token",
        json={"username": laptop.stack.user, "password": laptop.stack.password},
        trust_env=False,
    ).json()["access_token"]
    page = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert page.status_code == 200 and "REJECT" in page.text


def test_a_broken_spec_fails_with_its_error_beside_others_that_work(laptop, early):
    dag_id, run_id = early["broken"]
    assert laptop.api.wait(dag_id, run_id) == "failed"
    log = "\n".join(laptop.api.log(dag_id, run_id, "read_spec", 1))
    assert "unknown key 'modle'. Did you mean 'model'?" in log
    assert "modle" in laptop.api.request("GET", f"/dags/{dag_id}/details")["doc_md"]


def test_a_person_says_no(laptop, early):
    wait_for_question(laptop, early["rejected"])
    laptop.api.approve(*early["rejected"], "approve_release", "Reject", "wrong for the north")
    states = states_at_end(laptop, early["rejected"])
    assert states["approve_release"] == "success"
    assert {states[name] for name in AFTER} == {"skipped"}


def test_a_person_whom_the_spec_names_says_yes(laptop, early):
    wait_for_question(laptop, early["approved"])
    passwords = json.loads((laptop.home / "secrets" / "airflow_passwords.json").read_text())
    with (
        AirflowApi(laptop.stack.airflow_url, "bob", passwords["bob"]) as bob,
        pytest.raises(RequestRefused, match="403"),
    ):
        bob.approve(*early["approved"], "approve_release", "Approve")
    laptop.api.approve(*early["approved"], "approve_release", "Approve")
    assert set(states_at_end(laptop, early["approved"]).values()) == {"success"}
    assert laptop.api.result(*early["approved"], "release")["outcome"] == "RELEASED"


def test_of_two_runs_at_once_the_older_data_never_replaces_the_newer(laptop, early):
    """Both were judged before there was a champion; the one of older data is approved after the other went live."""
    wait_for_question(laptop, early["approved too late"])
    assert laptop.api.wait(*early["approved"]) == "success"
    laptop.api.approve(*early["approved too late"], "approve_release", "Approve")
    assert states_at_end(laptop, early["approved too late"])["release"] == "skipped"
    refused = laptop.api.result(*early["approved too late"], "release")
    assert refused["outcome"] == "REFUSED" and "2026-02-10" in refused["reasons"][0]
    assert "REFUSED" in laptop.api.tasks(*early["approved too late"])["release"]["rendered_map_index"]
    live = laptop.server.infer("asks_first", ROW)["model_version"]
    assert live == laptop.api.result(*early["approved"], "release")["version"]


def test_no_answer_in_time_means_no(laptop, early):
    states = states_at_end(laptop, early["forgotten"])
    assert states["approve_release"] == "success"
    assert {states[name] for name in AFTER} == {"skipped"}


def test_who_answered_what_is_in_the_ledger_and_tells_why_tasks_were_skipped(laptop, early):
    workspace = Workspace.from_environment(laptop.environ)
    said = {}
    for name in ("approved", "rejected", "forgotten"):
        dag_id, run_id = early[name]
        states_at_end(laptop, early[name])
        (entry,) = workspace.ledger.entries(dag_id.removesuffix(".train"), "approval", run=run_id)
        said[name] = (entry.payload["answer"], entry.payload["by"], entry.payload["comment"])
    person = laptop.stack.user
    assert said == {
        "approved": ("Approve", person, ""),
        "rejected": ("Reject", person, "wrong for the north"),
        "forgotten": ("no answer", "", ""),
    }
    told = why(workspace, "asks_first", run=early["rejected"][1], task="package_bundle")
    assert (told.word, told.by) == ("skipped", person)
    assert told.answer.endswith(": “wrong for the north”.")
    assert f"{person} started it by hand" in [because.text for because in told.because]


def test_a_release_under_traffic_loses_no_request(laptop, first_release, second_release):
    released, answers = second_release
    assert (released["outcome"], released["generation"]) == ("RELEASED", 2)
    old, new = f"version {first_release['version']}", f"version {released['version']}"
    assert set(answers) == {old, new}, answers
    assert answers[old] > 40 and answers[new] > 40


def test_a_look_back_is_judged_and_releases_nothing(laptop, second_release):
    run_id, ended = laptop.run("parcels.train", as_of="2026-02-05")
    assert ended == "success"
    verdict = laptop.api.result("parcels.train", run_id, "judge_candidate")
    assert verdict["outcome"] == "HOLD" and "newer data, up to 2026-02-20" in verdict["reasons"][0]
    assert laptop.server.infer("parcels", ROW)["model_version"] == second_release[0]["version"]


def test_a_dry_run_verifies_and_releases_nothing(laptop, second_release):
    run_id, ended = laptop.run("parcels.train", as_of="2026-02-25", dry_run=True)
    assert ended == "success"
    states = laptop.states("parcels.train", run_id)
    assert states["verify_bundle"] == "success" and states["release"] == "skipped"
    assert laptop.server.infer("parcels", ROW)["model_version"] == second_release[0]["version"]


def test_rows_come_through_a_connection_that_airflow_knows(laptop, make_parcels):
    with closing(sqlite3.connect(laptop.home / "warehouse.db")) as database:
        frame = make_parcels(pd.date_range("2026-01-20", periods=20, tz="UTC"), rows=20)
        frame["sent_at"] = frame["sent_at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f")
        frame.drop(columns="arrived_at").to_sql("parcels", database, index=False)
    body = {"connection_id": "warehouse", "conn_type": "sqlite", "host": str(laptop.home / "warehouse.db")}
    laptop.api.request("POST", "/connections", json=body)
    run_id, ended = laptop.run("from_sql.train", as_of="2026-02-05")
    assert ended == "success"
    assert laptop.api.result("from_sql.train", run_id, "take_snapshot")["rows"] == 300
    verdict = laptop.api.result("from_sql.train", run_id, "judge_candidate")
    assert verdict["outcome"] == "HOLD", "no gate says that it is good"


def test_the_model_server_comes_back_with_the_champion(laptop, second_release):
    server = laptop.component("airloop.serving")
    server.kill()
    server.wait(10)
    laptop.until(laptop.server.ready, "it is back")
    assert laptop.server.infer("parcels", ROW)["model_version"] == second_release[0]["version"]


def test_a_roll_back_makes_the_previous_version_live_again(laptop, first_release, second_release):
    run_id, ended = laptop.run("parcels.rollback", reason="it answers nonsense")
    assert ended == "success"
    champion = laptop.api.result("parcels.rollback", run_id, "roll_back")
    assert (champion["version"], champion["generation"]) == (first_release["version"], 3)
    assert laptop.server.infer("parcels", ROW)["model_version"] == first_release["version"]


def test_a_killed_training_is_tried_again_and_the_flights_go_live(laptop):
    dag_id, run_id = "flight_delays.train", laptop.trigger("flight_delays.train", as_of="2013-03-18")
    laptop.until(lambda: laptop.states(dag_id, run_id).get("train_model") == "running", "it trains")
    time.sleep(1)
    psutil.Process(laptop.api.tasks(dag_id, run_id)["train_model"]["pid"]).kill()
    assert laptop.api.wait(dag_id, run_id) == "success", laptop.states(dag_id, run_id)
    assert laptop.api.tasks(dag_id, run_id)["train_model"]["try_number"] == 2
    released = laptop.api.result(dag_id, run_id, "release")
    assert (released["outcome"], released["generation"]) == ("RELEASED", 1)
