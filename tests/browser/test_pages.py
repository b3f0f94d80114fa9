"""What stands on each page, compared with what the demo left in the ledger and in Airflow."""

from __future__ import annotations

import json
import re
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from tests.browser.site import page_of, requests

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

FLIGHTS = "/pipelines/flight_delays"


@pytest.fixture
def row(open_as):
    """The row of flight_delays in the table of models."""
    page = open_as("viewer", page_of("/"))
    return page.get_by_role("row").filter(has=page.get_by_role("link", name="flight_delays", exact=True))


@pytest.fixture
def flights(open_as) -> Page:
    """The page of flight_delays."""
    page = open_as("viewer", page_of(FLIGHTS))
    expect(page.get_by_role("heading", name="flight_delays", level=1)).to_be_visible()
    return page


def section(page: Page, title: str):
    return page.get_by_role("region", name=title, exact=True)


def candidates(demo) -> list:
    """Return the verdicts on flights, the newest first."""
    return demo.entries("flight_delays", "verdict")


def not_released(demo):
    """Return the verdict on the candidate that was not released."""
    return next(each for each in candidates(demo) if each.payload["outcome"] != "PROMOTE")


def test_models_say_what_is_live_and_how_it_was_judged(demo, row):
    champion = demo.ledger.live("flight_delays", "local")
    expect(row.get_by_role("link", name=f"v{champion.version}", exact=True)).to_be_visible()
    expect(row).to_contain_text(f"{champion.data_cut_off:%Y-%m-%d}")
    expect(row).to_contain_text(candidates(demo)[0].payload["outcome"])
    expect(row).to_contain_text("local")
    expect(row).to_contain_text("flights-team")


def test_models_draw_the_drift_of_the_last_windows(demo, row):
    last = demo.ledger.latest("flight_delays", "drift", limit=1)[0]
    drift = row.get_by_role("img", name="Drift of flight_delays")
    assert f"the last {last.payload['level']}" in drift.get_attribute("aria-label")


def test_models_show_live_numbers_of_the_server(demo, row):
    with requests(demo):
        expect(row).to_contain_text(re.compile(r"\d ms"), timeout=40_000)


def test_models_that_were_never_released_say_so(open_as):
    page = open_as("viewer", page_of("/"))
    digits = page.get_by_role("row").filter(has=page.get_by_role("link", name="handwritten_digits", exact=True))
    expect(digits).to_contain_text(re.compile("nothing was (judged|released) yet"))


def test_a_pipeline_says_what_it_is_and_what_is_live(demo, flights):
    champion = demo.ledger.live("flight_delays", "local")
    expect(flights.get_by_text("Will a flight that leaves New York City")).to_be_visible()
    expect(flights.get_by_role("link", name=f"version {champion.version}").first).to_be_visible()
    expect(flights.get_by_text("flights-team")).to_be_visible()


def test_the_time_line_has_everything_that_happened(demo, flights):
    line = section(flights, "Time line")
    expect(line.get_by_role("group", name="Time line of flight_delays")).to_be_visible()
    line.locator("summary").first.click()
    events = line.get_by_role("table").first
    for word in ("PROMOTE", "RETRAIN", not_released(demo).payload["outcome"]):
        expect(events).to_contain_text(word)
    windows = line.get_by_role("region", name="Windows of production").get_by_role("table")
    assert windows.get_by_role("row").count() == 1 + len(demo.entries("flight_delays", "performance"))
    expect(windows).to_contain_text("WARN")


def test_windows_of_a_version_before_the_champion_are_told_apart(demo, flights):
    champion = demo.ledger.live("flight_delays", "local")
    versions = [each.payload["version"] for each in demo.entries("flight_delays", "drift")]
    past = next(version for version in versions if version != champion.version)
    line = section(flights, "Time line")
    expect(line.get_by_text("Faded: windows that a version answered which is not live any more.")).to_be_visible()
    said = f"answered by version {past}, which is not live any more"
    expect(line.get_by_role("link", name=re.compile(said)).first).to_be_visible()


