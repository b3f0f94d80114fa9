"""Chromium: where it is, how it is started, and what each page of it is held to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

QUIET = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Nothing but the pages that a test asks for goes over the network."""
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


class NoChromium(Exception):
    """This machine has no Chromium."""


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a Chromium without a window: the system's, else the one that Playwright installed. Raises NoChromium."""
    # Its sandbox cannot be made by root, which is what containers run as.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = shutil.which("chromium") or (own if Path(own).exists() else None)
        if found is None:
            raise NoChromium("there is no Chromium: install Debian's package `chromium`")
        chromium = playwright.chromium.launch(executable_path=found, args=[*QUIET, *sandbox])
        try:
            yield chromium
        finally:
            chromium.close()


def log_in(context: BrowserContext, url: str, name: str, password: str) -> None:
    """Log in through Airflow's form."""
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")
    page.close()


class Watched:
    """What went wrong on a context's pages: errors on the console, exceptions, refused requests, other places asked."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._url = url
        self.errors: list[str] = []
        self.strangers: list[str] = []
        context.on("page", self._watch)

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        page.on("response", lambda response: self._see(response.status, response.url))

    def _hear(self, kind: str, text: str) -> None:
        # Which resource that was is told by its response.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.errors.append(text)

    def _see(self, status: int, url: str) -> None:
        if status >= 400:
            self.errors.append(f"{status} {url}")

    def _note(self, url: str) -> None:
        if not url.startswith((self._url, "data:", "blob:", "about:")):
            self.strangers.append(url)
