"""What bars people from a page, as axe finds it."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect

BAD = ("serious", "critical")


def settled(page: Page) -> Page:
    """Return the page when everything that it asked for is there."""
    expect(page.get_by_role("heading").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    return page


def barriers(page: Page | Frame) -> list[str]:
    """Return what axe finds serious or critical, and where."""
    found: dict[str, Any] = Axe().run(page).response
    assert found["url"], "axe has not looked"
    return [
        f"{each['id']}: {each['help']}: {node['target']}"
        for each in found["violations"]
        if each["impact"] in BAD
        for node in each["nodes"]
    ]
