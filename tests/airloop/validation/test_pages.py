from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from airloop.errors import ValidationBlocked
from airloop.validation import validate
from airloop.validation.checking import Checker
from airloop.validation.pages import PageWriter
from airloop.validation.suite import Expectation, Severity, Suite

LOADING = {"src", "srcset", "href", "data", "poster", "action", "background"}


class Loads(HTMLParser):
    """Collects what a page loads or runs, and where it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "base", "object", "embed"):
            self.loaded.append(tag)
        if tag == "meta" and ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = str(dict(attrs)["content"])
        for name, value in attrs:
            if name in LOADING and tag != "a":
                self.loaded.append(f"{tag} {name}={value}")
            elif name == "href" and value and not value.startswith("#"):
                self.links.append(value)


EXPECTED = """\
- {expect: ExpectColumnValuesToBeBetween, column: price, min_value: 0, severity: quarantine, name: prices are <b>}
- {expect: ExpectColumnQuantileValuesToBeBetween, column: price,
   quantile_ranges: {quantiles: [0.5], value_ranges: [[0, 5]]}, severity: warn}
- {expect: ExpectColumnValuesToBeInSet, column: country, value_set: [DE, FR, PL]}
- {expect: ExpectColumnMaxToBeBetween, column: at, max_value: 2024-05-03, severity: warn}
- {expect: ExpectColumnMeanToBeBetween, column: country, max_value: 3, severity: warn}
"""


@pytest.fixture
def pages(orders) -> dict[str, str]:
    """The Data Docs of days with every kind of finding, path → text."""
    orders.lands({1: orders.day(1, price=-1.0), 2: orders.day(2, country="<script>alert(1)</script>")})
    pipeline = orders.expects(EXPECTED)
    with pytest.raises(ValidationBlocked):
        validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    found = {path: Path(path).read_text(encoding="utf-8") for path in orders.kept() if path.endswith(".html")}
    assert len(found) == 5  # four partitions and the first page
    return found


def test_pages_load_nothing_and_run_nothing(pages):
    for path, text in pages.items():
        assert (Loads(text).loaded, Loads(text).policy) == ([], "default-src 'none'; style-src 'unsafe-inline'"), path
        assert not re.search(r"https?://|url\(|@import|javascript:", text), path


def test_values_from_the_data_are_shown_as_text(pages):
    assert all("<script" not in text and "are <b>" not in text for text in pages.values())
    assert any("&lt;script&gt;alert(1)" in text for text in pages.values())


def test_links_lead_to_files_that_are_there(pages):
    links = [(Path(path).parent / link) for path, text in pages.items() for link in Loads(text).links]
    assert {link.name for link in links} == {"page.html", "quarantined.parquet"}
    assert all(link.is_file() for link in links)


def test_first_page_says_what_is_not_met_worst_first(pages):
    (first,) = [text for path, text in pages.items() if path.endswith("index.html")]
    assert "blocked" in first and "Data of orders" in first and "as of 2024-05-05" in first
    assert re.findall(r'<td><span class="state \w+">([^<]+)</span></td>\s*<td>(?!<)', first) == [
        "not met", "rows set aside", "warning", "warning", "warning",
    ]  # fmt: skip


def test_the_same_findings_give_the_same_page(orders):
    orders.lands()
    pipeline = orders.expects(
        "- {expect: ExpectColumnMeanToBeBetween, column: country, max_value: 3, severity: warn}\n"
    )
    expectation = Expectation("expect_column_mean_to_be_between", Severity.WARN, {"column": "country", "max_value": 3})
    suite = Suite(Path("e.yaml"), (expectation,))
    snapshot = orders.snapshot(pipeline)
    checker = Checker.of(suite, [])
    (findings,) = checker.check([orders.day(0)])
    one, two = (PageWriter(suite, checker.engine.expectations).page(snapshot.partitions[0], findings) for _ in "12")
    assert one == two
    assert "could not convert" in one or "raised an exception" in one
