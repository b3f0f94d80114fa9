"""Where the pages stand in Airflow's own UI: its navigation, and tabs that open at the right thing."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from tests.browser.site import page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def rejected(demo):
    """The run of flight_delays whose candidate was judged, and not released."""
    runs = demo.api.runs("flight_delays.train", "asset_triggered")
    found = [run["dag_run_id"] for run in runs if verdict_of(demo, run["dag_run_id"]) in ("REJECT", "HOLD")]
    assert found, "the demo had no candidate that was not released"
    return found[0]


def verdict_of(demo, run_id: str) -> str:
    found = demo.api.result("flight_delays.train", run_id, "judge_candidate")
    return found["outcome"] if found else ""


def inside(page: Page):
    """Return Airloop's page inside Airflow's."""
    return page.frame_locator("iframe")


def test_the_navigation_opens_the_models(open_as):
    page = open_as("viewer", "/")
    page.get_by_role("link", name="Models").click()
    expect(inside(page).get_by_role("heading", name="Models", level=1)).to_be_visible()
    expect(inside(page).get_by_role("link", name="flight_delays", exact=True)).to_be_visible()


def test_an_address_that_is_kept_opens_the_same_page_again(open_as):
    page = open_as("viewer", "/plugin/airloop")
    inside(page).get_by_role("link", name="flight_delays", exact=True).click()
    expect(inside(page).get_by_role("heading", name="flight_delays", level=1)).to_be_visible()
    page.wait_for_url("**/pipelines/flight_delays")
    page.reload()
    expect(inside(page).get_by_role("heading", name="flight_delays", level=1)).to_be_visible()


def test_the_back_button_leads_back_to_the_models(open_as):
    page = open_as("viewer", "/plugin/airloop")
    inside(page).get_by_role("link", name="flight_delays", exact=True).click()
    expect(inside(page).get_by_role("heading", name="flight_delays", level=1)).to_be_visible()
    page.evaluate("history.back()")
    expect(inside(page).get_by_role("heading", name="Models", level=1)).to_be_visible()


def test_a_dag_has_a_tab_about_its_pipeline(open_as):
    page = open_as("viewer", "/dags/flight_delays.train")
    page.get_by_role("link", name="Airloop", exact=True).click()
    expect(inside(page).get_by_role("heading", name="flight_delays", level=1)).to_be_visible()


def test_a_version_that_is_chosen_in_the_tab_of_a_dag_is_shown_there(open_as):
    page = open_as("viewer", "/dags/flight_delays.train")
    page.get_by_role("link", name="Airloop", exact=True).click()
    tab = inside(page)
    tab.get_by_role("link", name="Gates of version 2").click()
    expect(tab.get_by_role("region", name="Candidate 2", exact=True)).to_contain_text("version 2")
    tab.get_by_role("link", name="Lineage of version 3").click()
    picker = tab.get_by_role("region", name="Lineage", exact=True).get_by_role("combobox")
    expect(picker).to_have_value("3")
    picker.select_option("1")
    expect(tab.get_by_role("region", name="Candidate 1", exact=True)).to_contain_text("version 1")
    tab.get_by_role("link", name="Show the last candidate").click()
    expect(tab.get_by_role("region", name="Last candidate", exact=True)).to_be_visible()
    expect(tab.get_by_role("heading", name="flight_delays", level=1)).to_be_visible()


def test_the_dag_that_monitors_opens_at_what_production_did(open_as):
    page = open_as("viewer", "/dags/flight_delays.monitor")
    page.get_by_role("link", name="Airloop", exact=True).click()
    expect(inside(page).get_by_role("region", name="Time line", exact=True)).to_be_visible()


def test_a_run_has_a_tab_that_tells_why_it_ended_so(demo, open_as, rejected):
    page = open_as("viewer", f"/dags/flight_delays.train/runs/{quote(rejected, safe='')}")
    page.get_by_role("link", name="Airloop", exact=True).click()
    expect(inside(page).get_by_text(verdict_of(demo, rejected)).first).to_be_visible()
    expect(inside(page).get_by_role("link", name="flight_delays").first).to_be_visible()


@pytest.mark.parametrize("task", ["judge_candidate", "release"])
def test_a_task_has_a_tab_that_tells_why_it_ended_so(demo, open_as, rejected, task):
    page = open_as("viewer", f"/dags/flight_delays.train/runs/{quote(rejected, safe='')}/tasks/{task}")
    page.get_by_role("link", name="Airloop", exact=True).click()
    verdict = demo.api.result("flight_delays.train", rejected, "judge_candidate")
    expect(inside(page).get_by_text(verdict["reasons"][0]).first).to_be_visible()
    expect(inside(page).get_by_role("heading", level=1)).to_have_count(1)


def test_a_run_s_task_shows_the_run_s_own_candidate_and_not_the_last_one(demo, open_as, rejected):
    version = demo.api.result("flight_delays.train", rejected, "train_model")["version"]
    assert version != demo.entries("flight_delays", "verdict")[0].payload["version"]
    path = f"/at?dag_id=flight_delays.train&run_id={quote(rejected, safe='')}&task_id="
    page = open_as("viewer", page_of(f"{path}judge_candidate"))
    candidate = page.get_by_role("region", name=f"Candidate {version}", exact=True)
    expect(candidate).to_contain_text(f"version {version} against")
    page.goto(page_of(f"{path}release"))
    expect(page.get_by_text(f"No rollout of version {version} climbs, and it was not the last one.")).to_be_visible()


def test_a_dag_of_others_is_told_kindly(open_as):
    page = open_as("viewer", page_of("/at?dag_id=somebody_elses"))
    expect(page.get_by_text("somebody_elses belongs to no pipeline of Airloop")).to_be_visible()


def test_links_to_airflow_open_in_airflow(open_as, demo):
    page = open_as("op", "/plugin/airloop/airloop/ui/pipelines/handwritten_digits")
    inside(page).get_by_role("button", name="Train now").click()
    dialog = inside(page).get_by_role("dialog")
    dialog.get_by_label("Dry run").check()
    dialog.get_by_role("button", name="Train, dry").click()
    inside(page).get_by_role("link", name="Open the run").click()
    page.wait_for_url(f"{demo.url}/dags/handwritten_digits.train/runs/**")
