"""What people do on the pages, as each role: what becomes of it, in Airflow's audit log and in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from tests.browser import chrome
from tests.browser.barriers import barriers, settled
from tests.browser.site import ACTING, OF_ROLE, page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

FORBIDDEN = {
    "train": ("POST", "/api/v2/dags/handwritten_digits.train/dagRuns", {"logical_date": None, "conf": {}}),
    "monitor": ("POST", "/api/v2/dags/flight_delays.monitor/dagRuns", {"logical_date": None, "conf": {}}),
    "roll back": ("POST", "/api/v2/dags/flight_delays.rollback/dagRuns", {"logical_date": None, "conf": {}}),
    "pause": ("POST", "/airloop/api/pipelines/flight_delays/pause", {"reason": "I may not"}),
    "resume": ("POST", "/airloop/api/pipelines/flight_delays/resume", {"reason": "I may not"}),
}


@pytest.fixture(scope="module")
def questions(demo):
    """Run ids of releases of breast_cancer that wait for a person; which of them asks first is chance."""
    runs = [f"asks-{number}" for number in range(len(ACTING))]
    for run_id in runs:
        demo.api.trigger("breast_cancer.train", run_id, {"why": "to be asked"})
    return runs


def since() -> str:
    return datetime.now(UTC).isoformat()


def begin(page: Page, button: str, title: str):
    """Click a pipeline's button and return the dialog that opens."""
    page.get_by_role("button", name=button).click()
    return page.get_by_role("dialog", name=title)


def told(page: Page, text: str) -> None:
    """Wait until the page says that something was done."""
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def written(demo, pipeline: str, kind: str, **payload: str):
    """Wait for an entry of the ledger and return its payload."""

    def found():
        entries = [dict(entry.payload) for entry in demo.entries(pipeline, kind)]
        return [entry for entry in entries if payload.items() <= entry.items()]

    (entry,) = demo.until(found, f"an entry {kind!r} of {pipeline} with {payload}")
    return entry


def is_logged(demo, event: str, dag_id: str, since: str, role: str) -> None:
    """Check that Airflow's audit log has an act, and who did it."""
    assert OF_ROLE[role] in {entry["owner"] for entry in demo.logged(event, dag_id, since)}


def test_a_viewer_gets_no_buttons(demo, open_as):
    page = open_as("viewer", page_of("/pipelines/flight_delays"))
    expect(page.get_by_role("heading", name="flight_delays", level=1)).to_be_visible()
    expect(page.get_by_text("You may look at this pipeline, but not act.")).to_be_visible()
    for name in ("Train now", "Run monitoring", "Roll back", "Pause releases", "Approve or reject"):
        assert page.get_by_role("button", name=name).count() == 0


@pytest.mark.parametrize("act", FORBIDDEN)
def test_a_viewer_who_acts_without_buttons_is_refused(demo, open_as, act):
    method, path, body = FORBIDDEN[act]
    pipeline = next(name for name in ("flight_delays", "handwritten_digits") if name in path)
    before = len(demo.ledger.entries(pipeline, limit=1000))
    page = open_as("viewer", page_of("/"))
    assert page.request.fetch(path, method=method, data=body).status == 403
    assert demo.ask_without_login(method, path, body) == 401
    assert len(demo.ledger.entries(pipeline, limit=1000)) == before


def test_a_viewer_may_not_answer_a_question(demo, open_as, questions):
    path = f"/api/v2/dags/breast_cancer.train/dagRuns/{questions[0]}/taskInstances/approve_release/-1/hitlDetails"
    await_question(demo, questions[0])
    page = open_as("viewer", page_of("/"))
    answer = {"chosen_options": ["Approve"], "params_input": {}}
    assert page.request.patch(path, data=answer).status == 403
    assert demo.ask_without_login("PATCH", path, answer) == 401


def await_question(demo, run_id: str) -> None:
    """Return when a run asks a person."""

    def asks() -> bool:
        tasks = demo.api.tasks("breast_cancer.train", run_id)
        return bool(tasks.get("approve_release", {}).get("state") == "awaiting_input")

    demo.until(asks, f"{run_id} asks", timeout_s=240)


@pytest.mark.parametrize("role", ACTING)
def test_a_person_trains(demo, open_as, role):
    began, why = since(), f"asked for by the {role}"
    page = open_as(role, page_of("/pipelines/handwritten_digits"))
    dialog = begin(page, "Train now", "Train handwritten_digits now")
    dialog.get_by_label("Dry run").check()
    dialog.get_by_label("Why").fill(why)
    dialog.get_by_role("button", name="Train, dry").click()
    told(page, "Airflow runs handwritten_digits.train")
    is_logged(demo, "trigger_dag_run", "handwritten_digits.train", began, role)
    asked = written(demo, "handwritten_digits", "asked", why=why)
    assert (asked["by"], asked["act"], asked["is_dry_run"]) == (OF_ROLE[role], "train", True)


