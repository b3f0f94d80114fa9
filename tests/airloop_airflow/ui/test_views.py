from __future__ import annotations

import pytest

from airloop_airflow.ui.views import external_views


@pytest.fixture
def views():
    return {view["destination"]: view for view in external_views()}


def test_the_models_are_in_the_navigation_and_each_page_of_airflow_has_a_tab(views):
    assert set(views) == {"nav", "dag", "dag_run", "task", "task_instance"}
    assert (views["nav"]["name"], views["nav"]["href"]) == ("Models", "/airloop/ui/")
    assert {view["name"] for place, view in views.items() if place != "nav"} == {"Airloop"}
    assert len({view["url_route"] for view in views.values()}) == 5


def test_tabs_tell_where_they_are(views):
    assert views["dag"]["href"] == "/airloop/ui/at?dag_id={DAG_ID}"
    assert views["task_instance"]["href"].endswith("?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}")


def test_addresses_begin_where_airflow_does(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/team-a/")
    assert all(view["href"].startswith("/team-a/airloop/ui/") for view in external_views())


def test_the_icons_are_there(views):
    from airloop_airflow.ui import shell

    icons = {view[key].removeprefix("/airloop/ui/assets/") for view in views.values() for key in view if "icon" in key}
    assert icons == {"airloop.svg", "airloop-dark.svg"}
    assert all((shell.ICONS / icon).read_text().startswith("<svg") for icon in icons)


def test_airflow_takes_the_views(views):
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    assert {ExternalViewResponse(**view).url_route for view in views.values()} == {
        v["url_route"] for v in views.values()
    }
