from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airloop.data.snapshot import Partition
from airloop.validation.catalogue import EXPECTATIONS
from airloop.validation.checking import Checker
from airloop.validation.findings import plain
from airloop.validation.pages import PageWriter
from airloop.validation.suite import Expectation, Severity, Suite

BETWEEN = {"min_value": -0.5, "max_value": 1}
CASES = {
    "column_distinct_values_to_be_in_set": {"column": "text", "value_set": ["AA"]},
    "column_distinct_values_to_contain_set": {"column": "text", "value_set": ["AA", "ZZ"]},
    "column_distinct_values_to_equal_set": {"column": "text", "value_set": ["AA"]},
    "column_kl_divergence_to_be_less_than": {
        "column": "text", "threshold": 0.1,
        "partition_object": {"values": ["AA", "b", "CC"], "weights": [0.9, 0.05, 0.05]},
    },
    "column_max_to_be_between": {"column": "number", **BETWEEN},
    "column_mean_to_be_between": {"column": "number", "min_value": 0.2},
    "column_median_to_be_between": {"column": "number", **BETWEEN},
    "column_min_to_be_between": {"column": "number", **BETWEEN},
    "column_most_common_value_to_be_in_set": {"column": "text", "value_set": ["AA"]},
    "column_pair_values_a_to_be_greater_than_b": {"column_A": "whole", "column_B": "number", "mostly": 0.99},
    "column_pair_values_to_be_equal": {"column_A": "whole", "column_B": "next"},
    "column_pair_values_to_be_in_set": {"column_A": "whole", "column_B": "next", "value_pairs_set": [[0, 1], [1, 2]]},
    "column_proportion_of_non_null_values_to_be_between": {"column": "number", "min_value": 0.95},
    "column_proportion_of_unique_values_to_be_between": {"column": "text", "min_value": 0.95},
    "column_quantile_values_to_be_between": {
        "column": "number", "quantile_ranges": {"quantiles": [0.1, 0.5], "value_ranges": [[-3, 0], [0, 1]]},
    },
    "column_stdev_to_be_between": {"column": "number", "max_value": 1},
    "column_sum_to_be_between": {"column": "number", "max_value": 1},
    "column_to_exist": {"column": "gone"},
    "column_type_to_be": {"column": "number", "type_": "int64"},
    "column_unique_value_count_to_be_between": {"column": "text", "max_value": 2},
    "column_value_lengths_to_be_between": {"column": "text", "min_value": 2},
    "column_value_lengths_to_equal": {"column": "text", "value": 2, "mostly": 0.6},
    "column_value_z_scores_to_be_less_than": {"column": "number", "threshold": 1.5, "double_sided": True},
    "column_values_to_be_between": {"column": "number", "min_value": 0, "mostly": 0.45},
    "column_values_to_be_dateutil_parseable": {"column": "text"},
    "column_values_to_be_decreasing": {"column": "number"},
    "column_values_to_be_in_set": {"column": "text", "value_set": ["AA", "CC"]},
    "column_values_to_be_in_type_list": {"column": "number", "type_list": ["int64"]},
    "column_values_to_be_increasing": {"column": "whole"},
    "column_values_to_be_json_parseable": {"column": "json"},
    "column_values_to_be_null": {"column": "text"},
    "column_values_to_be_of_type": {"column": "number", "type_": "int64"},
    "column_values_to_be_unique": {"column": "whole"},
    "column_values_to_match_json_schema": {"column": "json", "json_schema": {"type": "object", "required": ["a"]}},
    "column_values_to_match_regex": {"column": "text", "regex": "^[A-Z]+$"},
    "column_values_to_match_regex_list": {"column": "text", "regex_list": ["^A", "^b"]},
    "column_values_to_match_strftime_format": {"column": "text", "strftime_format": "%Y"},
    "column_values_to_not_be_in_set": {"column": "text", "value_set": ["b"]},
    "column_values_to_not_be_null": {"column": "number", "mostly": 0.95},
    "column_values_to_not_be_outliers": {"column": "number", "method": "iqr", "multiplier": 0.5},
    "column_values_to_not_match_regex": {"column": "text", "regex": "^b$", "row_condition": "whole > 2",
                                         "condition_parser": "pandas"},
    "column_values_to_not_match_regex_list": {"column": "text", "regex_list": ["^b$"]},
    "compound_columns_to_be_unique": {"column_list": ["text", "whole"]},
    "multicolumn_sum_to_equal": {"column_list": ["whole", "next"], "sum_total": 3},
    "multicolumn_values_to_be_equal": {"column_list": ["whole", "next"]},
    "select_column_values_to_be_unique_within_record": {"column_list": ["whole", "next"]},
    "table_column_count_to_be_between": {"max_value": 2},
    "table_column_count_to_equal": {"value": 2},
    "table_columns_to_match_ordered_list": {"column_list": ["number"]},
    "table_columns_to_match_set": {"column_set": ["number"]},
    "table_row_count_to_be_between": {"min_value": 1, "max_value": 60},
    "table_row_count_to_equal": {"value": 50},
}  # fmt: skip


