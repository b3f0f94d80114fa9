"""Triggers as the triggerer runs them: made anew from what they serialise, any number of times."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from airflow.serialization.serialized_objects import BaseSerialization

from airloop.clock import iso
from airloop.errors import DataError, Unreachable
from airloop.refs import PredictionsArrived
from airloop_airflow.triggers import Arrival, LabelsArrival, PredictionsArrival
from airloop_airflow.watching import Look

pytestmark = pytest.mark.slow


FOUND = PredictionsArrived(
    start=datetime(2013, 3, 17, tzinfo=UTC),
    end=datetime(2013, 3, 18, tzinfo=UTC),
    as_of=datetime(2013, 3, 18, tzinfo=UTC),
    rows=7,
    is_enough=True,
)


def now():
    return datetime.now(UTC)


def after(seconds: float) -> str:
    return iso(now() + timedelta(seconds=seconds))


class Scripted(Arrival):
    """A trigger whose looks find, one after the other, what is in ``finds``: a final look or not, or an error."""

    def __init__(self, *finds: bool | Exception, look_in: float = 0, until_in: float = 60) -> None:
        super().__init__(pipeline="parcels", look_at=after(look_in), until=after(until_in))
        self.finds = list(finds)
        self.threads: set[int] = set()

    def look(self, now: datetime) -> Look[PredictionsArrived]:
        self.threads.add(threading.get_ident())
        found = self.finds.pop(0)
        if isinstance(found, Exception):
            raise found
        return Look(FOUND, found, again_at=now, until=now)


def events(trigger: Arrival) -> list[dict[str, str]]:
    async def all_of_it() -> list[dict[str, str]]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(asyncio.wait_for(all_of_it(), 20))


def test_a_final_look_wakes_the_task_once():
    trigger = Scripted(False, True)
    assert events(trigger) == [{"error": ""}]
    assert trigger.finds == []


def test_looks_are_made_beside_the_triggerers_loop():
    """One that takes long must not keep other triggers from running."""
    trigger = Scripted(True)
    events(trigger)
    assert len(trigger.threads) == 1 and threading.get_ident() not in trigger.threads


def test_the_end_of_the_waiting_wakes_the_task_whatever_was_found():
    started = time.monotonic()
    assert events(Scripted(False, False, False, until_in=1.2)) == [{"error": ""}]
    assert 1 < time.monotonic() - started < 5


def test_one_that_goes_on_after_the_end_looks_no_more():
    """A triggerer that was down for long: the task looks for itself."""
    assert events(Scripted(look_in=-100, until_in=-1)) == [{"error": ""}]


def test_a_store_that_is_away_is_asked_again_until_the_end(capsys):
    trigger = Scripted(Unreachable("the store is away"), until_in=1.2)
    assert events(trigger) == [{"error": ""}]
    assert "the store is away; looking again" in capsys.readouterr().out


def test_what_cannot_heal_is_told_at_once():
    trigger = Scripted(DataError("column 'late' is gone"), until_in=60)
    assert events(trigger) == [{"error": "DataError: column 'late' is gone"}]


@pytest.mark.parametrize(
    "trigger",
    [
        PredictionsArrival(pipeline="parcels", as_of="2013-03-18T00:00:00Z", look_at="2013-03-18T01:00:00Z", until="x"),
        LabelsArrival(pipeline="parcels", predictions=FOUND.model_dump_json(), look_at="y", until="z"),
    ],
)
def test_another_triggerer_makes_the_same_trigger_again(trigger):
    """By the whole name of its class, which every triggerer can import, and by JSON."""
    from airflow._shared.module_loading import import_string

    path, arguments = BaseSerialization.deserialize(BaseSerialization.serialize(trigger.serialize()))
    assert path.startswith("airloop_airflow.triggers.")
    again = import_string(path)(**arguments)
    assert again.serialize() == trigger.serialize()
    assert type(again) is type(trigger)
