from __future__ import annotations

import subprocess

import pytest

from airloop.laptop.supervisor import LONGEST_PAUSE_S, Part


@pytest.fixture
def part():
    """A part that has ended, started at 0 s."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return Part("model-server", ["true"], process, started=0.0)


def pause_after(part, now):
    """Return the seconds that a part which ends at ``now`` waits, and start it again then."""
    part.due = None
    part.is_due(now)
    pause = part.due - now
    part.started = part.due
    return pause


def test_a_part_that_ends_starts_again_at_once(part):
    assert part.is_due(10.0)


def test_a_part_that_soon_ends_again_waits_longer_each_time_but_never_for_long(part):
    now, pauses = 1.0, []
    for _ in range(7):
        pauses.append(pause_after(part, now))
        now += pauses[-1] + 1
    assert pauses == [0, 2, 6, 14, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_waiting_does_not_count_as_ending_again(part):
    pause_after(part, 1.0)
    part.due = None
    looks = [part.is_due(now) for now in (2.0, 2.5, 3.0, 3.5, 4.0, 4.5)]
    assert looks == [False, False, False, False, True, True]
    assert part.deaths == 2


def test_a_part_that_was_well_for_a_minute_starts_again_at_once(part):
    for now in (1.0, 4.0, 9.0):
        pause_after(part, now)
    assert pause_after(part, 100.0) == 0
