"""One clock: the only place that decides which instant a run pretends it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta


def resolve_as_of(
    *,
    form: datetime | None,
    signals: Sequence[datetime],
    interval_end: datetime | None,
    run_date: datetime,
) -> datetime:
    """Return the run's ``as_of`` in UTC: form, else newest retrain signal, else interval end, else run date."""
    newest = max(map(in_utc, signals), default=None)
    chosen = form or newest or interval_end or run_date
    return in_utc(chosen)


def parse(text: str) -> datetime:
    """Return an ISO 8601 instant in UTC; a date or a time without zone is taken as UTC.

    Raises ValueError naming the text when it is not ISO 8601.
    """
    try:
        return in_utc(datetime.fromisoformat(text))
    except ValueError:
        raise ValueError(f"as_of {text!r} is not ISO 8601, for example 2013-03-18 or 2013-03-18T06:00:00Z") from None


def in_utc(instant: datetime) -> datetime:
    """Return ``instant`` in UTC; one without a zone is taken as UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def iso(instant: datetime) -> str:
    """Return the one text form used in digests and files, for example ``2013-03-18T00:00:00Z``."""
    return in_utc(instant).isoformat().replace("+00:00", "Z")


def told(instant: datetime) -> str:
    """Return the form for sentences: ``2013-03-18`` for a midnight, else ``2013-03-18 06:00 UTC``."""
    return f"{in_utc(instant):%Y-%m-%d %H:%M} UTC".removesuffix(" 00:00 UTC")


def floor(instant: datetime, step: timedelta) -> datetime:
    """Return the latest multiple of ``step`` since 1970 (UTC) that is not after ``instant``."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (in_utc(instant) - epoch) // step * step


def ticks(schedule: str, start: datetime) -> Iterator[datetime]:
    """Yield the instants of a cron expression (UTC) from ``start`` on, which counts if it is one; without end."""
    from croniter import croniter  # type: ignore[import-untyped]

    following = croniter(schedule, in_utc(start) - timedelta(seconds=1))
    while True:
        yield in_utc(following.get_next(datetime))
