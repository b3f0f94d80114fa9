from __future__ import annotations

import pytest
from sqlalchemy import func, select

EVERYBODY = ("nobody", "ann", "bob", "cy", "dan")
PIPELINE = "/api/pipelines/parcels"
READS = [
    "/api/me",
    "/api/models",
    "/api/live?names=parcels",
    "/api/place?dag_id=parcels.train",
    PIPELINE,
    f"{PIPELINE}/time-line",
    f"{PIPELINE}/leaderboard",
    f"{PIPELINE}/candidate",
    f"{PIPELINE}/rollout",
    f"{PIPELINE}/validations",
    f"{PIPELINE}/backtests",
    f"{PIPELINE}/going-back",
    "/ui/",
    "/ui/pipelines/parcels/why",
]
NEED_A_VERSION = [f"{PIPELINE}/lineage?version=1", f"{PIPELINE}/why?version=1"]
ACTS = [f"{PIPELINE}/pause", f"{PIPELINE}/resume"]
RIGHTS = ("train", "monitor", "roll_back", "pause", "answer")
WORD = {"reason": "wrong prices"}


def answers(browser, ask):
    return {name: ask(browser(name)).status_code for name in EVERYBODY}


@pytest.mark.parametrize("path", READS)
def test_whoever_is_logged_in_may_read(browser, write, path):
    write("parcels")
    assert answers(browser, lambda client: client.get(path)) == {
        "nobody": 401,
        "ann": 200,
        "bob": 200,
        "cy": 200,
        "dan": 200,
    }


@pytest.mark.parametrize("path", NEED_A_VERSION)
def test_an_unknown_version_is_looked_up_for_those_who_may_ask(browser, write, path):
    write("parcels")
    assert browser().get(path).status_code == 401
    assert browser("ann").get(path).status_code in (200, 404)


@pytest.mark.parametrize("path", ACTS)
def test_only_those_act_who_may_edit_the_dag(browser, write, path):
    write("parcels")
    assert answers(browser, lambda client: client.post(path, json=WORD)) == {
        "nobody": 401,
        "ann": 403,
        "bob": 200,
        "cy": 200,
        "dan": 200,
    }


@pytest.mark.parametrize("path", [*READS[4:12], *NEED_A_VERSION, *ACTS])
def test_a_hidden_pipeline_and_one_that_is_not_there_look_alike(browser, write, hide, path):
    write("parcels")
    hide("parcels.train", "nowhere.train")
    client = browser("dan")
    ask = client.post if path in ACTS else client.get
    hidden, missing = (ask(one, **({"json": WORD} if path in ACTS else {})) for one in (path, other(path)))
    assert (hidden.status_code, missing.status_code) == (403, 403)
    assert hidden.text == missing.text.replace("nowhere", "parcels")


def other(path):
    return path.replace("parcels", "nowhere")


def test_nothing_of_a_hidden_pipeline_is_in_any_list(browser, write, hide):
    write("parcels", "letters")
    hide("parcels.train")
    client = browser("dan")
    assert client.get("/api/me").json()["may_see"] == 1
    lists = [client.get(path).text for path in ("/api/models", "/api/live?names=parcels,letters", "/api/me")]
    assert "letters" in lists[0]
    assert "parcels" not in "".join(lists)
    assert client.get("/api/place?dag_id=parcels.train").json() is None


def test_a_hint_names_only_what_one_may_see(browser, write, hide):
    write("parcels", "letters")
    told = browser("ann").get("/api/pipelines/parcel")
    assert (told.status_code, told.json()["detail"]) == (404, "there is no pipeline 'parcel'. Did you mean 'parcels'?")
    hide("parcels.train")
    assert browser("ann").get("/api/pipelines/parcel").json()["detail"] == "there is no pipeline 'parcel'."


def test_a_pipeline_that_airflow_has_not_read_yet_is_in_no_list(browser, write, tmp_path):
    write("parcels")
    (tmp_path / "pipelines" / "fresh").mkdir()
    (tmp_path / "pipelines" / "fresh" / "pipeline.yaml").write_text("name: fresh")
    assert [row["name"] for row in browser("dan").get("/api/models").json()["models"]] == ["parcels"]


def test_rights_are_airflows(browser, write):
    write("parcels")
    rights = {name: browser(name).get(PIPELINE).json()["rights"] for name in ("ann", "bob")}
    assert rights["ann"] == dict.fromkeys(RIGHTS, False)
    assert rights["bob"] == dict.fromkeys(RIGHTS, True)


def test_rights_are_those_on_each_dag(browser, write, hide):
    write("parcels")
    hide("parcels.rollback")
    rights = browser("bob").get(PIPELINE).json()["rights"]
    assert rights == {**dict.fromkeys(RIGHTS, True), "roll_back": False}


def test_another_teams_pipeline_is_hidden(browser, write, team_of_dags):
    write("parcels")
    team_of_dags("post")
    assert browser("bob").get(PIPELINE).status_code == 403
    assert browser("bob").get("/api/models").json()["models"] == []
    assert browser("bob", teams=["post"]).get(PIPELINE).status_code == 200


def test_where_there_are_teams_a_dag_that_airflow_has_not_read_is_nobodys(browser, write, team_of_dags, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    write("parcels")
    team_of_dags("post")
    hidden, missing = (browser("bob").get(path) for path in (PIPELINE, other(PIPELINE)))
    assert hidden.text == missing.text.replace("nowhere", "parcels")


def test_no_route_answers_a_stranger_but_for_scripts_and_pictures(browser, server, write):
    write("parcels")
    asked = [(method, filled(path)) for path, method in routes(server)]
    assert len(asked) >= 20
    told = {path: browser().request(method, path, json=WORD).status_code for method, path in asked}
    assert {path for path, status in told.items() if status != 401} == {"/ui/assets/airloop.svg"}


def test_only_a_post_changes_anything(browser, server, session, write, tmp_path):
    from airflow.models.log import Log

    assert {path for path, method in routes(server) if method != "GET"} == {
        f"/api/pipelines/{{name}}/{act}" for act in ("pause", "resume")
    }
    write("parcels")
    for path in (filled(path) for path, method in routes(server) if method == "GET"):
        browser("dan").get(path)
    assert not (tmp_path / "home").exists()
    assert session.scalar(select(func.count()).select_from(Log)) == 0


def routes(server):
    """Every path and method below ``/airloop``."""
    mounted = next(route.app for route in server.routes if route.path == "/airloop")
    return sorted((route.path, method) for route in mounted.routes for method in route.methods)


def filled(path):
    for name, value in {"name": "parcels", "kind": "reports", "path:path": "x.html", "file": "airloop.svg"}.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{run_id}", "r1")
