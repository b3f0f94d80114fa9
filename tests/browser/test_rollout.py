"""A rollout under way: its ladder with live numbers, and a pause that ends it with the champion answering alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser import alone
from tests.browser.climbing import DIGITS, NEEDED, STEPS, Climbing
from tests.browser.site import page_of, requests_to, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def climbing(chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Climbing]:
    """Digits of which a first version is live."""
    home: Path = tmp_path_factory.mktemp("climbing")
    climbing = Climbing(home)
    climbing.describe(rounds=40)
    climbing.run(f"pipelines.{DIGITS}.land")
    with climbing.serving():
        climbing.run("airloop", "run", DIGITS)
        yield climbing


@pytest.fixture(scope="module")
def pages(climbing: Climbing) -> Iterator[alone.Alone]:
    with alone.serving(climbing.home, climbing.pipelines, climbing.ledger_file, climbing.server) as pages:
        yield pages


def test_a_rollout_climbs_before_ones_eyes_until_a_pause_ends_it(open_alone, climbing, pages):
    first = climbing.ledger.live(DIGITS, "local")
    climbing.describe(rounds=60)
    with climbing.running("airloop", "run", DIGITS) as release:
        until(lambda: climbing.ledger.holder(DIGITS, "local"), "the second version is being released")
        page = open_alone(pages, page_of(f"/pipelines/{DIGITS}"))
        rollout = page.get_by_role("region", name="Rollout", exact=True)
        steps = rollout.get_by_role("list", name="Steps of the rollout").get_by_role("listitem")
        candidate = rollout.get_by_role("region", name="Candidate")
        expect(rollout).to_contain_text("climbs now")
        expect(steps.nth(0)).to_contain_text("now")
        expect(steps.nth(1)).to_contain_text("to come")
        expect(candidate).to_contain_text(f"0 of {NEEDED} requests that this step needs")

        with requests_to(climbing.workspace, DIGITS):
            until(lambda: climbing.seen().state.candidate_percent == STEPS[1], "the second step is reached")
        seen = climbing.seen()
        assert seen.candidate.requests < NEEDED
        expect(steps.nth(1)).to_contain_text("now")
        expect(steps.nth(0)).to_contain_text("passed")
        expect(candidate).to_contain_text(f"{seen.candidate.requests} of {NEEDED} requests that this step needs")
        expect(rollout.get_by_role("region", name="Champion")).to_contain_text(f"version {first.version}")

        page.get_by_role("button", name="Pause releases").click()
        dialog = page.get_by_role("dialog", name=f"Pause releases of {DIGITS}")
        dialog.get_by_label("Reason").fill("sevens look like ones")
        dialog.get_by_role("button", name="Pause releases").click()
        expect(page.get_by_role("status").filter(has_text=f"Releases of {DIGITS} are paused.")).to_be_visible()

        with requests_to(climbing.workspace, DIGITS):
            expect(rollout).to_contain_text("refused", timeout=30_000)
        expect(rollout).to_contain_text("sevens look like ones")
        assert release.wait(30) == 0
    expect(rollout.get_by_role("region", name="Candidate")).to_have_count(0)
    assert climbing.ledger.live(DIGITS, "local") == first
