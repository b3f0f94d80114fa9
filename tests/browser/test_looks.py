"""How the pages look and feel: Airflow's light and dark, wide and narrow, for keyboards and for readers of screens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from tests.browser import chrome
from tests.browser.barriers import barriers, settled
from tests.browser.site import page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PAGES = {
    "models": "/",
    "pipeline": "/pipelines/flight_delays",
    "new pipeline": "/pipelines/handwritten_digits",
    "why": "/pipelines/flight_delays/why?version=2",
    "in place": "/at?dag_id=flight_delays.train&task_id=release",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_bars_anybody(open_as, name, theme):
    assert barriers(settled(open_as("op", page_of(PAGES[name]), color_scheme=theme))) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_bars_anybody_on_a_phone(open_as, name):
    assert barriers(settled(open_as("op", page_of(PAGES[name]), viewport=chrome.PHONE))) == []


@pytest.mark.parametrize("size", [chrome.DESKTOP, chrome.PHONE], ids=["1280", "390"])
def test_nothing_bars_anybody_from_the_time_line_s_words(open_as, size):
    page = settled(open_as("op", page_of(PAGES["pipeline"]), viewport=size))
    page.get_by_text("The same as tables").click()
    expect(page.get_by_role("region", name="Windows of production")).to_be_visible()
    mark = page.get_by_role("group", name="Time line of flight_delays").get_by_role("link").last
    mark.focus()
    expect(page.locator(".ch-tip")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_bars_anybody_from_acting_on_a_row(open_as, theme):
    page = settled(open_as("op", page_of("/"), color_scheme=theme))
    page.get_by_role("button", name="Act on flight_delays").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Train now")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("act", ["Train now", "Run monitoring", "Roll back", "Pause releases"])
def test_nothing_bars_anybody_from_a_dialog(open_as, act, theme):
    page = settled(open_as("op", page_of(PAGES["pipeline"]), color_scheme=theme))
    page.get_by_role("button", name=act).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert barriers(page) == []


@pytest.mark.parametrize("size", [chrome.DESKTOP, chrome.PHONE], ids=["1280", "390"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(open_as, name, size):
    page = settled(open_as("op", page_of(PAGES[name]), viewport=size))
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_dialog_fits_a_phone(open_as):
    page = settled(open_as("op", page_of(PAGES["pipeline"]), viewport=chrome.PHONE))
    page.get_by_role("button", name="Roll back").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= chrome.PHONE["width"]


def wait_for_text(page: Page, *, bright: bool) -> None:
    """Wait until the text of Airloop's page inside Airflow's is bright, as in the dark, or dark."""
    # Any colour that CSS knows, by way of a canvas.
    page.wait_for_function(
        """bright => {
            const body = document.querySelector('iframe')?.contentDocument?.body;
            if (!body) return false;
            const canvas = document.createElement('canvas').getContext('2d');
            canvas.fillStyle = getComputedStyle(body).color;
            canvas.fillRect(0, 0, 1, 1);
            const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
            const brightness = (red + green + blue) / 765;
            return bright ? brightness > 0.7 : brightness < 0.3;
        }""",
        arg=bright,
    )


def test_the_pages_follow_airflows_light_and_dark(open_as):
    page = open_as("viewer", "/plugin/airloop", color_scheme="light")
    expect(page.frame_locator("iframe").get_by_role("heading", name="Models", level=1)).to_be_visible()
    wait_for_text(page, bright=False)
    choose_theme(page, "Dark")
    wait_for_text(page, bright=True)
    assert barriers(page.frames[-1]) == []
    choose_theme(page, "Light")
    wait_for_text(page, bright=False)


def choose_theme(page: Page, name: str) -> None:
    """Choose Airflow's theme in its user menu."""
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").hover()
    page.get_by_role("menuitemradio", name=f"{name} Mode").click()


def test_a_person_without_a_mouse_gets_to_a_dialog_and_back(open_as):
    page = settled(open_as("op", page_of("/")))
    page.keyboard.press("/")
    page.keyboard.type("flight")
    tab_to(page, "link", "flight_delays")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="flight_delays", level=1)).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    tab_to(page, "button", "Train now")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    for _ in range(12):
        page.keyboard.press("Tab")
        # Past its last field the focus is the browser's own for a moment, never the page's below the dialog.
        assert dialog.evaluate(
            "dialog => dialog.contains(document.activeElement) || document.activeElement === document.body"
        )
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Train now")).to_be_focused()


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until something has the focus, and check that a person sees that it has."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    style = wanted.evaluate("element => { const s = getComputedStyle(element); return s.outlineStyle + s.boxShadow }")
    assert style != "nonenone", "nothing shows that it has the focus"


def test_whoever_wants_no_motion_gets_none(open_as):
    page = settled(open_as("viewer", page_of("/pipelines/flight_delays"), reduced_motion="reduce"))
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    assert page.evaluate(moving) == 0
