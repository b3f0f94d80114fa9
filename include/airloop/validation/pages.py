"""Data Docs of one partition: Great Expectations renders its results, in a page that loads nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.validation.engine import quietly
from airloop.validation.findings import Finding
from airloop.validation.naming import partition_title
from airloop.validation.suite import Suite

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition

TEMPLATES = Path(__file__).with_name("templates")


class PageWriter:
    """Renders pages for one suite. ``built`` are its expectations as objects of Great Expectations."""

    def __init__(self, suite: Suite, built: Sequence[Any]) -> None:
        self._suite = suite
        self._configurations = [_escaped_description(expectation.configuration) for expectation in built]

    def page(self, partition: Partition, findings: Sequence[Finding]) -> str:
        """Return the page's HTML; the same findings give the same bytes."""
        from great_expectations import __version__
        from great_expectations.core import ExpectationSuiteValidationResult

        unmet = sum(not finding.met for finding in findings)
        outcome = ExpectationSuiteValidationResult(
            success=not unmet,
            suite_name="expectations",
            results=[self._result(number, finding) for number, finding in enumerate(findings)],
            statistics=dict.fromkeys(("evaluated_expectations", "successful_expectations"), len(findings))
            | {"unsuccessful_expectations": unmet, "success_percent": 100.0},
            meta={},
        )
        renderer, view = _rendering()
        with quietly():
            document = renderer.render(outcome)
        # Its first section, the overview, links to pages of a site that is not there.
        document.sections = document.sections[1:]
        about = {
            "title": f"Partition {partition_title(partition)}",
            "digest": partition.digest,
            "rows": partition.rows,
            "unmet": unmet,
            "expectations": len(findings),
            "quarantined": len({position for finding in findings for position in finding.positions}),
            "version": __version__,
        }
        text: str = view.render(document, "partition.j2", about=about)
        return text

    def _result(self, number: int, finding: Finding) -> Any:
        from great_expectations.core import ExpectationValidationResult

        raised = {
            "raised_exception": bool(finding.error),
            "exception_message": finding.error,
            "exception_traceback": "",
        }
        return ExpectationValidationResult(
            success=finding.met,
            expectation_config=self._configurations[number],
            result=_as_result(finding),
            exception_info=raised,
        )


@cache
def _rendering() -> tuple[Any, Any]:
    """Return renderer and view, made once: the view compiles its templates at their first use."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    # Great Expectations' own page loads styles and scripts from elsewhere; ours has everything in itself.
    view = DefaultJinjaPageView(custom_views_directory=str(TEMPLATES))
    view.env.filters["generate_html_element_uuid"] = lambda prefix: f"{prefix}0"
    return ValidationResultsPageRenderer(), view


def _escaped_description(configuration: Any) -> Any:
    configuration.description = escaped(configuration.description)
    return configuration


def escaped(value: Any) -> Any:
    """Return ``value`` with its texts as HTML: Great Expectations puts samples into its pages as they are."""
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, Mapping):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list | tuple) else value


def _as_result(finding: Finding) -> dict[str, Any]:
    if finding.error:
        return {}
    if finding.broken is None:
        return {"observed_value": escaped(finding.observed)}
    judged = finding.rows - (finding.missing or 0)
    examples = escaped(finding.examples)
    share = 100 * finding.broken / judged if judged else 0.0
    return {
        "element_count": finding.rows,
        "missing_count": finding.missing or 0,
        "unexpected_count": finding.broken,
        "unexpected_percent": share,
        "unexpected_percent_total": 100 * finding.broken / finding.rows if finding.rows else 0.0,
        "unexpected_percent_nonmissing": share,
        "partial_unexpected_list": [value for value, _ in examples],
        "partial_unexpected_counts": [{"value": value, "count": count} for value, count in examples],
    }
