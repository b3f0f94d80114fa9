from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from airloop.replay.pace import Metronome, Pace

FIRST = datetime(2013, 3, 18, tzinfo=UTC)


class Watch(threading.Event):
    """A clock that jumps ahead instead of letting anybody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return False


@pytest.mark.parametrize(
    ("pace", "wanted"),
    [(Pace(), [0, 0, 0]), (Pace(rate=10), [0, 5, 10]), (Pace(speed_up=3600), [0, 1, 24])],
)
def test_requests_are_sent_when_they_are_due(pace, wanted):
    watch = Watch()
    metronome = Metronome(pace, now=lambda: watch.now)
    sent = []
    for rows, hours in ((0, 0), (50, 1), (100, 24)):
        metronome.wait(rows, FIRST + timedelta(hours=hours), watch)
        sent.append(watch.now - 100)
    assert sent == pytest.approx(wanted)


def test_one_that_is_late_is_sent_at_once():
    watch = Watch()
    metronome = Metronome(Pace(rate=10), now=lambda: watch.now)
    metronome.wait(0, FIRST, watch)
    watch.now += 60
    metronome.wait(50, FIRST, watch)
    assert watch.now == 160
