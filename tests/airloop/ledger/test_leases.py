"""Leases: one run at a time, a retry goes on, the dead are taken over."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from airloop.errors import LostRace
from airloop.ledger import Ledger


def test_a_second_run_is_told_who_releases(ledger: Ledger) -> None:
    ledger.take_lease("flights", "local", "first", seconds=60)
    with pytest.raises(LostRace, match=rf"flights on local: run 'first' is releasing \(process: .* pid {os.getpid()} "):
        ledger.take_lease("flights", "local", "second", seconds=60)
    assert ledger.take_lease("churn", "local", "second", seconds=60).token == 1


def test_a_retry_of_the_same_run_takes_it_over_and_the_old_holder_notices(ledger: Ledger) -> None:
    old = ledger.take_lease("flights", "local", "run", seconds=60)
    new = ledger.take_lease("flights", "local", "run", seconds=60)
    ledger.renew_lease(new, seconds=60)
    with pytest.raises(LostRace, match="flights on local: run 'run' took over from run 'run'"):
        ledger.renew_lease(old, seconds=60)
    ledger.give_lease_back(old)
    with pytest.raises(LostRace):
        ledger.take_lease("flights", "local", "other", seconds=60)


def test_a_lease_given_back_or_over_is_free(ledger: Ledger) -> None:
    ledger.give_lease_back(ledger.take_lease("flights", "local", "first", seconds=60))
    second = ledger.take_lease("flights", "local", "second", seconds=-1)
    third = ledger.take_lease("flights", "local", "third", seconds=60)
    assert (second.token, third.token) == (2, 3)


def test_a_lease_can_be_seized(ledger: Ledger) -> None:
    held = ledger.take_lease("flights", "local", "first", seconds=60)
    ledger.take_lease("flights", "local", "roll back", seconds=60, seize=True)
    with pytest.raises(LostRace, match="run 'roll back' took over from run 'first'"):
        ledger.renew_lease(held, seconds=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says when a process began")
def test_the_lease_of_a_process_that_died_is_free_at_once(ledger: Ledger) -> None:
    take = (
        f"from airloop.ledger import Ledger; Ledger({ledger.url!r}).take_lease('flights', 'local', 'dead', seconds=600)"
    )
    subprocess.run(
        [sys.executable, "-c", take], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert ledger.take_lease("flights", "local", "next", seconds=60).token == 2
