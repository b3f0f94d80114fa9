"""The pictures in ``docs/pictures``, taken of Airflow's pages after the demo: ``make screenshots``.

The other examples are trained beside it, one of them up to its question to a person, and requests come in.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, FrameLocator, Page, expect
from tests.browser import chrome, demo_home, site
from tests.browser.site import Site

log = logging.getLogger(__name__)

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
MOST_BYTES = 200_000
FLIGHTS = "/plugin/airloop/airloop/ui/pipelines/flight_delays"

Shoot = Callable[[BrowserContext], Page]


def main() -> None:
    """Take all pictures anew."""
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="airloop-pictures-") as folder, chrome.browser() as browser:
        home = demo_home.finished(Path(folder) / "home")
        demo_home.land_examples(home)
        with site.running(home) as running, site.requests(running):
            _train_the_others(running)
            for name, (shoot, options) in SHOTS.items():
                context = browser.new_context(base_url=running.url, **{**LIGHT, **options})
                chrome.log_in(context, running.url, "ada", running.passwords["ada"])
                _keep(shoot(context), name)
                context.close()


LIGHT: dict[str, Any] = {
    "viewport": chrome.DESKTOP,
    "color_scheme": "light",
    "locale": "en-GB",
    "timezone_id": "UTC",
    "reduced_motion": "reduce",
}


def _keep(page: Page, name: str) -> None:
    file = PICTURES / f"{name}.png"
    page.screenshot(path=file, animations="disabled", caret="hide")
    size = file.stat().st_size
    assert size <= MOST_BYTES, f"{file} has {size:,} bytes, more than {MOST_BYTES:,}"
    log.info("%s: %d KB", file.relative_to(PICTURES.parents[1]), size // 1000)


def _train_the_others(running: Site) -> None:
    for name in ("handwritten_digits", "breast_cancer"):
        running.api.wait_for_dag(f"{name}.train")
        running.api.trigger(f"{name}.train", "first", {"why": "a first model"})
    running.api.wait("handwritten_digits.train", "first")
    asks = ("breast_cancer.train", "first")
    running.until(lambda: running.api.tasks(*asks)["approve_release"]["state"] == "awaiting_input", "it asks")


def _opened(context: BrowserContext, path: str) -> tuple[Page, FrameLocator]:
    """Return a page of Airflow's and Airloop's page inside it, everything there."""
    page = context.new_page()
    page.goto(path)
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", level=1)).to_be_visible(timeout=30_000)
    _settle(page)
    return page, inside


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    # The second look at the target brings rates.
    page.wait_for_timeout(12_000)


def _models(context: BrowserContext) -> Page:
    return _opened(context, "/plugin/airloop")[0]


def _pipeline(context: BrowserContext) -> Page:
    return _opened(context, FLIGHTS)[0]


def _time_line(context: BrowserContext) -> Page:
    page, inside = _opened(context, f"{FLIGHTS}#time-line")
    line = inside.get_by_role("group", name="Time line of flight_delays")
    line.get_by_role("link", name="RETRAIN").first.hover()
    page.wait_for_timeout(500)
    return page


def _why(context: BrowserContext) -> Page:
    return _opened(context, f"{FLIGHTS}/why?version=2")[0]


def _ladder(context: BrowserContext) -> Page:
    return _opened(context, f"{FLIGHTS}#rollout")[0]


def _roll_back(context: BrowserContext) -> Page:
    page, inside = _opened(context, FLIGHTS)
    inside.get_by_role("button", name="Roll back").click()
    dialog = inside.get_by_role("dialog")
    expect(dialog.get_by_role("list", name="What changes")).to_be_visible()
    dialog.get_by_label("Reason").fill("Evening flights are predicted late far too often")
    return page


def _phone(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/airloop/ui/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    _settle(page)
    return page


SHOTS: dict[str, tuple[Shoot, dict[str, Any]]] = {
    "models": (_models, {}),
    "pipeline": (_pipeline, {}),
    "time-line": (_time_line, {}),
    "why": (_why, {}),
    "ladder": (_ladder, {}),
    "roll-back": (_roll_back, {}),
    "dark": (_models, {"color_scheme": "dark"}),
    "phone": (_phone, {"viewport": chrome.PHONE}),
}

if __name__ == "__main__":
    main()
