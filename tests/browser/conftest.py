"""One real Airflow on a finished demo, one Chromium, and pages in it that are logged in as each role."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.browser import chrome, demo_home, site
from tests.browser.alone import Alone
from tests.browser.site import Site

expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium without a window. Where there is none tests are skipped; in CI there must be one, so they fail there."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chrome.browser())
        except chrome.NoChromium as missing:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
        yield browser


@pytest.fixture(scope="session")
def demo(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running stack in which the demo has been, with rows for the other examples and a user of each role."""
    home = demo_home.finished(tmp_path_factory.mktemp("demo") / "home")
    demo_home.land_examples(home)
    with site.running(home) as running:
        for name in ("breast_cancer", "flight_delays", "handwritten_digits"):
            running.api.wait_for_dag(f"{name}.train")
        yield running


@pytest.fixture(scope="session")
def logins(chromium: Browser, demo: Site) -> Callable[[str], Any]:
    """Gives what a browser keeps of the login of a role's user, who logs in through Airflow's form once."""

    @cache
    def state(role: str) -> Any:
        context = chromium.new_context()
        name = site.OF_ROLE[role]
        chrome.log_in(context, demo.url, name, demo.passwords[name])
        kept = context.storage_state()
        context.close()
        return kept

    return state


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes contexts of the browser, ``contexts(url, may_say="", **options)``, and holds their pages to the rules.

    At the end of the test, they may have said nothing bad on their consoles and asked nobody but ``url``. What a test
    provokes on purpose it names by ``may_say``, a pattern.
    """
    with ExitStack() as opened:
        watched: list[tuple[chrome.Watched, str]] = []

        def new(url: str, *, may_say: str = "", **options: Any) -> BrowserContext:
            given = {"viewport": chrome.DESKTOP, "locale": "en-GB", "timezone_id": "UTC", **options}
            context = chromium.new_context(base_url=url, **given)
            opened.callback(context.close)
            watched.append((chrome.Watched(context, url), may_say))
            return context

        yield new
        for seen, may_say in watched:
            assert [said for said in seen.errors if not (may_say and re.search(may_say, said))] == []
            assert seen.strangers == []


@pytest.fixture
def open_as(contexts: Callable[..., BrowserContext], demo: Site, logins: Callable[[str], Any]) -> Callable[..., Page]:
    """Opens an address as the user of a role: ``open_as("viewer", "/airloop/ui/")``; more is for ``contexts``."""

    def open_page(role: str, path: str, **more: Any) -> Page:
        page = contexts(demo.url, storage_state=logins(role), **more).new_page()
        page.goto(path)
        return page

    return open_page


@pytest.fixture
def open_alone(contexts: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """Opens a page that is served without Airflow; ``script`` runs before the page's own."""

    def open_page(pages: Alone, path: str, *, script: str = "", **more: Any) -> Page:
        context = contexts(pages.url, **more)
        context.add_cookies([{"name": "_token", "value": pages.token, "url": pages.url}])
        page = context.new_page()
        if script:
            page.add_init_script(script)
        page.goto(path)
        return page

    return open_page
