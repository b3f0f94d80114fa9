"""What reaches the endpoint when a past is sent, and what is said when it does not."""

from __future__ import annotations

import threading

import pandas as pd
import pytest

from airloop import clock
from airloop.errors import Unreachable
from airloop.replay import Pace, Replay, ReplayFailed
from airloop.serving.refusal import Refusal

pytestmark = pytest.mark.slow


def send_all(replay: Replay, **given) -> Replay:
    with replay:
        assert replay.send(replay.end, **given)
    return replay


def refuse_heavy(body):
    """Answer 422 where a row of a request weighs more than 8."""
    weights = next(each["data"] for each in body["inputs"] if each["name"] == "weight")
    heavy = [weight for weight in weights if weight is not None and weight > 8]
    return (422, {"error": "too heavy"}) if heavy else (200, {"model_version": "1"})


def test_rows_come_in_the_order_of_their_events_without_the_label(open_replay, endpoint, parcels):
    replay = send_all(open_replay())
    wanted = parcels[parcels["sent_at"] < "2026-03-03"].sort_values("sent_at", kind="stable", ignore_index=True)
    sent = endpoint.sent
    assert list(sent.columns) == ["sent_at", "weight", "stops", "carrier", "fragile"]
    assert pd.to_datetime(sent["sent_at"]).tolist() == wanted["sent_at"].tolist()
    assert sent["weight"].astype(float).round(9).equals(wanted["weight"].round(9))
    assert sent["stops"].astype("Int64").equals(wanted["stops"])
    assert sent["carrier"].tolist() == wanted["carrier"].tolist()
    assert (replay.tally.rows, replay.tally.refused, replay.tally.versions) == (80, 0, {"1": 80})


def test_the_same_again_has_the_same_ids_and_another_seed_has_others(open_replay, endpoint):
    for seed in (0, 0, 1):
        send_all(open_replay(seed=seed))
    third = len(endpoint.ids) // 3
    first, second, other = (endpoint.ids[part * third : (part + 1) * third] for part in range(3))
    assert first == second
    assert len(set(first)) == third and not set(first) & set(other)


def test_where_it_is_cut_changes_no_row(open_replay, endpoint):
    with open_replay() as replay:
        assert replay.send(clock.parse("2026-03-01T09:30:00Z"))
        assert endpoint.sent["sent_at"].max() < "2026-03-01T09:30"
        assert replay.send(clock.parse("2026-03-02T00:00:00Z"), batch=1)
        assert replay.send(replay.end)
    assert len(endpoint.sent) == 80
    assert endpoint.sent["sent_at"].is_monotonic_increasing


def test_a_share_is_the_same_sample_of_a_day_in_every_period(open_replay, endpoint):
    send_all(open_replay(share=0.5, seed=4))
    both = endpoint.sent
    endpoint.bodies.clear()
    send_all(open_replay("2026-03-02", share=0.5, seed=4))
    second = both[both["sent_at"] >= "2026-03-02"].reset_index(drop=True)
    assert 10 < len(second) < 30
    assert endpoint.sent.equals(second)


def test_several_at_once_lose_and_double_nothing(open_replay, endpoint):
    replay = send_all(open_replay(at_once=4, batch=3))
    assert replay.tally.rows == len(endpoint.sent) == 80
    assert len(set(endpoint.ids)) == len(endpoint.ids)


def test_of_a_request_that_is_refused_only_the_wrong_rows_are(open_replay, endpoint, parcels):
    endpoint.answer = refuse_heavy
    replay = send_all(open_replay(batch=40))
    heavy = int((parcels[parcels["sent_at"] < "2026-03-03"]["weight"] > 8).sum())
    assert heavy > 3
    assert (replay.tally.refused, replay.tally.answered) == (heavy, 80 - heavy)
    assert replay.tally.reasons == {"too heavy": heavy}


def test_a_server_that_is_away_for_a_moment_gets_the_same_request_again(open_replay, endpoint):
    answers = iter([(503, {"error": "starting"}), (503, {"error": "starting"})])
    endpoint.answer = lambda body: next(answers, (200, {"model_version": "1"}))
    replay = send_all(open_replay(batch=40))
    assert endpoint.ids[0] == endpoint.ids[1] == endpoint.ids[2]
    assert replay.tally.rows == 80


def test_a_server_that_stays_away_ends_it(open_replay, endpoint):
    endpoint.answer = lambda body: (503, {"error": "gone"})
    with open_replay(patience_s=0.1) as replay, pytest.raises(Unreachable, match="cannot do it now: gone"):
        replay.send(replay.end)


def test_a_token_that_is_taken_away_is_no_refused_row(open_replay, endpoint):
    endpoint.answer = lambda body: (401, {"error": "the token is wrong"})
    with open_replay() as replay, pytest.raises(Refusal, match="the token is wrong"):
        replay.send(replay.end)
    assert replay.tally.refused == 0


def test_it_ends_where_it_is_told_to_and_goes_on_from_there(open_replay, endpoint):
    stop = threading.Event()
    with open_replay(batch=1) as replay:
        assert not replay.send(replay.end, stop=stop, report=lambda tally: stop.set() if tally.rows == 10 else None)
        assert 10 <= len(endpoint.bodies) < 15
        assert replay.send(replay.end)
    assert len(endpoint.sent) == 80 and endpoint.sent["sent_at"].is_monotonic_increasing


def test_a_rate_is_kept(open_replay, endpoint):
    import time

    began = time.monotonic()
    send_all(open_replay(batch=20), pace=Pace(rate=200))
    assert 0.3 <= time.monotonic() - began < 5, "60 of 80 rows come before the last request"


def test_without_anything_live_it_says_what_to_do(open_replay, endpoint):
    endpoint.about = (404, {"error": "unknown model"})
    with (
        pytest.raises(ReplayFailed, match=r"parcels: nothing is live .* `python -m airloop run parcels`"),
        open_replay(),
    ):
        pass


def test_a_period_without_rows_names_the_nearest(open_replay):
    with pytest.raises(ReplayFailed, match=r"no rows from 2026-05-01.*nearest rows are of 2026-03-04"):
        open_replay("2026-05-01", "2026-05-02").__enter__()


def test_a_period_that_ends_before_it_begins_is_refused(open_replay):
    with pytest.raises(ReplayFailed, match="begins at 2026-03-02T00:00:00Z and ends at 2026-03-01T00:00:00Z"):
        open_replay("2026-03-02", "2026-03-01").__enter__()


def test_a_column_that_the_model_wants_and_the_data_lacks_is_named(open_replay, endpoint):
    endpoint.inputs.append(("height", "FP64", "number"))
    with open_replay() as replay, pytest.raises(ReplayFailed, match="asks for height, which the data has not"):
        replay.send(replay.end)