def test_a_mark_of_the_time_line_says_its_reasons(demo, flights):
    verdict = not_released(demo)
    line = section(flights, "Time line")
    line.get_by_role("link", name=re.compile(f"judged {verdict.payload['outcome']}")).first.hover()
    expect(line.locator(".ch-tip")).to_contain_text(verdict.payload["reasons"][0])


def test_a_mark_of_the_time_line_leads_to_why(flights):
    line = section(flights, "Time line")
    line.get_by_role("group", name="Time line of flight_delays").get_by_role("link").first.dispatch_event("click")
    flights.wait_for_url("**/why?**")
    expect(flights.get_by_role("heading", level=1)).to_be_visible()


def test_the_candidate_has_its_gates_with_value_bound_and_margin(demo, flights):
    verdict = candidates(demo)[0]
    candidate = section(flights, "Last candidate")
    expect(candidate).to_contain_text(f"version {verdict.payload['version']}")
    expect(candidate).to_contain_text(verdict.payload["reasons"][0])
    gates = candidate.get_by_role("table", name="Gates of the candidate")
    for metric in ("roc_auc", "log_loss", "calibration_error"):
        expect(gates).to_contain_text(metric)
    stored = demo.workspace.store.folder("verdicts", verdict.subject) / "verdict.json"
    said = json.loads(stored.read_bytes())["gates"]
    gate = next(each for each in said if (each["kind"], each["metric"]) == ("metric", "roc_auc"))
    cells = gates.get_by_role("row").filter(has_text=gate["rule"]).get_by_role("cell")
    expect(cells.nth(1)).to_have_text(f"{gate['value']:.3f}")
    expect(cells.nth(3)).to_contain_text("{:.3f} … {:.3f}".format(*gate["bound"]))
    expect(cells.nth(4)).to_have_text(f"{gate['value'] - gate['threshold']:+.3f}")
    steps = candidate.get_by_role("list", name="How far it came")
    expect(steps).to_contain_text("take snapshot")
    expect(steps).to_contain_text("release")


def test_the_report_of_a_judgement_is_embedded_and_can_be_kept(demo, flights):
    candidate = section(flights, "Last candidate")
    candidate.get_by_role("button", name="Show the judgement's report").click()
    report = candidate.frame_locator("iframe")
    expect(report.get_by_text(candidates(demo)[0].payload["outcome"]).first).to_be_visible()
    with flights.expect_download() as download:
        candidate.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".html")


@pytest.mark.parametrize("prefix", ["", "/plugin/airloop"], ids=["by itself", "inside Airflow"])
def test_the_report_of_a_window_is_embedded(demo, open_as, prefix):
    decision = next(each for each in demo.entries("flight_delays", "decision") if each.payload["action"] == "RETRAIN")
    page = open_as("viewer", f"{prefix}{page_of(f'{FLIGHTS}/why?window={quote(decision.subject)}')}")
    why = page.frame_locator("iframe") if prefix else page
    why.get_by_role("button", name="Show the report").first.click()
    report = why.frame_locator("iframe")
    expect(report.get_by_text(decision.payload["action"]).first).to_be_visible()
    expect(report.get_by_text(decision.payload["reasons"][0]).first).to_be_visible()


def test_the_rollout_is_a_ladder_that_says_what_was_seen_at_each_step(flights):
    steps = section(flights, "Rollout").get_by_role("list", name="Steps of the rollout").get_by_role("listitem")
    expect(steps).to_have_count(3)
    expect(steps.nth(0)).to_contain_text("10 %")
    expect(steps.nth(0)).to_contain_text("requests")
    expect(steps.nth(2)).to_contain_text("100 %")


