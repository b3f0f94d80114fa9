"""The retrain policy: one rule at a time by example, and what must hold for any past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airloop.monitoring.policy import Candidate, Decided, Decision, Live, WindowFacts, decide
from airloop.monitoring.window import Window
from airloop.refs import Action, Level
from airloop.spec.model import Retrain

MARCH, DAY, WEEK = datetime(2013, 3, 18, tzinfo=UTC), timedelta(days=1), timedelta(days=7)
LIVE = Live("1", MARCH)
OK, WARN, ACT, INCONCLUSIVE = Level.OK, Level.WARN, Level.ACT, Level.INCONCLUSIVE


def week(number: int, length: timedelta = WEEK) -> Window:
    """Return the window of the ``number``-th week after the live version's data."""
    start = MARCH + number * WEEK
    return Window(start, start + length)


def facts(number: int, drift: Level, performance: Level = INCONCLUSIVE, **more: object) -> WindowFacts:
    return WindowFacts(week(number), drift, performance, **{"labelled": 600, "version": "1", **more})


def told(*windows: WindowFacts, rules: Retrain | None = None, **more: object) -> Decision:
    as_of = max(one.window.end for one in windows) + timedelta(hours=12)
    return decide(windows, **{"retrain": rules or Retrain(), "as_of": as_of, "live": LIVE, **more})


def weeks(drifts: str, performances: str = "") -> list[WindowFacts]:
    """Return windows from letters: A acts, w warns, o is OK, dot or nothing is INCONCLUSIVE."""
    words = {"A": ACT, "w": WARN, "o": OK, ".": INCONCLUSIVE}
    both = zip(drifts, performances.ljust(len(drifts), "."), strict=True)
    return [facts(number, words[drift], words[performance]) for number, (drift, performance) in enumerate(both)]


@pytest.mark.parametrize(
    ("drifts", "performances", "action"),
    [
        ("oA", "", "WAIT"),  # one of two
        ("AA", "", "RETRAIN"),
        ("AoA", "", "RETRAIN"),  # two of three, the newest among them
        ("AAo", "", "WAIT"),  # the newest is OK
        ("AoooA", "", "RETRAIN"),  # the first of five still counts
        ("AooooA", "", "WAIT"),  # the first of six does not
        ("Aw", "", "RETRAIN"),  # a warning after a violation violates
        ("ww", "", "WAIT"),  # without one it does not
        ("Aow", "", "WAIT"),  # OK ended it
        ("A.w", "", "RETRAIN"),  # INCONCLUSIVE did not end it
        ("A.A", "", "RETRAIN"),  # nor is it counted
        ("A....A", "", "RETRAIN"),  # however many there are
        ("AA.", "", "WAIT"),  # it asks for nothing itself
        ("oo", "AA", "RETRAIN"),  # performance alone
        ("oA", "Ao", "RETRAIN"),  # one by performance, one by drift
        ("oo", "A.", "WAIT"),  # what is not known of performance in the newest does not violate it
        ("Ao", ".w", "WAIT"),  # a warning of performance is no rest of a drift
        ("wo", "Aw", "RETRAIN"),
    ],
)
def test_a_wish_needs_m_of_n_with_the_newest_violated(drifts: str, performances: str, action: str) -> None:
    assert told(*weeks(drifts, performances)).action == action


def test_a_retraining_says_which_windows_ask_and_what_it_passed() -> None:
    assert told(*weeks("oAw", "oA.")).reasons == (
        "2 of the latest 3 windows are violated, the newest among them (2 are needed): "
        "2013-04-01 to 2013-04-08 drift WARN, not OK since it acted; "
        "2013-03-25 to 2013-04-01 drift ACT and performance ACT",
        "1,800 labels became known since the data of version 1, 2013-03-18: at least 500 are needed",
        "no retraining was asked for before (cool-down 7 days, budget 2 per week)",
    )


