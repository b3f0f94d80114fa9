"""Three hundred pipelines with two years of history: the table stays quick, and nothing jumps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser import alone, chrome
from tests.browser.site import page_of
from tests.many_pipelines import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

COUNT = 300
QUICK_MS = 200
"""On a machine that does a plain piece of work as fast as ``PLAIN_MS``; slower ones get more."""
PLAIN_MS = 25


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[alone.Alone]:
    """Pages of hundreds of pipelines."""
    folder: Path = tmp_path_factory.mktemp("many")
    write(folder / "pipelines", f"sqlite:///{folder}/ledger.db", pipelines=COUNT, weeks=104)
    with alone.serving(folder / "home", folder / "pipelines", folder / "ledger.db") as pages:
        yield pages


@pytest.fixture
def models(open_alone, many) -> Page:
    page = open_alone(many, page_of("/"))
    expect(rows(page)).to_have_count(COUNT + 1, timeout=30_000)
    return page


def rows(page: Page):
    return page.get_by_role("table").get_by_role("row")


def names(page: Page) -> list[str]:
    """Return the pipelines that are shown, in their order."""
    return page.get_by_role("rowheader").get_by_role("link").all_text_contents()


def told(page: Page) -> dict[str, dict[str, Any]]:
    """Return what the server says of each pipeline."""
    return {row["name"]: row for row in page.request.get("/airloop/api/models").json()["models"]}


TIMED = """
async ([selector, deed, value]) => {
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const element = [...document.querySelectorAll(selector)].find(each => !value || deed !== 'click' ||
        each.textContent.includes(value));
    await frame();
    const began = performance.now();
    if (deed === 'click') element.click();
    else {
        element.value = value;
        element.dispatchEvent(new Event(deed, {bubbles: true}));
    }
    await frame();
    return performance.now() - began;
}
"""
PLAIN = """
() => {
    const began = performance.now();
    const box = document.createElement('div');
    for (let row = 0; row < 3000; row++) box.append(Object.assign(document.createElement('p'), {textContent: row}));
    document.body.append(box);
    box.getBoundingClientRect();
    box.remove();
    return performance.now() - began;
}
"""


def is_quick(page: Page, deed: str, selector: str, value: str) -> None:
    """Check that the page has drawn what a person did within 200 ms, or longer as this machine is slower."""
    plain_ms = min(page.evaluate(PLAIN) for _ in range(3))
    taken_ms = min(page.evaluate(TIMED, [selector, deed, value]) for _ in range(3))
    assert taken_ms < QUICK_MS * max(1, plain_ms / PLAIN_MS), f"{deed} {value}: {taken_ms:.0f} ms"


COLUMNS = (
    "Model", "State", "Champion", "Last verdict", "Drift", "Performance", "Req/s", "p99", "Target", "Next run",
)  # fmt: skip


def test_every_column_can_be_sorted_by(models):
    assert tuple(text.rstrip("↑↓") for text in models.locator("thead button").all_text_contents()) == COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
def test_sorting_is_quick(models, column):
    is_quick(models, "click", "thead button", column)
    header = models.get_by_role("columnheader", name=column)
    assert header.get_attribute("aria-sort") in ("ascending", "descending")


def test_filtering_is_quick_and_leaves_what_was_asked_for(models):
    is_quick(models, "click", "[aria-label=State] button", "Act")
    chip = models.get_by_role("group", name="State").get_by_role("button", name="Act")
    expect(chip).to_have_attribute("aria-pressed", "true")
    act = {name for name, row in told(models).items() if row["health"] == "act"}
    assert 0 < len(act) < COUNT
    assert set(names(models)) == act
    expect(chip).to_have_text(f"Act {len(act)}")


def test_searching_is_quick_and_finds_by_name_and_owner(models):
    is_quick(models, "input", "input[type=search]", "churn")
    churn = {name for name in told(models) if "churn" in name}
    assert churn and set(names(models)) == churn
    models.get_by_label("Search models").fill("delivery-team")
    owned = {name for name, row in told(models).items() if row["owner"] == "delivery-team"}
    assert owned and not any("delivery-team" in name for name in owned)
    expect(models.get_by_role("rowheader")).to_have_count(len(owned))
    assert set(names(models)) == owned


def test_sorting_orders_the_rows(models):
    models.get_by_role("button", name="Model").click()
    ordered = names(models)
    assert len(ordered) == COUNT and ordered == sorted(ordered)
    models.get_by_role("button", name="Model").click()
    assert names(models) == ordered[::-1]


def test_on_a_phone_the_order_can_be_turned(open_alone, many):
    page = open_alone(many, page_of("/"), viewport=chrome.PHONE)
    expect(rows(page)).to_have_count(COUNT, timeout=30_000)
    page.get_by_label("Sort by").select_option("Model")
    ordered = names(page)
    assert len(ordered) == COUNT and ordered == sorted(ordered)
    page.get_by_role("button", name="Reverse the order, which is ascending").click()
    assert names(page) == ordered[::-1]
    expect(page.get_by_role("button", name="Reverse the order, which is descending")).to_be_visible()


@pytest.mark.parametrize(("column", "key"), [("Req/s", "per_second"), ("p99", "p99_ms")])
def test_what_servers_do_now_orders_all_rows_also_those_out_of_view(models, column, key):
    looks: dict[str, int] = {}

    def answer(route: Route) -> None:
        """Say what a target would: at the first look there is no rate yet."""
        asked = parse_qs(urlsplit(route.request.url).query)["names"][0].split(",")
        for name in asked:
            looks[name] = looks.get(name, 0) + 1
        route.fulfill(json=[live(name, is_first=looks[name] == 1) for name in asked])

    models.route("**/airloop/api/live?*", answer)
    models.get_by_role("button", name=column).click()
    wanted = sorted(told(models), key=lambda name: (-numbers(name)[key], name))
    deadline = time.monotonic() + 60
    while names(models) != wanted:
        assert time.monotonic() < deadline, f"{len(looks)} pipelines were asked for: {names(models)[:5]}"
        models.wait_for_timeout(500)
    assert set(looks) == set(wanted)


def numbers(name: str) -> dict[str, int]:
    """Return made-up live numbers of a pipeline, which differ from most others'."""
    return {"per_second": crc32(name.encode()) % 997 + 1, "p99_ms": crc32(name[::-1].encode()) % 997 + 1}