@pytest.mark.parametrize("role", ACTING)
def test_a_person_has_a_window_monitored_again(demo, open_as, role):
    began, why = since(), f"looked at again by the {role}"
    page = open_as(role, page_of("/pipelines/flight_delays"))
    dialog = begin(page, "Run monitoring", "Run monitoring of flight_delays")
    dialog.get_by_label("As of").fill("2013-05-13T12:00")
    dialog.get_by_label("Why").fill(why)
    dialog.get_by_role("button", name="Run", exact=True).click()
    told(page, "Airflow runs flight_delays.monitor")
    is_logged(demo, "trigger_dag_run", "flight_delays.monitor", began, role)
    asked = written(demo, "flight_delays", "asked", why=why)
    assert (asked["by"], asked["act"], asked["as_of"][:13]) == (OF_ROLE[role], "monitor", "2013-05-13T12")


def test_a_window_looked_at_again_has_the_same_numbers_and_its_decision_stands(demo, open_as):
    decisions, why = demo.entries("flight_delays", "decision"), "to see it once more"
    decision = next(each for each in decisions if each.payload["action"] == "WAIT")
    found = numbers_of(demo, decision.subject)
    assert found["drift"] and found["performance"]
    page = open_as("op", page_of(f"/pipelines/flight_delays/why?window={decision.subject}"))
    dialog = begin(page, "Look again", "Run monitoring of flight_delays")
    dialog.get_by_label("Why").fill(why)
    dialog.get_by_role("button", name="Run", exact=True).click()
    told(page, "Airflow runs flight_delays.monitor")
    asked = written(demo, "flight_delays", "asked", why=why)
    assert datetime.fromisoformat(asked["as_of"]) == decision.as_of
    run = next(each.run_id for each in demo.entries("flight_delays", "asked") if each.payload["why"] == why)
    assert demo.api.wait("flight_delays.monitor", run) == "success"
    assert numbers_of(demo, decision.subject) == found


def numbers_of(demo, window: str) -> dict[str, list[str]]:
    """Return by kind which drift, performance and decision are recorded of a window."""
    kinds = ("drift", "performance", "decision")
    return {
        kind: [each.payload["digest"] for each in demo.entries("flight_delays", kind) if each.subject == window]
        for kind in kinds
    }


@pytest.mark.parametrize("role", ACTING)
def test_a_person_pauses_releases_and_lets_them_go_on(demo, open_as, role):
    began, reason = since(), f"the {role} has doubts"
    page = open_as(role, page_of("/pipelines/flight_delays"))
    dialog = begin(page, "Pause releases", "Pause releases of flight_delays")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Pause releases").click()
    told(page, "Releases of flight_delays are paused.")
    pause = demo.ledger.paused("flight_delays")
    assert (pause.payload["by"], pause.payload["reason"]) == (OF_ROLE[role], reason)
    expect(page.get_by_text(reason).first).to_be_visible()
    dialog = begin(page, "Let releases go on", "Let releases of flight_delays go on")
    dialog.get_by_label("Reason").fill("all is well")
    dialog.get_by_role("button", name="Let them go on").click()
    told(page, "Releases of flight_delays may go on.")
    assert demo.ledger.paused("flight_delays") is None
    for event in ("airloop.pause", "airloop.resume"):
        is_logged(demo, event, "flight_delays.train", began, role)


@pytest.mark.parametrize("role", ACTING)
def test_a_person_rolls_back_and_sees_before_what_will_change(demo, open_as, role):
    began, reason = since(), f"the {role} saw wrong answers"
    live = demo.ledger.live("flight_delays", "local")
    page = open_as(role, page_of("/pipelines/flight_delays"))
    dialog = begin(page, "Roll back", "Roll flight_delays back")
    # The release before is chosen already where there is one; after a roll back a person names the version.
    goal = "1" if live.version == "3" else "3"
    dialog.get_by_label("Go back to").select_option(goal)
    changes = dialog.get_by_role("list", name="What changes")
    expect(changes).to_contain_text(f"Version {goal} answers all requests on local instead of version {live.version}")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=f"Go back to version {goal}").click()
    told(page, "Airflow runs flight_delays.rollback")
    is_logged(demo, "trigger_dag_run", "flight_delays.rollback", began, role)
    champion = demo.until(
        lambda: (now := demo.ledger.live("flight_delays", "local")).generation > live.generation and now, "it is back"
    )
    assert (champion.version, champion.kind, champion.by) == (goal, "roll_back", OF_ROLE[role])
    assert reason in " ".join(champion.reasons)


def open_questions(demo) -> list[str]:
    """Return the runs of breast_cancer that wait for a person, the oldest question first, as Airflow has them."""
    asked = {"response_received": False, "order_by": "created_at"}
    found = demo.api.request("GET", "/dags/breast_cancer.train/dagRuns/~/hitlDetails", params=asked)["hitl_details"]
    return [one["task_instance"]["dag_run_id"] for one in found]


def judged_in(demo, run_id: str):
    """Return the verdict that a run got."""
    (judged,) = (one for one in demo.entries("breast_cancer", "judged") if one.run_id == run_id)
    (verdict,) = (one for one in demo.entries("breast_cancer", "verdict") if one.subject == judged.subject)
    return verdict.payload


