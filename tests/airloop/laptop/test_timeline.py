from __future__ import annotations

import dataclasses

import pytest

from airloop.laptop import timeline
from airloop.laptop.weeks import Retrained, Week

WEEK = Week(
    window={"start": "2013-04-15T00:00:00Z", "rows": 6547, "version": "1", "bundle": "b1"},
    drift={"level": "OK"},
    performance={"level": "ACT", "metrics": {"roc_auc": 0.681}},
    decision={"action": "RETRAIN"},
)
RELEASED = Retrained("asset__1", "RELEASED", "2", ("100 %: the last step",), "report.html")


def told(weeks, baselines):
    return [line.plain.split() for line in timeline.lines(weeks, "roc_auc", baselines)]


def test_a_week_is_a_line_and_what_followed_one_below_it():
    quiet = dataclasses.replace(WEEK, decision={"action": "WAIT"})
    assert told([quiet, dataclasses.replace(WEEK, retrained=RELEASED)], {"b1": 0.721}) == [
        "2013-04-15 6,547 rows v1 drift OK roc_auc ▅ 0.681 of 0.721 ACT WAIT".split(),
        "2013-04-15 6,547 rows v1 drift OK roc_auc ▅ 0.681 of 0.721 ACT RETRAIN".split(),
        "└ RELEASED version 2".split(),
    ]


def test_a_week_without_labels_or_a_known_model_shows_that_there_is_no_number():
    bare = dataclasses.replace(WEEK, performance={"level": "INCONCLUSIVE", "metrics": {}})
    (line,) = told([bare], {})
    assert line[6:] == ["roc_auc", "-", "of", "-", "INCONCLUSIVE", "RETRAIN"]


@pytest.mark.parametrize(("value", "bar"), [(0.9, "█"), (0.75, "█"), (0.70, "▄"), (0.5, " ")])
def test_the_bar_is_full_at_the_baseline_and_empty_a_tenth_below(value, bar):
    week = dataclasses.replace(WEEK, performance={"level": "OK", "metrics": {"roc_auc": value}})
    assert f"roc_auc {bar} " in timeline.line(week, "roc_auc", {"b1": 0.75}).plain
