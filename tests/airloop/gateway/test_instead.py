"""What a candidate does not answer the champion answers instead, with a real nginx: once, whole, and told apart."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from airloop.gateway import Route

pytestmark = pytest.mark.docker

BODY = b'{"large": "%b"}' % (b"x" * 300_000)
"""More than nginx keeps in memory."""


@pytest.fixture
def serve(stack):
    """Starts servers that are gone after the test."""
    made = []

    def start(*given, **more):
        made.append(stack.serve(*given, **more))
        return made[-1]

    yield start
    stack.gateway.put("flights", Route())
    for upstream in made:
        stack.client.containers.get(upstream.server).remove(force=True)


def instead(seen: list[dict]) -> int:
    """Return how many requests came because the candidate did not answer."""
    return sum(one["headers"].get("x-airloop-instead") == "1" for one in seen)


@pytest.mark.parametrize("status", [400, 413, 415, 422, 500, 502, 503, 504])
def test_a_candidate_that_fails_costs_no_request(stack, servers, serve, status):
    one, _ = servers
    bad = serve(f"fails-{status}", "3", status=status)
    before = len(stack.seen_by(one))
    stack.gateway.put("flights", Route(one, bad, 100))
    for _ in range(5):
        assert stack.ask("/v2/models/flights/infer?a=%20b", BODY)[1]["server"] == one.server
    asked, answered = stack.seen_by(bad), stack.seen_by(one)[before:]
    assert instead(asked) == 0 and instead(answered) == 5
    assert [each["body"] for each in asked] == [each["body"] for each in answered] == [BODY.decode()] * 5
    assert {each["path"] for each in (*asked, *answered)} == {"/v2/models/flights/infer?a=%20b"}


def test_a_candidate_that_is_gone_costs_no_request(stack, servers, serve):
    one, _ = servers
    bad = serve("is-gone", "3")
    stack.client.containers.get(bad.server).kill()
    stack.gateway.put("flights", Route(one, bad, 100))
    assert [stack.answered_by() for _ in range(20)] == ["one"] * 20
    assert instead(stack.seen_by(one)[-20:]) == 20


def test_only_the_candidate_s_share_goes_on_to_the_champion(stack, servers, serve):
    one, _ = servers
    bad = serve("fails-its-share", "3", status=422)
    before = len(stack.seen_by(one))
    stack.gateway.put("flights", Route(one, bad, 50))
    assert Counter(stack.answered_by() for _ in range(60)) == {"one": 60}
    answered = stack.seen_by(one)[before:]
    assert len(answered) == 60, "each is counted by the champion once"
    assert 0 < instead(answered) == len(stack.seen_by(bad)) < 60


@pytest.mark.parametrize("percent", [0, 50, 100])
def test_what_the_client_did_wrong_is_said_by_the_champion_once(stack, serve, percent):
    refusing, bad = serve("refuses", "1", status=422), serve("refuses-too", "2", status=400)
    stack.gateway.put("flights", Route(refusing, bad, percent))
    for _ in range(20):
        status, said = stack.ask()
        assert (status, said["server"]) == (422, refusing.server)
    assert len(stack.seen_by(refusing)) == 20
    assert instead(stack.seen_by(refusing)) == len(stack.seen_by(bad))


@pytest.mark.parametrize("status", [401, 405])
def test_who_asks_and_how_is_the_client_s_own(stack, servers, serve, status):
    one, _ = servers
    stack.gateway.put("flights", Route(one, serve("wants-a-token", "3", status=status), 100))
    before = len(stack.seen_by(one))
    assert stack.ask()[0] == status
    assert len(stack.seen_by(one)) == before


def test_a_version_that_is_asked_by_name_answers_for_itself(stack, servers, serve):
    one, _ = servers
    bad = serve("by-name", "3", status=422)
    stack.gateway.put("flights", Route(one, bad, 50))
    status, said = stack.ask("/v2/models/flights/versions/3/infer")
    assert (status, said["server"]) == (422, bad.server)


def test_when_both_are_gone_it_is_said(stack, serve):
    one, two = serve("first-gone"), serve("second-gone", "2")
    for upstream in (one, two):
        stack.client.containers.get(upstream.server).kill()
    stack.gateway.put("flights", Route(one, two, 100))
    assert stack.ask() == (503, {"error": "no server of that name or model answers"})


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"%x\r\n%b\r\n" % (1_600_000, b"x" * 1_600_000) * 11, b"413", b"larger than 16,000,000 bytes"),
        (b"4\r\n{   \r\nno chunk\r\n", b"400", b"the body cannot be read: it is not sent as its headers say"),
    ],
    ids=["too-large", "no-body"],
)
def test_what_nginx_refuses_is_asked_of_nobody(stack, servers, sent, status, said):
    stack.gateway.put("flights", Route(*servers, 100))
    before = [len(stack.seen_by(one)) for one in servers]
    address = urlsplit(stack.workspace.gateway_url)
    with closing(socket.create_connection((address.hostname, address.port), timeout=30)) as asking:
        asking.sendall(b"POST /v2/models/flights/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        asking.sendall(sent)
        told = asking.makefile("rb").read()
    assert told.split()[1] == status and said in told
    assert before == [len(stack.seen_by(one)) for one in servers]
