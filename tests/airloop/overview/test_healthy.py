"""How well a pipeline is, and the one line that says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from airloop.overview.healthy import Wanted, health, is_stale
from airloop.overview.known import Known, Measured
from airloop.overview.shapes import LastVerdict, Mark, Pause, Version

NOW = datetime(2013, 5, 6, 12, tzinfo=UTC)
WANTED = Wanted(drift_warn=0.1, drift_act=0.25, fresh_within=timedelta(days=14))
CHAMPION = Version(
    version="4", generation=4, target="local", since=NOW - timedelta(days=3), first_live=NOW - timedelta(days=3),
    data_cut_off=NOW - timedelta(days=4), kind="release", bundle="b" * 64,
)  # fmt: skip


def mark(level, value=None, *, reasons=(), days=7, start=datetime(2013, 4, 22, tzinfo=UTC)):
    end = start + timedelta(days=days)
    return Mark(window="w", start=start, end=end, level=level, value=value, reasons=reasons)


def performed(level, value, *, version="4", act=0.681, warn=0.7):
    measured = Measured("roc_auc", value, warn, act, version)
    return {"performance": mark(level, value, reasons=("roc_auc is worse",)), "measured": measured}


def judged(outcome, became=""):
    return LastVerdict(
        version="5", outcome=outcome, as_of=NOW, recorded_at=NOW, reasons=("0.03 worse",), number=None, became=became
    )


WELL = Known(champion=CHAMPION, **performed("OK", 0.712), drift=(mark("OK", 0.04),), drifted="4")


@pytest.mark.parametrize(
    ("changed", "how", "says"),
    [
        ({}, "well", "roc_auc 0.712, drift of 0.04 in the week of 22 April"),
        (performed("ACT", 0.642), "act", "roc_auc 0.642 in the week of 22 April: act limit 0.681"),
        (performed("WARN", 0.695), "watch", "roc_auc 0.695 in the week of 22 April: warn limit 0.7"),
        (performed("ACT", 0.642, act=None), "act", "performance in the week of 22 April: roc_auc is worse"),
        ({"drift": (mark("ACT", 0.31),)}, "act", "drift of 0.31 in the week of 22 April: act limit 0.25"),
        ({"drift": (mark("WARN", 0.14),)}, "watch", "drift of 0.14 in the week of 22 April: warn limit 0.1"),
        ({"drift": (mark("ACT", reasons=("a moved",)),)}, "act", "drift in the week of 22 April: a moved"),
        ({"drift": (mark("ACT", 0.31), mark("OK", 0.05))}, "well",
         "roc_auc 0.712, drift of 0.05 in the week of 22 April"),
        ({"unanswered": "2013-04-22T00:00:00Z/2013-04-29T00:00:00Z"}, "act",
         "a training was asked for after what was seen in the week of 22 April, and no run answers"),
        ({"verdict": judged("PROMOTE", "rolled back"), "ended": "10 %: 14 of 203 failed"}, "act",
         "the rollout of version 5 was rolled back: 10 %: 14 of 203 failed"),
        ({"verdict": judged("REJECT")}, "well", "roc_auc 0.712, drift of 0.04 in the week of 22 April"),
        ({"verdict": judged("HOLD")}, "well", "roc_auc 0.712, drift of 0.04 in the week of 22 April"),
        ({"verdict": judged("PROMOTE", "refused")}, "well", "roc_auc 0.712, drift of 0.04 in the week of 22 April"),
        ({"pause": Pause(by="ann", reason="prices are wrong", since=NOW)}, "watch",
         "releases are paused by ann since 6 May: prices are wrong"),
        ({"drift": (mark("INCONCLUSIVE", reasons=("312 rows are too few",)),)}, "watch",
         "drift cannot be told in the week of 22 April: 312 rows are too few"),
        ({"performance": None, "measured": None}, "well", "drift of 0.04 in the week of 22 April"),
        ({"performance": None, "measured": None, "drift": ()}, "well",
         "version 4 is live; no window of it was looked at yet"),
    ],
)  # fmt: skip
def test_what_is_known_says_how_well_it_is(changed, how, says):
    assert health(replace(WELL, **changed), WANTED, NOW) == (how, says)


def test_performance_is_named_before_drift():
    both = replace(WELL, **performed("ACT", 0.642), drift=(mark("ACT", 0.4),))
    assert health(both, WANTED, NOW)[1].startswith("roc_auc 0.642")
    assert health(replace(both, **performed("WARN", 0.695)), WANTED, NOW)[1].startswith("drift of 0.4")


def test_a_window_of_a_version_that_is_not_live_any_more_is_answered():
    before = replace(WELL, **performed("ACT", 0.642, version="3"), drift=(mark("ACT", 0.4),), drifted="3")
    assert health(before, WANTED, NOW) == ("well", "version 4 is live; no window of it was looked at yet")


def test_a_roll_back_is_a_worry_until_the_next_release():
    said = "rolled back from version 5 to version 4"
    back = msgspec.structs.replace(CHAMPION, kind="roll_back", by="ann", reasons=(said,))
    assert health(replace(WELL, champion=back), WANTED, NOW) == ("act", f"{said} by ann on 3 May")


def test_a_champion_is_stale_from_the_wanted_age_on():
    later = CHAMPION.first_live + timedelta(days=14)
    assert not is_stale(WELL, WANTED, later - timedelta(seconds=1))
    assert is_stale(WELL, WANTED, later)
    assert health(WELL, WANTED, later) == ("watch", "version 4 is live since 3 May: a newer one is wanted within 14d")
    assert not is_stale(WELL, replace(WANTED, fresh_within=None), later)


@pytest.mark.parametrize(("days", "how"), [(1, "well"), (2.9, "well"), (3.1, "watch")])
def test_a_monitoring_that_stopped_is_told_after_three_missed_runs(days, how):
    """The first run that is missed comes at 06:00 on the next day."""
    watched = replace(WELL, looked_at=datetime(2013, 5, 3, 13, tzinfo=UTC))
    daily = replace(WANTED, schedule="0 6 * * *", wait=timedelta(hours=1))
    found = health(watched, daily, watched.looked_at + timedelta(days=days))
    assert found[0] == how
    if how == "watch":
        assert found[1] == "no window was looked at since 3 May: it is wanted daily at 06:00 UTC"


def test_a_monitoring_by_hand_or_once_a_month_is_not_missed_in_a_week():
    later = NOW + timedelta(days=7)
    assert health(replace(WELL, looked_at=NOW), WANTED, later)[0] == "well"
    assert health(replace(WELL, looked_at=NOW), replace(WANTED, schedule="0 6 1 * *"), later)[0] == "well"


def test_nothing_released_is_new_and_says_what_the_last_candidate_came_to():
    assert health(Known(), WANTED, NOW) == ("new", "nothing was judged yet")
    held = "nothing was released yet; version 5 was judged HOLD: 0.03 worse"
    assert health(Known(verdict=judged("HOLD")), WANTED, NOW) == ("new", held)
    refused = "nothing was released yet; version 5 was judged PROMOTE, not approved"
    assert health(Known(verdict=judged("PROMOTE", "not approved")), WANTED, NOW) == ("new", refused)


def test_a_description_that_cannot_be_read_comes_before_everything_else():
    problem = "pipeline.yaml:3 gates: unknown key\npipeline.yaml:9 name: is missing"
    known = replace(WELL, **performed("ACT", 0.642))
    assert health(known, None, NOW, problem) == ("broken", "pipeline.yaml:3 gates: unknown key")


def test_a_very_long_reason_is_cut_at_a_word():
    how, says = health(replace(WELL, drift=(mark("ACT", reasons=("column " * 100,)),)), WANTED, NOW)
    assert how == "act"
    assert len(says) <= 242
    assert says.endswith("column …")