def live(name: str, *, is_first: bool) -> dict[str, Any]:
    traffic = {"version": "1", "percent": 100, "requests": 9, "failures": 0, "p50_ms": 1, **numbers(name)}
    champion = {**traffic, "per_second": None} if is_first else traffic
    more = {"endpoint": "", "candidate": None, "is_shadow": False, "problem": "", "differences": []}
    return {"pipeline": name, "target": "local", "champion": champion, **more}


def test_nothing_in_a_table_that_is_not_there_yet_can_be_focused(open_alone, many):
    script = """
        const real = window.fetch;
        window.fetch = (url, how) => String(url).endsWith('/api/models') ? new Promise(() => {}) : real(url, how);
    """
    page = open_alone(many, page_of("/"), script=script)
    expect(page.get_by_role("status", name="Loading models")).to_be_visible()
    expect(page.locator("table.models thead button")).to_have_count(len(COLUMNS))
    focused = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        focused.add(page.evaluate("document.activeElement.closest('table') ? 'table' : document.activeElement.tagName"))
    assert focused and "table" not in focused


def test_nothing_jumps_while_the_page_fills(open_alone, many):
    script = """
        window.jumped = 0;
        new PerformanceObserver(list => {
            for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.jumped += shift.value;
        }).observe({type: 'layout-shift', buffered: true});
    """
    page = open_alone(many, page_of("/"), script=script)
    expect(rows(page)).to_have_count(COUNT + 1, timeout=30_000)
    page.wait_for_load_state("networkidle")
    # Below 0.1 a page counts as steady (Core Web Vitals).
    assert page.evaluate("window.jumped") < 0.1


def test_the_view_stands_in_the_address(models, many):
    models.get_by_label("Search models").fill("fraud")
    models.get_by_role("button", name="Drift").click()
    models.wait_for_url("**q=fraud&sort=-drift")
    models.reload()
    expect(models.get_by_label("Search models")).to_have_value("fraud")
    expect(models.get_by_role("columnheader", name="Drift")).to_have_attribute("aria-sort", "descending")
