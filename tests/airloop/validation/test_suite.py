from __future__ import annotations

import pytest

from airloop.errors import SpecError
from airloop.validation.suite import Severity, load


def test_reads_class_and_snake_names_severity_and_name(orders):
    pipeline = orders.expects(
        "- {expect: ExpectColumnValuesToNotBeNull, column: id}\n"
        "- expect: expect_column_mean_to_be_between\n"
        "  column: price\n"
        "  max_value: 100\n"
        "  severity: warn\n"
        "  name: prices are usual\n"
    )
    first, second = load(pipeline).expectations
    assert (first.type, first.severity, first.arguments) == (
        "expect_column_values_to_not_be_null",
        Severity.BLOCK,
        {"column": "id"},
    )
    assert (second.severity, second.title, second.line) == (Severity.WARN, "prices are usual", 2)
    assert first.title == "expect_column_values_to_not_be_null id"


def test_without_expectations_there_is_no_suite(orders):
    assert load(orders.expects(None)) is None


def test_layout_and_comments_do_not_change_the_digest(orders):
    one = load(orders.expects("- {expect: ExpectColumnToExist, column: id}\n")).digest
    same = load(orders.expects("# why\n\n- expect: expect_column_to_exist\n  column: id\n")).digest
    other = load(orders.expects("- {expect: ExpectColumnToExist, column: id, severity: warn}\n")).digest
    assert one == same != other


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n- {expect: ExpectColumnValuesToBeBetwen, column: id}",
            r"expectations.yaml:2 \[0\].expect: unknown expectation 'ExpectColumnValuesToBeBetwen'. "
            "Did you mean 'ExpectColumnValuesToBeBetween'",
        ),
        (
            "- {expect: expect_column_value_to_be_in_set, column: id}",
            "Did you mean 'expect_column_values_to_be_in_set'",
        ),
        (
            "- {expect: ExpectColumnValuesToNotBeNull, column: id, mostley: 0.9}",
            r"expectations.yaml:1 \[0\].mostley: expect_column_values_to_not_be_null has no argument 'mostley'. "
            "Did you mean 'mostly'",
        ),
        (
            "- expect: ExpectColumnToExist\n  column: id\n  severity: stop",
            r"expectations.yaml:3 \[0\].severity: unknown severity 'stop'. Known: block, quarantine, warn.",
        ),
        (
            "- {expect: ExpectColumnMeanToBeBetween, column: id, severity: quarantine, min_value: 1}",
            "expect_column_mean_to_be_between judges a partition as a whole and names no rows to quarantine; "
            "use block or warn",
        ),
        ("- {expect: ExpectColumnValuesToBeInSet, column: id}", "expect_column_values_to_be_in_set needs `value_set`"),
        ("- {column: id}", "`expect` is missing"),
        ("- ExpectColumnToExist", "'ExpectColumnToExist' is not keys with values"),
        ("expect: ExpectColumnToExist", "must be a list of expectations"),
        ("- {expect: ExpectColumnValuesToBeUnique, column: id, mostly: 95}", "95 is not a share between 0 and 1"),
        ("- {expect: UnexpectedRowsExpectation, unexpected_rows_query: x}", "does not work on files of rows"),
        ("- {expect: ExpectColumnValuesToMatchLikePattern, column: id}", "use expect_column_values_to_match_regex"),
        ("- {expect: ExpectColumnToExist, column: id, name: 3}", "3 is not a text"),
        (
            "- {expect: ExpectColumnToExist, column: id}\n- {expect: expect_column_to_exist, column: id}",
            r"expectations.yaml:2 \[1\]: expects the same as \[0\]",
        ),
        ("- [", "this is not YAML"),
        ("", "the file is empty"),
    ],
)
def test_mistakes_say_where_what_and_the_nearest_word(orders, text, message):
    with pytest.raises(SpecError, match=message):
        load(orders.expects(text))


def test_all_mistakes_are_reported_at_once(orders):
    pipeline = orders.expects("- {expect: Nothing}\n- {expect: ExpectColumnToExist, colum: id}\n")
    with pytest.raises(SpecError) as caught:
        load(pipeline)
    assert [line.partition(" ")[0][-2:] for line in str(caught.value).splitlines()] == [":1", ":2", ":2"]


def test_a_file_that_is_not_there_is_a_spec_error(orders):
    pipeline = orders.expects("- {expect: ExpectColumnToExist, column: id}\n")
    (orders.folder / "expectations.yaml").unlink()
    with pytest.raises(SpecError, match=r"has no file 'expectations.yaml'"):
        load(pipeline)
