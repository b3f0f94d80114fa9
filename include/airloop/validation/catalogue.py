"""The expectations of Great Expectations that rows can be checked with, without importing it (3 s).

A test keeps names and arguments equal to the installed version.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What an expectation looks at, hence how it is run and whether it can name the rows at fault."""

    ROW = "row"
    """Each row by itself: run once over many partitions, then split."""
    ROWS = "rows"
    """Rows against the other rows of their partition, for example unique."""
    COLUMN = "column"
    """A number or set that summarises a column; nothing is measured where a partition has no rows."""
    TABLE = "table"
    """The table's shape: number of rows, names and types of columns."""


@dataclass(frozen=True)
class Kind:
    """An expectation's scope and the names of its arguments."""

    scope: Scope
    needs: tuple[str, ...]
    may: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Every argument, the needed ones first."""
        return self.needs + self.may

    @property
    def names_rows(self) -> bool:
        """Whether a failure points at rows that can be set aside."""
        return self.scope in (Scope.ROW, Scope.ROWS)


_SOME_ROWS = ("row_condition", "condition_parser")
_MAP = ("mostly", *_SOME_ROWS)
_BETWEEN = ("min_value", "max_value", "strict_min", "strict_max")


def _row(needs: str, *may: str) -> Kind:
    return Kind(Scope.ROW, tuple(needs.split()), (*may, *_MAP))


def _rows(needs: str, *may: str) -> Kind:
    return Kind(Scope.ROWS, tuple(needs.split()), (*may, *_MAP))


def _column(needs: str, *may: str) -> Kind:
    return Kind(Scope.COLUMN, tuple(needs.split()), (*may, *_SOME_ROWS))


def _table(needs: str, *may: str) -> Kind:
    return Kind(Scope.TABLE, tuple(needs.split()), may)


EXPECTATIONS: dict[str, Kind] = {
    "expect_column_distinct_values_to_be_in_set": _column("column value_set"),
    "expect_column_distinct_values_to_contain_set": _column("column value_set"),
    "expect_column_distinct_values_to_equal_set": _column("column value_set"),
    "expect_column_kl_divergence_to_be_less_than": _column(
        "column",
        "partition_object",
        "threshold",
        "internal_weight_holdout",
        "tail_weight_holdout",
        "bucketize_data",
        "min_value",
        "max_value",
    ),
    "expect_column_max_to_be_between": _column("column", *_BETWEEN),
    "expect_column_mean_to_be_between": _column("column", *_BETWEEN),
    "expect_column_median_to_be_between": _column("column", *_BETWEEN),
    "expect_column_min_to_be_between": _column("column", *_BETWEEN),
    "expect_column_most_common_value_to_be_in_set": _column("column value_set", "ties_okay"),
    "expect_column_pair_values_a_to_be_greater_than_b": _row("column_A column_B", "or_equal", "ignore_row_if"),
    "expect_column_pair_values_to_be_equal": _row("column_A column_B", "ignore_row_if"),
    "expect_column_pair_values_to_be_in_set": _row("column_A column_B value_pairs_set", "ignore_row_if"),
    "expect_column_proportion_of_non_null_values_to_be_between": _column("column", *_BETWEEN),
    "expect_column_proportion_of_unique_values_to_be_between": _column("column", *_BETWEEN),
    "expect_column_quantile_values_to_be_between": _column("column quantile_ranges", "allow_relative_error"),
    "expect_column_stdev_to_be_between": _column("column", *_BETWEEN),
    "expect_column_sum_to_be_between": _column("column", *_BETWEEN),
    "expect_column_to_exist": _table("column", "column_index"),
    "expect_column_type_to_be": _table("column type_"),
    "expect_column_unique_value_count_to_be_between": _column("column", *_BETWEEN),
    "expect_column_value_lengths_to_be_between": _row("column", *_BETWEEN),
    "expect_column_value_lengths_to_equal": _row("column value"),
    "expect_column_value_z_scores_to_be_less_than": _rows("column threshold double_sided"),
    "expect_column_values_to_be_between": _row("column", *_BETWEEN),
    "expect_column_values_to_be_dateutil_parseable": _row("column"),
    "expect_column_values_to_be_decreasing": _rows("column", "strictly"),
    "expect_column_values_to_be_in_set": _row("column value_set"),
    "expect_column_values_to_be_in_type_list": _table("column", "type_list", *_MAP),
    "expect_column_values_to_be_increasing": _rows("column", "strictly"),
    "expect_column_values_to_be_json_parseable": _row("column"),
    "expect_column_values_to_be_null": _row("column"),
    "expect_column_values_to_be_of_type": _table("column type_", *_MAP),
    "expect_column_values_to_be_unique": _rows("column"),
    "expect_column_values_to_match_json_schema": _row("column json_schema"),
    "expect_column_values_to_match_regex": _row("column", "regex"),
    "expect_column_values_to_match_regex_list": _row("column regex_list", "match_on"),
    "expect_column_values_to_match_strftime_format": _row("column strftime_format"),
    "expect_column_values_to_not_be_in_set": _row("column value_set"),
    "expect_column_values_to_not_be_null": _row("column"),
    "expect_column_values_to_not_be_outliers": _rows("column", "method", "multiplier"),
    "expect_column_values_to_not_match_regex": _row("column regex"),
    "expect_column_values_to_not_match_regex_list": _row("column regex_list"),
    "expect_compound_columns_to_be_unique": _rows("column_list", "ignore_row_if"),
    "expect_multicolumn_sum_to_equal": _row("column_list sum_total", "ignore_row_if"),
    "expect_multicolumn_values_to_be_equal": _row("column_list", "ignore_row_if"),
    "expect_select_column_values_to_be_unique_within_record": _row("column_list", "ignore_row_if"),
    "expect_table_column_count_to_be_between": _table("", "min_value", "max_value"),
    "expect_table_column_count_to_equal": _table("value"),
    "expect_table_columns_to_match_ordered_list": _table("", "column_list"),
    "expect_table_columns_to_match_set": _table("", "column_set", "exact_match"),
    "expect_table_row_count_to_be_between": _table("", *_BETWEEN, *_SOME_ROWS),
    "expect_table_row_count_to_equal": _table("value", *_SOME_ROWS),
}

UNSUPPORTED: dict[str, str] = {
    "expect_column_values_to_match_like_pattern": "use expect_column_values_to_match_regex",
    "expect_column_values_to_match_like_pattern_list": "use expect_column_values_to_match_regex_list",
    "expect_column_values_to_not_match_like_pattern": "use expect_column_values_to_not_match_regex",
    "expect_column_values_to_not_match_like_pattern_list": "use expect_column_values_to_not_match_regex_list",
    "expect_multicolumn_values_to_be_unique": "use expect_select_column_values_to_be_unique_within_record",
    "expect_query_results_to_match_comparison": "compare in the source's SQL",
    "expect_table_row_count_to_equal_other_table": "compare in the source's SQL",
    "unexpected_rows_expectation": "write the condition as another expectation, or in the source's SQL",
}
"""Known to Great Expectations but only for SQL databases, or withdrawn; and what to do instead."""

_BY_LETTERS = {name.replace("_", ""): name for name in (*EXPECTATIONS, *UNSUPPORTED)}


def find(name: str) -> str | None:
    """Return the snake name for a snake or class name (``ExpectColumnToExist``), or None when there is none."""
    return _BY_LETTERS.get(name.replace("_", "").lower())


def nearest(name: str) -> str:
    """Return ``" Did you mean 'x'?"`` in the way that ``name`` is written, or ``""`` when nothing is near."""
    close = difflib.get_close_matches(name.replace("_", "").lower(), _BY_LETTERS, n=1, cutoff=0.5)
    if not close:
        return ""
    word = _BY_LETTERS[close[0]]
    if "_" not in name and name != name.lower():
        word = "".join(part.capitalize() for part in word.split("_"))
    return f" Did you mean '{word}'?"
