"""What a gateway and a release need of a server: copies counted apart, answers kept, counts that begin anew."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from airloop.release.answers import largest_difference
from airloop.serving.answers import Answers

COMPARED = (b"x-airloop-compare", b"request-7")
COPY = (b"x-airloop-shadow", b"1")
BY_CONTENT = (b"x-airloop-compare", b"content")
PORT = 8081
INSTEAD = (b"x-airloop-instead", b"1")


@pytest.fixture
def flights(server, kit, workspace):
    """A server with a champion, and its bundle."""
    bundle = kit.write_bundle(workspace.store)
    assert server.put(champion=kit.state_of(bundle)).status == 200
    return server, bundle


@pytest.fixture
def fragile(server, kit, workspace):
    """A server with a champion whose feature code fails on a request, and that request."""
    source = "def build(frame):\n    assert len(frame) > 1 or frame['stops'].iloc[0] < 9\n    return frame\n"
    hooks = kit.SavedHooks("features.py:build")
    server.put(champion=kit.state_of(kit.write_bundle(workspace.store, sources={"features.py": source}, hooks=hooks)))
    failing = kit.body_of(pick=[0])
    next(tensor for tensor in failing["inputs"] if tensor["name"] == "stops")["data"] = [9]
    return server, failing


def told(server, kit, path: str = "", method: str = "GET"):
    return server.ask(method, f"/admin/pipelines/flights{path}", token=kit.TOKENS.admin)


def test_a_copy_is_answered_and_counted_apart_and_not_logged(logging_server, kit, workspace):
    bundle = kit.write_bundle(workspace.store)
    logging_server.put(champion=kit.state_of(bundle))
    assert logging_server.infer(kit.body_of(), headers=[COPY]).predictions == bundle.golden.expected
    stats = told(logging_server, kit).json["stats"]["1"]
    assert (stats["requests"], stats["rows"], stats["shadow_requests"], stats["shadow_failures"]) == (0, 0, 1, 0)
    assert stats["latency_p50_ms"] > 0
    assert logging_server.process.journal.entries == 0
    logging_server.infer(kit.body_of())
    assert logging_server.process.journal.entries == 1


def test_a_copy_that_fails_counts_as_a_failed_copy(fragile, kit):
    server, failing = fragile
    assert server.infer(failing, headers=[COPY]).status == 422
    assert server.infer(failing).status == 422
    stats = told(server, kit).json["stats"]["1"]
    assert (stats["requests"], stats["failures"]) == (1, 1)
    assert (stats["shadow_requests"], stats["shadow_failures"]) == (1, 1)


def test_answers_that_are_to_be_compared_are_kept_by_their_id(flights, kit):
    server, bundle = flights
    server.infer(kit.body_of(), headers=[COMPARED])
    server.infer(kit.body_of(pick=[1]), headers=[(b"x-airloop-compare", b"request-8"), COPY])
    server.infer(kit.body_of())
    expected = bundle.golden.expected
    assert told(server, kit, "/answers").json == {"answers": {"request-7": expected, "request-8": expected[1:2]}}


def test_a_refused_copy_keeps_no_answer_and_counts_as_a_failed_copy(flights, kit):
    server, _ = flights
    assert server.infer({"inputs": []}, headers=[COMPARED, COPY]).status == 400
    assert told(server, kit, "/answers").json == {"answers": {}}
    stats = told(server, kit).json["stats"]["1"]
    assert (stats["refused"], stats["shadow_requests"], stats["shadow_failures"]) == (1, 1, 1)
    assert (stats["requests"], stats["copied_failures"]) == (0, 0)


def test_an_unanswered_request_that_has_a_copy_is_counted(fragile, kit):
    server, failing = fragile
    for body, status in ((failing, 422), ({"inputs": []}, 400), (kit.body_of(), 200)):
        assert server.infer(body, headers=[COMPARED]).status == status
        assert server.infer(body).status == status
    stats = told(server, kit).json["stats"]["1"]
    assert (stats["requests"], stats["failures"], stats["refused"]) == (4, 2, 2)
    assert (stats["copied_failures"], stats["shadow_requests"], stats["shadow_failures"]) == (2, 0, 0)


def test_what_it_is_asked_instead_of_a_candidate_is_told_apart(fragile, kit):
    server, failing = fragile
    for body, status in ((failing, 422), ({"inputs": []}, 400), (kit.body_of(), 200)):
        assert server.infer(body, headers=[INSTEAD]).status == status
    assert server.infer(kit.body_of()).status == 200
    stats = told(server, kit).json["stats"]["1"]
    assert (stats["requests"], stats["failures"], stats["instead"]) == (3, 1, 2)


def test_counts_begin_anew_and_answers_go(flights, kit):
    server, _ = flights
    server.infer(kit.body_of(), headers=[COMPARED])
    again = told(server, kit, "/recount", "POST")
    assert (again.status, again.json["champion"]["version"], again.json["stats"]["1"]["requests"]) == (200, "1", 0)
    assert told(server, kit, "/answers").json == {"answers": {}}
    server.infer(kit.body_of())
    assert told(server, kit).json["stats"]["1"]["requests"] == 1
    assert 'airloop_rows_total{pipeline="flights",version="1"} 10.0' in server.ask("GET", "/metrics").body.decode()


@pytest.mark.parametrize(("method", "path"), [("POST", "/recount"), ("GET", "/answers")])
def test_only_an_administrator_sees_and_resets_and_only_what_is_served(flights, kit, method, path):
    server, _ = flights
    assert server.ask(method, f"/admin/pipelines/flights{path}").status == 403
    answer = server.ask("PUT", f"/admin/pipelines/flights{path}", token=kit.TOKENS.admin)
    assert (answer.status, answer.headers[b"allow"]) == (405, method.encode())
    refused = server.ask(method, f"/admin/pipelines/fligths{path}", token=kit.TOKENS.admin)
    assert (refused.status, "Did you mean 'flights'?" in refused.error) == (404, True)


def test_the_state_tells_what_is_in_flight_and_how_much_memory_is_held(flights, kit):
    server, _ = flights
    shown = told(server, kit).json
    assert shown["in_flight"] == 0
    assert 10 < shown["memory_mb"] < 10_000
    server.process._metrics.in_flight += 1
    assert told(server, kit).json["in_flight"] == 1


def test_what_comes_by_the_shadow_port_is_a_copy_whatever_it_says(logging_server, kit, workspace):
    bundle = kit.write_bundle(workspace.store)
    logging_server.put(champion=kit.state_of(bundle))
    logging_server.process.app.shadow_port = PORT
    for headers in ([], [(b"x-airloop-shadow", b"0")], [INSTEAD, COMPARED]):
        assert logging_server.infer(kit.body_of(), headers=headers, port=PORT).predictions == bundle.golden.expected
    stats = told(logging_server, kit).json["stats"]["1"]
    assert (stats["requests"], stats["instead"], stats["shadow_requests"], stats["shadow_failures"]) == (0, 0, 3, 0)
    assert logging_server.process.journal.entries == 0
    assert list(told(logging_server, kit, "/answers").json["answers"].values()) == [bundle.golden.expected]
    assert logging_server.infer({"inputs": []}, port=PORT).status == 400
    stats = told(logging_server, kit).json["stats"]["1"]
    assert (stats["shadow_requests"], stats["shadow_failures"], stats["copied_failures"]) == (4, 1, 0)
    logging_server.infer(kit.body_of())
    assert logging_server.process.journal.entries == 1


def test_the_shadow_port_takes_nothing_but_copies(flights, kit):
    server, _ = flights
    server.process.app.shadow_port = PORT
    asked = [("GET", "/v2/health/live"), ("GET", "/metrics"), ("DELETE", "/admin/pipelines/flights")]
    for method, path in [*asked, ("POST", "/v2/models/flights/versions/1/infer"), ("GET", "/v2/models/flights/infer")]:
        refused = server.ask(method, path, kit.body_of(), token=kit.TOKENS.admin, port=PORT)
        assert (refused.status, "this port takes copies of requests for predictions" in refused.error) == (404, True)
    assert server.infer(kit.body_of(), token=None, port=PORT).status == 401
    assert told(server, kit).json["stats"]["1"]["shadow_requests"] == 0


def test_a_request_and_its_copy_meet_by_what_is_in_them(flights, kit, workspace):
    server, bundle = flights
    with closing(kit.InProcess(workspace)) as other:
        other.put(champion=kit.state_of(kit.write_bundle(workspace.store, version="2")))
        other.process.app.shadow_port = PORT
        for body in (kit.body_of(), kit.body_of(pick=[1])):
            server.infer(body, headers=[BY_CONTENT])
            other.infer(body, port=PORT)
        server.infer(kit.body_of(pick=[2]), headers=[BY_CONTENT])
        server.infer(kit.body_of(pick=[3]))
        first, second = (told(each, kit, "/answers").json["answers"] for each in (server, other))
    assert (len(first), len(second), len(first.keys() & second.keys())) == (3, 2, 2)
    assert all(first[name] != second[name] and len(first[name]) == len(second[name]) for name in second)
    assert bundle.golden.expected in first.values()
    assert largest_difference(first, second) == max(
        abs(one - two) for name in second for one, two in zip(first[name], second[name], strict=True)
    )


def test_the_ring_keeps_the_latest_within_both_bounds():
    ring = Answers(most_requests=3, most_values=10)
    for number in range(5):
        ring.add(b"%d" % number, np.full(2, float(number)))
    assert ring.as_json() == {"2": [2.0, 2.0], "3": [3.0, 3.0], "4": [4.0, 4.0]}
    ring.add(b"wide", np.zeros((3, 3)))
    assert ring.as_json() == {"wide": [[0.0] * 3] * 3}
    ring.add(b"wider", np.zeros(11))
    assert list(ring.as_json()) == ["wide"]


def test_an_id_that_comes_again_is_kept_once():
    ring = Answers(most_values=4)
    for value in (1.0, 2.0, 3.0):
        ring.add(b"same", np.full(2, value))
    ring.add(b"other", np.zeros(2))
    assert ring.as_json() == {"same": [3.0, 3.0], "other": [0.0, 0.0]}
