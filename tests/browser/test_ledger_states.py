"""What the pages say while the ledger is not as it should be, and that they are whole when it is back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser import alone
from tests.browser.site import page_of
from tests.many_pipelines import write

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NAMES = 4


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Pipelines, their ledger as it should be, and the name of one that is live."""
    folder = tmp_path_factory.mktemp("kept")
    names = write(folder / "pipelines", f"sqlite:///{folder}/ledger.db", pipelines=NAMES, weeks=10)
    return folder / "pipelines", folder / "ledger.db", names[0]


@pytest.fixture(scope="module")
def pages(kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[alone.Alone]:
    folder = tmp_path_factory.mktemp("pages")
    with alone.serving(folder, kept[0], folder / "ledger.db") as pages:
        yield pages


@pytest.fixture
def ledger(pages: alone.Alone) -> Iterator[Path]:
    """Where the pages look for the ledger; nothing is there yet."""
    yield pages.ledger
    for left in pages.ledger.parent.glob("ledger.db*"):
        left.rmdir() if left.is_dir() else left.unlink()


def put(kept, ledger: Path) -> None:
    """Put the ledger in its place, whole and at once."""
    with closing(sqlite3.connect(kept[1])) as source, closing(sqlite3.connect(ledger.with_suffix(".part"))) as target:
        source.backup(target)
    ledger.with_suffix(".part").rename(ledger)


def opened(open_alone, pages: alone.Alone, path: str) -> Page:
    # A page that is asked in vain says so on the console, which is what is wanted here.
    return open_alone(pages, path, may_say="503")


def champion_of(page: Page, name: str):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True)).get_by_text("data to")


def test_without_a_ledger_all_pipelines_are_new(open_alone, kept, ledger, pages):
    page = opened(open_alone, pages, page_of("/"))
    expect(page.get_by_role("link", name=kept[2], exact=True)).to_be_visible()
    expect(page.get_by_text("nothing was judged yet").first).to_be_visible()
    assert not ledger.exists()
    put(kept, ledger)
    page.get_by_role("button", name="Refresh").click()
    expect(champion_of(page, kept[2])).to_be_visible()


def test_a_ledger_that_is_down_is_named_and_is_there_again_when_asked(open_alone, kept, ledger, pages):
    ledger.mkdir()
    page = opened(open_alone, pages, page_of("/"))
    expect(page.get_by_role("alert")).to_contain_text("ledger")
    expect(page.get_by_role("link", name=kept[2], exact=True)).to_be_visible()
    assert champion_of(page, kept[2]).count() == 0
    ledger.rmdir()
    put(kept, ledger)
    page.get_by_role("button", name="Ask again").click()
    expect(champion_of(page, kept[2])).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_sections_say_that_the_ledger_is_down_each_for_itself(open_alone, kept, ledger, pages):
    ledger.mkdir()
    page = opened(open_alone, pages, page_of(f"/pipelines/{kept[2]}"))
    for title in ("Time line", "Last candidate", "Leaderboard", "Lineage"):
        expect(page.get_by_role("region", name=title, exact=True).get_by_role("alert")).to_contain_text("ledger")
    ledger.rmdir()
    put(kept, ledger)
    for title in ("Time line", "Last candidate", "Leaderboard", "Lineage"):
        region = page.get_by_role("region", name=title, exact=True)
        region.get_by_role("button", name="Ask again").click()
        expect(region.get_by_role("alert")).to_have_count(0)


def test_a_ledger_that_is_being_migrated_is_waited_for(open_alone, kept, ledger, pages):
    put(kept, ledger)
    with closing(sqlite3.connect(ledger, isolation_level=None)) as migration:
        (current,) = migration.execute("SELECT version_num FROM alembic_version").fetchone()
        migration.execute("UPDATE alembic_version SET version_num = '0001'")
        migration.execute("BEGIN EXCLUSIVE")
        page = opened(open_alone, pages, page_of("/"))
        expect(page.get_by_role("alert")).to_contain_text("ledger")
        migration.execute("COMMIT")
        page.get_by_role("button", name="Ask again").click()
        expect(page.get_by_role("alert")).to_contain_text("brought up to date")
        migration.execute("UPDATE alembic_version SET version_num = ?", (current,))
    page.get_by_role("button", name="Ask again").click()
    expect(champion_of(page, kept[2])).to_be_visible()


def test_a_ledger_of_a_newer_airloop_is_named(open_alone, kept, ledger, pages):
    put(kept, ledger)
    with closing(sqlite3.connect(ledger)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    page = opened(open_alone, pages, page_of("/"))
    expect(page.get_by_role("alert")).to_contain_text("9999")