@pytest.mark.parametrize(
    ("drifts", "reason"),
    [
        ("oo", "the window is not violated: drift OK, performance INCONCLUSIVE"),
        ("oA", "1 of the latest 2 windows is violated, 2 are needed: 2013-03-25 to 2013-04-01 drift ACT"),
        ("A.", "the window is inconclusive: neither drift nor performance could be judged"),
    ],
)
def test_waiting_says_why_the_windows_do_not_ask(drifts: str, reason: str) -> None:
    assert told(*weeks(drifts)).reasons == (reason,)


def test_windows_of_another_version_do_not_count() -> None:
    old, new = facts(0, ACT, version="0"), facts(1, ACT)
    assert told(old, new).action == "WAIT"
    late = told(facts(0, ACT, version="0"), facts(1, ACT, version="0"))
    assert late.reasons == (
        "version 0 answered most of the window; version 1 is live, and what that does is not known yet",
    )


def test_of_overlapping_windows_only_the_newest_counts() -> None:
    rolling = [
        WindowFacts(Window(MARCH + n * DAY, MARCH + n * DAY + WEEK), ACT, version="1", labelled=600) for n in range(7)
    ]
    assert "1 of the latest 1 window is violated" in told(*rolling).reasons[0]
    apart = WindowFacts(Window(MARCH - WEEK, MARCH - DAY), ACT, version="1")
    assert told(*rolling, apart).action == "RETRAIN"


def test_the_cool_down_counts_from_the_last_decision_and_doubles_with_candidates_not_released() -> None:
    windows = weeks("AAAAAA")
    asked = [Decided(week(1), Action.RETRAIN, MARCH + 2 * WEEK)]
    failed = [Candidate(MARCH + 2 * WEEK, was_released=False)]
    assert told(*windows[:3], decided=asked).action == "RETRAIN"
    assert told(*windows[:3], decided=asked, candidates=failed).reasons == (
        "cool-down of 14 days (1 candidate in a row not released): the last retraining was asked for at 2013-04-01, "
        "the next may be at 2013-04-15",
    )
    assert told(*windows[:4], decided=asked, candidates=failed).action == "RETRAIN"
    asked.append(Decided(week(3), Action.RETRAIN, MARCH + 4 * WEEK))
    failed.append(Candidate(MARCH + 4 * WEEK, was_released=False))
    waits = told(*windows, decided=asked, candidates=failed)
    assert waits.reasons[0].startswith("cool-down of 28 days (2 candidates in a row not released)")
    released = [*failed[:1], Candidate(MARCH + 4 * WEEK, was_released=True)]
    assert told(*windows, decided=asked, candidates=released).action == "RETRAIN"


def test_the_back_off_has_a_limit() -> None:
    times = [MARCH - 100 * n * DAY for n in range(1, 9)]
    asked = [Decided(week(-20 * (n + 1)), Action.RETRAIN, at) for n, at in enumerate(times)]
    failed = [Candidate(at, was_released=False) for at in times]
    windows = [facts(-9, ACT), facts(-8, ACT)]
    waits = told(*windows, decided=asked, candidates=failed, live=Live("1", MARCH - 1000 * DAY))
    assert waits.reasons[0].startswith("cool-down of 56 days (8 candidates in a row not released)")


def test_candidates_that_no_window_asked_for_do_not_slow_the_policy_down() -> None:
    asked = [Decided(week(1), Action.RETRAIN, MARCH + 2 * WEEK)]
    scheduled = [Candidate(MARCH + 2 * WEEK + n * DAY, was_released=False) for n in range(1, 7)]
    assert told(*weeks("AAA"), decided=asked, candidates=scheduled).action == "RETRAIN"


def test_the_budget_counts_its_period() -> None:
    rules = Retrain(cool_down=DAY, at_most="2 per week")
    asked = [Decided(week(n), Action.RETRAIN, MARCH + WEEK + n * DAY) for n in (4, 6)]
    waits = told(*weeks("AA"), rules=rules, decided=asked, as_of=MARCH + 2 * WEEK + 2 * DAY)
    assert "the budget of 2 per week is used up: retrainings at 2013-03-29, 2013-03-31" in waits.reasons
    later = told(*weeks("AAAAAAAA"), rules=rules, decided=asked, as_of=MARCH + 2 * WEEK + 4 * DAY)
    assert later.action == "RETRAIN"