def test_all_open_questions_are_shown_the_oldest_first(demo, open_as, questions):
    for run_id in questions:
        await_question(demo, run_id)
    versions = [judged_in(demo, run_id)["version"] for run_id in open_questions(demo)]
    assert len(set(versions)) == len(versions) == len(questions)
    page = open_as("op", page_of("/pipelines/breast_cancer"))
    expect(page.get_by_role("note").filter(has_text="waits for approval")).to_have_count(len(questions))
    page.get_by_role("button", name=f"Approve or reject ({len(questions)})").click()
    dialog = page.get_by_role("dialog", name=f"Release breast_cancer {versions[0]}?")
    expect(dialog.get_by_label("Question").get_by_role("option")).to_have_text(
        [f"{place} of 3: Release breast_cancer {version}?" for place, version in enumerate(versions, 1)]
    )
    expect(dialog).to_contain_text(f"Version {versions[0]} against")


@pytest.mark.parametrize("size", [chrome.DESKTOP, chrome.PHONE], ids=["1280", "390"])
def test_nothing_bars_anybody_from_an_answer(demo, open_as, questions, size):
    await_question(demo, questions[-1])
    page = settled(open_as("op", page_of("/pipelines/breast_cancer"), viewport=size))
    page.get_by_role("button", name="Approve or reject").click()
    expect(page.get_by_role("dialog").get_by_label("Comment")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert barriers(page) == []


# Neither in the order in which they were asked nor the last one first.
@pytest.mark.parametrize(("number", "role"), [*zip((1, 0, 2), ACTING, strict=True)])
def test_a_person_answers_a_question_with_a_comment(demo, open_as, questions, number, role):
    run_id, began = questions[number], since()
    answer, comment = ("Reject", "not today") if role == "op" else ("Approve", "looks right to me")
    await_question(demo, run_id)
    page = open_as(role, page_of("/pipelines/breast_cancer"))
    page.get_by_role("button", name="Approve or reject").click()
    if len(open_questions(demo)) > 1:
        page.get_by_label("Question").select_option(f"{run_id} -1")
    verdict = judged_in(demo, run_id)
    dialog = page.get_by_role("dialog", name=f"Release breast_cancer {verdict['version']}?")
    expect(dialog).to_contain_text(f"Version {verdict['version']} against")
    expect(dialog.get_by_role("list", name="Reasons").get_by_role("listitem")).to_contain_text(verdict["reasons"])
    dialog.get_by_label("Comment").fill(f"{comment}, says the {role}")
    dialog.get_by_role("button", name=answer, exact=True).click()
    told(page, "Approved: the release goes on." if answer == "Approve" else "Rejected: the champion stays.")
    is_logged(demo, "update_hitl_detail", "breast_cancer.train", began, role)
    approval = written(demo, "breast_cancer", "approval", run=run_id)
    assert (approval["answer"], approval["by"]) == (answer, OF_ROLE[role])
    assert approval["comment"] == f"{comment}, says the {role}"


def test_what_cannot_be_done_now_says_why_to_everybody(open_as):
    page = open_as("op", page_of("/pipelines/handwritten_digits"))
    button = page.get_by_role("button", name="Roll back")
    expect(button).to_be_disabled()
    expect(button).to_have_accessible_description("Roll back: nothing is live yet.")
    expect(page.get_by_text("Roll back: nothing is live yet.")).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_nothing_is_sent_before_a_reason_is_given(demo, open_as):
    page = open_as("op", page_of("/pipelines/flight_delays"))
    dialog = begin(page, "Pause releases", "Pause releases of flight_delays")
    dialog.get_by_role("button", name="Pause releases").click()
    expect(dialog).to_be_visible()
    assert demo.ledger.paused("flight_delays") is None


@pytest.fixture
def pausing(demo, contexts, logins):
    """A page on which somebody fills in a pause while bob pauses, and the dialog; its clock can be turned."""
    page = contexts(demo.url, storage_state=logins("op")).new_page()
    page.clock.install()
    page.goto(page_of("/pipelines/flight_delays"))
    dialog = begin(page, "Pause releases", "Pause releases of flight_delays")
    dialog.get_by_label("Reason").fill("I have doubts")
    demo.ledger.pause("flight_delays", by="bob", reason="so have I")
    yield page, dialog
    demo.ledger.resume("flight_delays", by="bob", reason="all is well")


def test_who_fills_in_a_pause_is_told_that_somebody_was_first(demo, pausing):
    page, dialog = pausing
    page.clock.fast_forward(31_000)
    expect(dialog.get_by_role("alert")).to_contain_text("This has changed since you opened it")
    expect(dialog).to_contain_text("bob paused them")
    expect(dialog).to_contain_text("so have I")
    for name in ("Pause releases", "Let them go on"):
        assert dialog.get_by_role("button", name=name).count() == 0


def test_who_pauses_what_was_just_paused_leaves_it_as_it_is(demo, pausing):
    page, dialog = pausing
    dialog.get_by_role("button", name="Pause releases").click()
    told(page, "bob had paused releases of flight_delays already: so have I")
    assert demo.ledger.paused("flight_delays").payload["by"] == "bob"
