from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from airloop.ledger import Ledger
from airloop.spec.model import Notify
from airloop_airflow import cool_down


@pytest.fixture
def ledger(tmp_path):
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


def notify(**more):
    return Notify(**{"notifier": "log", "cool_down": timedelta(hours=1)} | more)


def test_the_same_event_waits_for_the_cool_down(ledger):
    assert cool_down.take_turn(ledger, "parcels", "failed", notify())
    assert cool_down.take_turn(ledger, "parcels", "failed", notify()) is None
    assert cool_down.take_turn(ledger, "parcels", "failed", notify(cool_down=timedelta(0)))


def test_another_event_pipeline_or_notifier_does_not_wait(ledger):
    assert cool_down.take_turn(ledger, "parcels", "failed", notify())
    assert cool_down.take_turn(ledger, "parcels", "stale", notify())
    assert cool_down.take_turn(ledger, "letters", "failed", notify())
    assert cool_down.take_turn(ledger, "parcels", "failed", notify(notifier="webhook", args={"url": "https://a"}))
    assert cool_down.take_turn(ledger, "parcels", "failed", notify(notifier="webhook", args={"url": "https://b"}))


def test_what_nobody_was_told_does_not_count(ledger):
    turn = cool_down.take_turn(ledger, "parcels", "failed", notify())
    cool_down.give_back(ledger, turn, notify())
    assert cool_down.take_turn(ledger, "parcels", "failed", notify())
    assert cool_down.take_turn(ledger, "parcels", "failed", notify()) is None


def test_of_many_at_once_one_tells(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledgers = [Ledger(url) for _ in range(8)]
    assert ledgers[0].entries("parcels") == []
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(lambda each: cool_down.take_turn(each, "parcels", "failed", notify()), ledgers))
    assert len([turn for turn in turns if turn]) == 1


def test_the_ledger_keeps_no_secret(ledger):
    secret = notify(notifier="webhook", args={"url": "https://hooks.example.com/T0/very-secret"})
    assert cool_down.take_turn(ledger, "parcels", "failed", secret)
    [entry] = ledger.entries("parcels", cool_down.KIND)
    assert "very-secret" not in repr(entry) and entry.payload["notifier"] == "webhook"
