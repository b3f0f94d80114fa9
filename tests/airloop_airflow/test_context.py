from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airloop_airflow import context as run

MONDAY = datetime(2013, 3, 18, 6, tzinfo=UTC)


def test_a_run_by_hand_without_a_date_is_as_of_its_own_start(context_of):
    """It has no data interval: templates that ask for one raise KeyError (apache/airflow#46194)."""
    context = context_of(as_of=None)
    assert "data_interval_end" not in context and "logical_date" not in context
    assert run.as_of(context) == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_an_asset_run_is_as_of_the_newest_signal_that_carries_one(context_of):
    events = [{"as_of": "2013-03-11T00:00:00Z"}, {}, None, {"as_of": "2013-03-18"}]
    context = context_of(run_type="asset_triggered", events=events)
    assert run.as_of(context) == datetime(2013, 3, 18, tzinfo=UTC)


def test_an_asset_run_whose_signals_carry_none_is_as_of_its_own_start(context_of):
    context = context_of(run_type="asset_triggered", events=[{"from_rest_api": True}])
    assert run.as_of(context) == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_an_asset_run_is_as_of_the_newest_decision_that_it_answers_where_that_is_newer(context_of):
    context = context_of(run_type="asset_triggered", events=[{"as_of": "2013-03-11"}])
    assert run.as_of(context, answered=MONDAY) == MONDAY
    context = context_of(run_type="asset_triggered", events=[{"as_of": "2013-03-25"}])
    assert run.as_of(context, answered=MONDAY) == datetime(2013, 3, 25, tzinfo=UTC)


def test_an_event_without_a_window_is_somebodys_wish(context_of):
    decided = {"as_of": "2013-03-11", "window": "2013-03-10T00:00:00Z", "reason": "drift"}
    by_hand = {"from_rest_api": True, "reason": "new prices"}
    assert run.wishes(context_of(run_type="asset_triggered", events=[decided])) == []
    assert run.wishes(context_of(run_type="asset_triggered", events=[decided, by_hand, None])) == ["new prices", ""]
    assert run.is_asked_for(context_of(run_type="asset_triggered")), "its events were lost"
    assert not run.is_asked_for(context_of(run_type="scheduled"))


def test_a_scheduled_or_backfilled_run_is_as_of_its_interval_end(context_of):
    for run_type in ("scheduled", "backfill"):
        assert run.as_of(context_of(run_type=run_type, interval_end=MONDAY)) == MONDAY


def test_the_form_comes_before_everything(context_of):
    context = context_of(as_of="2013-01-01", interval_end=MONDAY, events=[{"as_of": "2013-02-02"}])
    assert run.as_of(context) == datetime(2013, 1, 1, tzinfo=UTC)


def test_a_signal_that_is_no_instant_is_an_error_that_names_it(context_of):
    with pytest.raises(ValueError, match="as_of 'soon' is not ISO 8601"):
        run.as_of(context_of(events=[{"as_of": "soon"}]))


@pytest.mark.parametrize(
    ("run_type", "form", "looks_back"),
    [
        ("backfill", {"release_backfill": False}, True),
        ("backfill", {}, True),
        ("backfill", {"release_backfill": True}, False),
        ("scheduled", {"release_backfill": False}, False),
        ("manual", {}, False),
    ],
)
def test_only_a_backfill_that_was_not_asked_to_release_looks_back(context_of, run_type, form, looks_back):
    assert run.only_looks_back(context_of(run_type=run_type, **form)) is looks_back
