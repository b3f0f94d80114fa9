"""Rules of a description in words: gates, and when something runs. Light, so that pages can say them, too."""

from __future__ import annotations

import calendar

from airloop.reports import wording
from airloop.spec.gates import LIMIT_WORDS, AnyGate, ChampionGate, LimitGate, SliceGate

_PRESETS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}
_DAYS = [name.upper() for name in calendar.day_abbr]


def rule_of(gate: AnyGate) -> str:
    """Return a gate in words, for example ``roc_auc at least 0.62``."""
    if isinstance(gate, ChampionGate):
        return _versus(gate)
    if isinstance(gate, LimitGate):
        limits = ((*LIMIT_WORDS[name], most) for name, most in gate.limits().items())
        return ", ".join(f"{what} at most {wording.number(most)} {unit}" for what, unit, most in limits)
    bounds = [f"at least {wording.number(gate.min, 6)}"] if gate.min is not None else []
    bounds += [f"at most {wording.number(gate.max, 6)}"] if gate.max is not None else []
    where = f" in every {gate.slices}" if isinstance(gate, SliceGate) else ""
    return f"{gate.metric}{where} {' and '.join(bounds)}"


def _versus(gate: ChampionGate) -> str:
    if gate.min_gain > 0:
        return f"{gate.metric} better than the champion's, by {wording.number(gate.min_gain)} at least"
    margin = f"at most {wording.number(gate.margin)} worse than" if gate.margin else "no worse than"
    return f"{gate.metric} {margin} the champion's"


def schedule_of(cron: str | None) -> str:
    """Return a schedule in words, for example ``Mondays at 06:00 UTC``; "" without one.

    Of an expression that is not hourly, daily, weekly or monthly the expression itself is what is said.
    """
    if cron is None:
        return ""
    minute, hour, date, month, weekday = _PRESETS.get(cron, cron if len(cron.split()) == 5 else "- - - - -").split()
    if not minute.isdigit() or month != "*":
        return f"{cron} (cron, UTC)"
    at = f"at {int(hour):02}:{int(minute):02} UTC" if hour.isdigit() else ""
    match (hour, date, weekday):
        case ("*", "*", "*"):
            return "every hour" if minute == "0" else f"every hour, {minute} minutes past"
        case (_, "*", "*") if at:
            return f"daily {at}"
        case (_, "*", _) if at and (days := _days(weekday)):
            return f"{days} {at}"
        case (_, _, "*") if at and date.isdigit():
            return f"on day {date} of each month {at}"
    return f"{cron} (cron, UTC)"


def _days(weekday: str) -> str:
    """Return ``Mondays`` or ``Mondays and Fridays``, "" for ranges and steps."""
    numbers = [_DAYS.index(word) if word in _DAYS else _number(word) for word in weekday.upper().split(",")]
    names = [f"{calendar.day_name[number]}s" for number in numbers if number is not None]
    if len(names) < len(numbers):
        return ""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(word: str) -> int | None:
    """Return the day's place from Monday on; cron counts from Sunday, which is 0 and 7."""
    return (int(word) - 1) % 7 if word.isdigit() and int(word) <= 7 else None