def test_too_few_new_labels_block() -> None:
    assert told(*weeks("AA"), new_labels=488).reasons == (
        "488 labels have become known since the data of version 1, 2013-03-18: 500 are needed, 12 more",
    )
    few = [facts(0, ACT, labelled=200), facts(1, ACT, labelled=200)]
    assert told(*few).reasons[0].startswith("400 labels have become known")


def test_retraining_without_any_label_would_not_help_even_where_none_are_asked_for() -> None:
    windows = [facts(0, ACT, labelled=0), facts(1, ACT, labelled=0)]
    assert told(*windows, rules=Retrain(min_labels=0)).reasons == (
        "retraining would not help: labels are missing, none came for the latest windows and none since the data of "
        "version 1, 2013-03-18",
    )
    assert told(*windows, rules=Retrain(min_labels=0), new_labels=1).action == "RETRAIN"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("broken", "retraining would not help: the source is broken, what lands cannot be read"),
        ("stale", "retraining would not help: the source is stale, nothing new lands"),
    ],
)
def test_an_unwell_source_blocks_and_is_told_even_where_nothing_asks(source: str, reason: str) -> None:
    assert told(facts(0, ACT), facts(1, ACT, source=source)).reasons == (reason,)
    assert told(facts(0, OK), facts(1, OK, source=source)).reasons[1:] == (reason,)
    assert told(facts(0, ACT, source=source), facts(1, ACT)).action == "RETRAIN"


def test_nothing_live_is_a_reason_of_its_own() -> None:
    assert told(*weeks("AA"), live=None).reasons == (
        "retraining would not help: nothing is live; train and release first",
    )


def test_data_that_the_live_version_knows_is_no_reason_to_train() -> None:
    waits = told(*weeks("AA"), live=Live("1", MARCH + 5 * WEEK), new_labels=10_000)
    assert waits.reasons == (
        "retraining would not help: version 1 has learned from data up to 2013-04-22, and a retraining would see "
        "nothing after 2013-04-01 12:00 UTC",
    )


def test_a_late_run_for_an_older_window_never_asks() -> None:
    decided = [Decided(week(3), Action.WAIT, MARCH + 4 * WEEK)]
    assert told(*weeks("AA"), decided=decided).reasons == (
        "the window 2013-04-08 to 2013-04-15 is decided already, and a run for an older window never asks for a "
        "retraining",
    )


def test_all_that_blocks_is_told() -> None:
    asked = [Decided(week(2), Action.RETRAIN, MARCH + 2 * WEEK)]
    windows = [facts(1, OK), facts(2, ACT, source="stale", labelled=3)]
    waits = told(*windows, decided=asked, new_labels=3, rules=Retrain(at_most="1 per month", cool_down=2 * WEEK))
    assert [reason.split(":")[0] for reason in waits.reasons] == [
        "1 of the latest 2 windows is violated, 2 are needed",
        "retraining would not help",
        "3 labels have become known since the data of version 1, 2013-03-18",
        "cool-down of 14 days",
        "the budget of 1 per month is used up",
    ]


def test_a_decision_without_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match="a decision needs a window, got none"):
        decide([], retrain=Retrain(), as_of=MARCH, live=LIVE)


