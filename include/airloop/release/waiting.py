"""Waiting that is bounded, told, and never waits for what is dead: the only place of a release that reads a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from airloop.errors import LostRace, Unreachable
from airloop.ledger import Lease, Ledger

T = TypeVar("T")
Report = Callable[[str], None]
"""Takes a line that a person can follow."""


@dataclass(frozen=True)
class Pace:
    """How often things are looked at and told, in seconds, and the clock they are timed by."""

    look_every_s: float = 1.0
    tell_every_s: float = 10.0
    lease_s: float = 60.0
    """A run that shows no life for so long may be taken over."""
    silence_s: float = 60.0
    """How long a target may be silent, for example while its server starts again."""
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


DEFAULT_PACE = Pace()


@dataclass
class Hold:
    """The lease on a pipeline and target, kept alive while something is waited for."""

    ledger: Ledger
    lease: Lease
    pace: Pace
    report: Report
    _renewed: float = field(default=0.0, init=False)
    _told: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._renewed = self.pace.now()

    def wait(self) -> None:
        """Let one look's time pass. Raises LostRace when another run took over."""
        self.pace.sleep(self.pace.look_every_s)
        if self.pace.now() - self._renewed >= self.pace.lease_s / 4:
            self.renew()

    def renew(self) -> None:
        """Show life. Raises LostRace when another run took over."""
        self.ledger.renew_lease(self.lease, seconds=self.pace.lease_s)
        self._renewed = self.pace.now()

    def tell(self, line: str, *, at_once: bool = False) -> None:
        """Report ``line``, but no more often than the pace says unless ``at_once``."""
        if at_once or self.pace.now() - self._told >= self.pace.tell_every_s:
            self.report(line)
            self._told = self.pace.now()

    def answered(self, call: Callable[[], T]) -> T:
        """Return what ``call`` returns, again while a target is silent. Raises Unreachable after ``silence_s``."""
        until = self.pace.now() + self.pace.silence_s
        while True:
            try:
                return call()
            except Unreachable as error:
                if self.pace.now() >= until:
                    raise
                self.tell(f"no answer, trying again: {error}")
                self.wait()


@contextmanager
def holding(
    ledger: Ledger, pipeline: str, target: str, run_id: str, *, pace: Pace, report: Report, longest_s: float
) -> Iterator[Hold]:
    """Give the lease; wait up to ``longest_s`` for a living run that has it. 0 takes it away from that run.

    Raises LostRace naming the run when it still has the lease then.
    """
    lease = _taken(ledger, pipeline, target, run_id, pace=pace, report=report, longest_s=longest_s)
    hold = Hold(ledger, lease, pace, report)
    try:
        yield hold
    finally:
        # A ledger that is down keeps the lease until its time is over, which is what the lease has a time for.
        with suppress(Unreachable):
            ledger.give_lease_back(lease)


def _taken(
    ledger: Ledger, pipeline: str, target: str, run_id: str, *, pace: Pace, report: Report, longest_s: float
) -> Lease:
    until, told = pace.now() + longest_s, float("-inf")
    while True:
        try:
            return ledger.take_lease(pipeline, target, run_id, seconds=pace.lease_s, seize=longest_s == 0)
        except LostRace as error:
            if pace.now() >= until:
                raise
            if pace.now() - told >= pace.tell_every_s:
                report(f"waiting: {error}")
                told = pace.now()
            pace.sleep(pace.look_every_s)
