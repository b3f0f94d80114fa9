"""Requests that go on while something else is done."""

from __future__ import annotations

import time

import pytest

from airloop.errors import Unreachable
from airloop.replay import Traffic


def until(is_true, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_rows_go_on_one_by_one_and_the_rest_is_sent_afterwards(open_replay, endpoint):
    with open_replay(batch=20) as replay:
        with Traffic(replay) as traffic:
            until(lambda: len(endpoint.bodies) >= 3)
            traffic.hurry()
            until(lambda: len(endpoint.bodies) >= 20)
        sent = len(endpoint.bodies)
        assert {len(body["inputs"][0]["data"]) for body in endpoint.bodies} == {1}
        assert replay.send(replay.end)
    assert sent < 80 and len(endpoint.sent) == replay.tally.rows == 80
    assert endpoint.sent["sent_at"].is_monotonic_increasing


def test_a_server_that_goes_away_is_told_at_the_end(open_replay, endpoint):
    endpoint.answer = lambda body: (503, {"error": "gone"})
    with open_replay(patience_s=0.0) as replay, pytest.raises(Unreachable, match="gone"), Traffic(replay):
        until(lambda: endpoint.bodies)


def test_a_failure_of_what_is_done_meanwhile_is_the_one_that_counts(open_replay, endpoint):
    endpoint.answer = lambda body: (503, {"error": "gone"})
    with open_replay(patience_s=0.0) as replay, pytest.raises(ZeroDivisionError), Traffic(replay):
        until(lambda: endpoint.bodies)
        _ = 1 / 0