LEVELS = st.sampled_from(Level)
ANY_WINDOW = st.builds(
    WindowFacts,
    window=st.builds(week, st.integers(0, 9), st.sampled_from([DAY, 3 * DAY, WEEK, 2 * WEEK])),
    drift=st.sampled_from([ACT, ACT, WARN, OK, INCONCLUSIVE]),
    performance=LEVELS,
    labelled=st.integers(0, 900),
    version=st.sampled_from(["1", "1", "1", "0"]),
    source=st.sampled_from(["fresh", "fresh", "fresh", "stale", "broken"]),
)
ANY_RULES = st.builds(
    Retrain,
    windows=st.sampled_from(["1 of 1", "1 of 3", "2 of 5", "3 of 3"]),
    cool_down=st.integers(0, 20).map(lambda days: days * DAY),
    at_most=st.sampled_from(["1 per day", "2 per week", "1 per month"]),
    min_labels=st.sampled_from([0, 500]),
    back_off=st.integers(1, 8),
)
HOURS = st.integers(0, 24 * 80).map(lambda hours: MARCH + timedelta(hours=hours))
ANY_DECIDED = st.builds(
    Decided, window=st.builds(week, st.integers(-4, 9)), action=st.sampled_from(Action), as_of=HOURS
)
ANY_CANDIDATE = st.builds(Candidate, as_of=HOURS, was_released=st.booleans())
ANY_PAST = st.fixed_dictionaries(
    {
        "windows": st.lists(ANY_WINDOW, min_size=1, max_size=8),
        "retrain": ANY_RULES,
        "decided": st.lists(ANY_DECIDED, max_size=5),
        "candidates": st.lists(ANY_CANDIDATE, max_size=5),
        "new_labels": st.none() | st.integers(0, 2000),
        "as_of": HOURS,
    }
)


def asked(past: dict, action: Action = Action.RETRAIN) -> list[datetime]:
    return [one.as_of for one in past["decided"] if one.action is action]


@settings(deadline=None, max_examples=60)
@given(ANY_PAST)
def test_what_must_hold_of_every_retraining(past: dict) -> None:
    decision = decide(**past, live=LIVE)
    assert decision.reasons
    if decision.action is Action.WAIT:
        return
    as_of, rules = past["as_of"], past["retrain"]
    newest = max(past["windows"], key=WindowFacts.age)
    assert ACT in (newest.drift, newest.performance) or WARN in (newest.drift, newest.performance)
    assert (newest.source, newest.version) == ("fresh", "1")
    assert all(one.window.end <= newest.window.end for one in past["decided"])
    assert all(as_of - at >= rules.cool_down for at in asked(past))
    assert as_of > LIVE.data_cut_off
    assert past["new_labels"] is None or past["new_labels"] >= rules.min_labels
    most, period = int(rules.at_most.split()[0]), {"day": DAY, "week": WEEK, "month": 30 * DAY}
    assert sum(at > as_of - period[rules.at_most.split()[-1]] for at in asked(past)) < most


@settings(deadline=None, max_examples=60)
@given(ANY_PAST, st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_does_not_matter(past: dict, random: object) -> None:
    mixed = {name: list(value) if isinstance(value, list) else value for name, value in past.items()}
    for name in ("windows", "decided", "candidates"):
        random.shuffle(mixed[name])
    assert decide(**mixed, live=LIVE) == decide(**past, live=LIVE)


@settings(deadline=None, max_examples=60)
@given(ANY_PAST, ANY_DECIDED)
def test_another_retraining_asked_for_never_makes_one_more_likely(past: dict, one_more: Decided) -> None:
    more = past | {"decided": [*past["decided"], Decided(one_more.window, Action.RETRAIN, one_more.as_of)]}
    if decide(**past, live=LIVE).action is Action.WAIT:
        assert decide(**more, live=LIVE).action is Action.WAIT


@settings(deadline=None, max_examples=60)
@given(ANY_PAST)
def test_an_unwell_source_or_nothing_live_never_retrains(past: dict) -> None:
    newest = max(past["windows"], key=WindowFacts.age)
    others = [one for one in past["windows"] if one.window != newest.window]
    unwell = WindowFacts(newest.window, ACT, ACT, labelled=900, version="1", source="stale")
    assert decide(**past | {"windows": [*others, unwell]}, live=LIVE).action is Action.WAIT
    assert decide(**past, live=None).action is Action.WAIT


@settings(deadline=None, max_examples=60)
@given(ANY_PAST)
def test_a_newest_window_that_is_ok_waits_and_says_one_thing_of_the_windows(past: dict) -> None:
    newest = max(past["windows"], key=WindowFacts.age)
    others = [one for one in past["windows"] if one.window != newest.window]
    fine = WindowFacts(newest.window, OK, OK, version="1")
    decision = decide(**past | {"windows": [*others, fine]}, live=LIVE)
    assert decision.action is Action.WAIT
    assert decision.reasons[0] == "the window is not violated: drift OK, performance OK"