def rows(seed: int, count: int) -> pd.DataFrame:
    """Return rows that break most expectations of ``CASES``, differently for each seed."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=count)
    number[rng.random(count) < 0.06 * (seed % 3)] = np.nan
    return pd.DataFrame(
        {
            "number": number,
            "whole": rng.integers(0, 4 * count + 1, count),
            "next": rng.integers(0, 4 * count + 1, count),
            "text": pd.Series(rng.choice(["AA", "b", "CC", None], count, p=[0.5, 0.2, 0.2, 0.1]), dtype="str"),
            "at": pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(np.arange(count), unit="h"),
            "json": pd.Series(rng.choice(['{"a": 1}', "{}", "{"], count), dtype="str"),
            "empty": pd.Series([None] * count, dtype=object),
        }
    )


def suite(severity: Severity = Severity.WARN) -> Suite:
    made = []
    for name, arguments in CASES.items():
        kind = EXPECTATIONS[f"expect_{name}"]
        made.append(Expectation(f"expect_{name}", severity if kind.names_rows else Severity.WARN, arguments))
    return Suite(Path("expectations.yaml"), tuple(made))


def test_there_is_a_case_for_every_expectation():
    assert {f"expect_{name}" for name in CASES} == set(EXPECTATIONS)


@pytest.mark.slow
def test_partitions_checked_together_get_what_great_expectations_says_of_each():
    checker = Checker.of(suite(Severity.QUARANTINE), [])
    # The last has whole numbers where the others have fractions: types differ, as they do when some are missing.
    frames = [rows(1, 40), rows(5, 30), rows(4, 20).assign(number=[1, 2] * 10)]
    for frame, findings in zip(frames, checker.check(frames), strict=True):
        results = checker.engine.run(frame, range(len(CASES)))
        for number, (name, finding) in enumerate(zip(CASES, findings, strict=True)):
            result = results[number]
            assert finding.rows == len(frame)
            # That a column is not there is said in our own words, before Great Expectations is asked.
            assert (bool(finding.error), finding.met) == (bool(result.error), result.met), name
            if finding.broken is not None:
                assert finding.broken == result.values["unexpected_count"], name
                assert finding.missing is None or finding.missing == result.values.get("missing_count", 0), name
                assert finding.met or list(finding.positions) == sorted(result.values["unexpected_index_list"]), name
            elif "observed_value" in result.values:
                assert finding.observed == plain(result.values["observed_value"]) or finding.observed, name


def test_rows_that_cannot_be_checked_do_not_taint_other_partitions():
    schema = Expectation(
        "expect_column_values_to_match_json_schema",
        Severity.BLOCK,
        {"column": "json", "json_schema": {"type": "object", "required": ["a"]}},
    )
    good = rows(1, 3).assign(json='{"a": 1}')
    found = Checker.of(Suite(Path("e.yaml"), (schema,)), []).check([good, good.assign(json="{"), good])
    assert [(finding.met, bool(finding.error)) for (finding,) in found] == [(True, False), (False, True), (True, False)]


def test_all_rows_at_fault_are_found_however_many():
    # Lists of sample values end at 200 in Great Expectations; positions must not.
    frame = rows(1, 500)
    (findings,) = Checker.of(
        Suite(Path("e.yaml"), (Expectation("expect_column_values_to_be_null", Severity.QUARANTINE, {"column": "at"}),)),
        [],
    ).check([frame])
    assert findings[0].positions == tuple(range(500))


@pytest.mark.parametrize("name", ["column_mean_to_be_between", "column_values_to_not_be_null"])
def test_a_partition_without_rows_meets_what_has_nothing_to_judge(name):
    number = list(CASES).index(name)
    (findings,) = Checker.of(suite(), []).check([rows(1, 10).head(0)])
    assert findings[number].met and findings[number].rows == 0


def test_a_partition_without_rows_is_still_counted():
    (findings,) = Checker.of(suite(), []).check([rows(1, 10).head(0)])
    finding = findings[list(CASES).index("table_row_count_to_be_between")]
    assert (finding.met, finding.observed) == (False, 0)


def test_pages_show_every_expectation(caplog, capfd):
    frame = rows(2, 70).assign(json='{"a": 1}')
    checker = Checker.of(suite(), [])
    partition = Partition(digest="a" * 64, start=None, end=None, rows=len(frame), labelled=0)
    capfd.readouterr()
    page = PageWriter(suite(), checker.engine.expectations).page(partition, checker.check([frame])[0])
    # Great Expectations logs an error and shows less where it cannot render a result.
    complaints = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert (complaints, capfd.readouterr().err) == ([], "")
    assert len(re.findall(r"fas fa-(?:check-circle|times)", page)) == len(CASES)
    assert "raised an exception" not in page


def test_a_column_that_only_later_partitions_have_is_missed_in_the_others_alone():
    later = Expectation(
        "expect_column_values_to_be_in_set", Severity.BLOCK, {"column": "at", "value_set": ["2024-05-01"]}
    )
    frame = rows(1, 1)
    found = Checker.of(Suite(Path("e.yaml"), (later,)), []).check([frame.drop(columns="at"), frame])
    (missed,), (met,) = found
    assert missed.error.startswith("there is no column 'at'. Known: ")
    assert met.met and not met.error


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float64(1.5), 1.5),
        (np.nan, None),
        (np.inf, "inf"),
        (np.bool_(True), True),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timestamp("2024-05-01", tz="UTC"), "2024-05-01T00:00:00+00:00"),
        ({"quantiles": [np.float64(0.5)], "values": (np.int64(3),)}, {"quantiles": [0.5], "values": [3]}),
        (b"ab", "b'ab'"),
    ],
)
def test_what_was_measured_is_kept_as_json_can_hold_it(value, kept):
    assert plain(value) == kept
