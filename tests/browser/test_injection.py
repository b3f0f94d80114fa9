"""Names, reasons and comments are text, whatever is written in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser import alone
from tests.browser.site import page_of

from airloop.ledger import Ledger

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

EVIL = "</script><img src=x onerror='window.harmed=1'><b>bold</b>{{7*7}}"
HARMED = "window.harmed || document.querySelector('img[src=x], main b') !== null"
WHEN = datetime(2026, 10, 1, tzinfo=UTC)
SPEC = """\
name: evil
description: "{evil}"
owner: "{evil}"
tags: ["{evil}"]
data:
  source: {{path: "data/evil/*.parquet"}}
  partition: none
  label: {{column: late}}
model: {{task: binary}}
gates: [{{metric: roc_auc, min: 0.6}}]
"""
PATHS = [
    "/",
    "/pipelines/evil",
    "/pipelines/evil/why?version=1",
    "/pipelines/evil/why?generation=2&target=local",
    "/pipelines/evil/why?window=2026-09-01T00:00:00Z/2026-09-08T00:00:00Z",
    f"/at?dag_id={EVIL}",
    f"/pipelines/{EVIL}",
    f"/pipelines/evil/why?version={EVIL}",
    f"/?q={EVIL}&owner={EVIL}&sort={EVIL}",
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[alone.Alone]:
    """Pages of a pipeline whose people write markup everywhere."""
    folder: Path = tmp_path_factory.mktemp("evil")
    (folder / "pipelines" / "evil").mkdir(parents=True)
    (folder / "pipelines" / "evil" / "pipeline.yaml").write_text(SPEC.format(evil=EVIL), encoding="utf-8")
    fill(Ledger(f"sqlite:///{folder}/ledger.db"))
    with alone.serving(folder / "home", folder / "pipelines", folder / "ledger.db") as pages:
        yield pages


def fill(ledger: Ledger) -> None:
    """Write markup wherever the ledger takes words of people or of data."""
    for number, (version, kind) in enumerate((("1", "release"), (EVIL[:80], "release"), ("1", "roll_back"))):
        ledger.promote(
            "evil",
            "local",
            bundle=f"{number}" * 64 if kind == "release" else "0" * 64,
            version=version,
            data_cut_off=WHEN + timedelta(days=number),
            expected_generation=number,
            run_id=f"run-{number}",
            reasons=[EVIL],
            kind=kind,
            by=EVIL,
            restores=1 if kind == "roll_back" else None,
        )
    metrics = {"roc_auc": [0.7, 0.65, 0.75]}
    verdict = {"version": "1", "champion_version": EVIL, "outcome": "REJECT", "reasons": [EVIL], "metrics": metrics}
    ledger.record("verdict", "evil", "a" * 64, {**verdict, "model": "b" * 64, "report": EVIL, "rows": 9}, as_of=WHEN)
    window = "2026-09-01T00:00:00Z/2026-09-08T00:00:00Z"
    facts = {"reasons": [EVIL], "version": "1", "report": EVIL, "digest": "d" * 64, "rows": 9, "level": "ACT"}
    ledger.record("drift", "evil", window, {**facts, "distance": 0.4}, as_of=WHEN)
    ledger.record("performance", "evil", window, {**facts, "metrics": {"roc_auc": 0.6}}, as_of=WHEN)
    ledger.record("decision", "evil", window, {**facts, "action": "RETRAIN", "is_binding": True}, as_of=WHEN)
    ledger.record("asked", "evil", "run-9", {"act": "train", "by": EVIL, "why": EVIL}, as_of=WHEN, run_id="run-9")
    approval = {"answer": "Reject", "by": EVIL, "comment": EVIL, "version": "1", "run": "run-9"}
    ledger.record("approval", "evil", "a" * 64, approval, as_of=WHEN, run_id="run-9")
    ledger.pause("evil", by=EVIL, reason=EVIL)


@pytest.mark.parametrize("path", PATHS)
def test_markup_is_text_on_every_page(open_alone, pages, path):
    page = open_alone(pages, page_of(path), may_say="40[0-9]")
    page.wait_for_load_state("networkidle")
    expect(page.locator("main")).not_to_be_empty()
    assert page.evaluate(HARMED) is False


def test_markup_is_text_in_dialogs_and_in_what_the_pointer_finds(open_alone, pages):
    # Airflow's own API is not there: what a dialog asks it for is refused.
    page = open_alone(pages, page_of("/pipelines/evil"), may_say="404")
    expect(page.get_by_text("bold", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(HARMED) is False
    page.keyboard.press("Escape")
    for summary in page.locator("summary").all():
        summary.click()
    for mark in page.get_by_role("group", name="Time line of evil").get_by_role("link").all():
        mark.hover(force=True)
        assert page.evaluate(HARMED) is False