def test_the_leaderboard_has_every_version_with_its_interval(demo, flights):
    board = section(flights, "Leaderboard").get_by_role("table")
    for verdict in candidates(demo):
        expect(board.get_by_role("rowheader", name=verdict.payload["version"])).to_be_visible()
    section(flights, "Leaderboard").get_by_label("Metric").select_option("roc_auc")
    expect(board).to_contain_text(f"{candidates(demo)[0].payload['metrics']['roc_auc'][0]:.3f}")


def test_the_data_of_each_training_were_validated(demo, flights):
    rows = section(flights, "Data").get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(1 + len(demo.entries("flight_delays", "validation")))
    expect(rows.nth(1)).to_contain_text("passed")


def test_lineage_leads_down_to_partitions_and_digests(demo, flights):
    lineage = section(flights, "Lineage")
    champion = demo.ledger.live("flight_delays", "local")
    expect(lineage).to_contain_text("snapshot")
    expect(lineage).to_contain_text(champion.bundle[:12])
    partitions = lineage.get_by_role("table", name="Partitions of the snapshot")
    expect(partitions.get_by_role("row").nth(1)).to_contain_text("2013-")


def test_why_a_candidate_was_not_released_stands_in_plain_words(demo, open_as):
    verdict = not_released(demo)
    page = open_as("viewer", page_of(f"{FLIGHTS}/why?version={verdict.payload['version']}"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{verdict.payload['version']}")
    for reason in verdict.payload["reasons"]:
        expect(page.get_by_text(reason).first).to_be_visible()
    expect(page.get_by_role("heading", name="Evidence")).to_be_visible()


def test_why_a_window_asked_for_a_training_stands_in_plain_words(demo, open_as):
    decision = next(each for each in demo.entries("flight_delays", "decision") if each.payload["action"] == "RETRAIN")
    page = open_as("viewer", page_of(f"{FLIGHTS}/why?window={decision.subject}"))
    expect(page.get_by_text("RETRAIN").first).to_be_visible()
    expect(page.get_by_text(decision.payload["reasons"][0]).first).to_be_visible()


def test_what_there_is_not_is_said_and_not_guessed(open_as):
    page = open_as("viewer", page_of("/pipelines/flight_delay"), may_say="404|403")
    expect(page.get_by_role("alert").first).to_contain_text("flight_delay")
    page = open_as("viewer", page_of(f"{FLIGHTS}/why?version=99"), may_say="404")
    expect(page.get_by_role("alert").first).to_contain_text("99")


def test_a_pipeline_in_which_nothing_happened_says_so_in_each_section(open_as):
    page = open_as("viewer", page_of("/pipelines/handwritten_digits"))
    for title, says in (("Rollout", "Nothing was ever rolled out."), ("Backtests", "No backtest yet.")):
        expect(section(page, title)).to_contain_text(says)


def told_in_new_york(instant: datetime) -> str:
    return f"{instant.astimezone(ZoneInfo('America/New_York')):%Y-%m-%d %H:%M}"


def test_times_are_in_the_persons_zone_with_utc_on_hover(demo, open_as):
    page = open_as("viewer", page_of(FLIGHTS), timezone_id="America/New_York")
    champion = demo.ledger.live("flight_delays", "local")
    said = page.locator("header time").filter(has_text="2013").first
    expect(said).to_have_text(told_in_new_york(champion.data_cut_off))
    expect(said).to_have_attribute("title", f"{champion.data_cut_off:%Y-%m-%d %H:%M:%S} UTC")
    expect(said).to_have_attribute("datetime", f"{champion.data_cut_off:%Y-%m-%dT%H:%M:%S}.000Z")


def test_a_roll_back_tells_its_instants_in_the_persons_zone(demo, open_as):
    page = open_as("op", page_of(FLIGHTS), timezone_id="America/New_York")
    page.get_by_role("button", name="Roll back").click()
    live = demo.ledger.live("flight_delays", "local")
    since, data = (told_in_new_york(instant) for instant in (live.recorded_at, live.data_cut_off))
    said = f"version {live.version}, live from {since}, data up to {data}."
    expect(page.get_by_role("dialog")).to_contain_text(said)
