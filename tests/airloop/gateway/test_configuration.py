"""The configuration as text: made of routes, and read back."""

from __future__ import annotations

import pytest

from airloop.errors import BundleError
from airloop.gateway import Route, Upstream, read, render

ONE = Upstream("air-flights-one", "bundle-1", "1", "sha256:1")
TWO = Upstream("air-flights-two", "bundle-2", "2", "sha256:2")
ROUTES = {
    "empty": Route(),
    "flights": Route(ONE, TWO, 10),
    "shadowed": Route(ONE, TWO, shadow=True),
    "first": Route(candidate=TWO, candidate_percent=50),
    "waiting": Route(candidate=TWO),
    "whole": Route(ONE, TWO, 100),
}


def location(text: str, where: str) -> str:
    """Return the lines of one location."""
    start = text.index(f"location {where} {{")
    return text[start : text.index("\n        }\n", start)]


def test_routes_are_read_back_as_they_were():
    text = render(ROUTES, stack="air")
    assert read(text).routes == ROUTES
    assert render(read(text).routes, stack="air") == text


def test_the_same_routes_have_the_same_name_and_others_another():
    one = read(render(ROUTES, stack="air"))
    assert read(render(dict(reversed(ROUTES.items())), stack="air")).name == one.name
    assert f'"configuration":"{one.name}"' in render(ROUTES, stack="air")
    others = [
        render({**ROUTES, "flights": Route(ONE, TWO, 11)}, stack="air"),
        render(ROUTES, stack="other"),
        render(ROUTES, stack="air", keeps_alive=True),
    ]
    assert len({one.name, *(read(text).name for text in others)}) == 4


def test_shares_are_split_by_the_request():
    text = render(ROUTES, stack="air")
    assert "split_clients $airloop_id $airloop_flights_split { 10% candidate; * champion; }" in text
    asked = location(text, "= /v2/models/flights/infer")
    assert "if ($airloop_flights_split = candidate) { rewrite ^ /-/candidate/flights last; }" in asked
    assert "proxy_pass http://airloop_flights_champion;" in asked


@pytest.mark.parametrize("pipeline", ["flights", "whole"])
def test_a_candidate_has_the_champion_behind_it(pipeline):
    text = render(ROUTES, stack="air")
    asked = location(text, f"= /-/candidate/{pipeline}")
    assert "internal;" in asked and f"http://airloop_{pipeline}_candidate$request_uri" in asked
    assert f"error_page 415 422 500 502 503 504 = @airloop_{pipeline}_instead;" in asked
    assert f"error_page 413 = $airloop_{pipeline}_large;" in asked
    behind = location(text, f"@airloop_{pipeline}_instead")
    assert 'X-Airloop-Instead "1"' in behind and f"http://airloop_{pipeline}_champion$request_uri" in behind
    assert "error_page" not in behind
    assert text.count('X-Airloop-Instead "1"') == 2


@pytest.mark.parametrize(
    ("pipeline", "role"),
    [("first", "candidate"), ("shadowed", "champion")],
)
def test_a_version_alone_has_nobody_behind_it(pipeline, role):
    text = render(ROUTES, stack="air")
    assert f"proxy_pass http://airloop_{pipeline}_{role};" in text
    assert f"$airloop_{pipeline}_split" not in text and f"airloop_{pipeline}_instead" not in text


def test_a_candidate_with_all_requests_gets_them_without_a_split():
    text = render(ROUTES, stack="air")
    asked = location(text, "= /v2/models/whole/infer")
    assert "            rewrite ^ /-/candidate/whole last;" in asked
    assert "$airloop_whole_split" not in text


@pytest.mark.parametrize("pipeline", ["empty", "waiting"])
def test_without_a_champion_nobody_answers(pipeline):
    text = render(ROUTES, stack="air")
    assert "return 503" in location(text, f"/v2/models/{pipeline}/")
    assert f"= /v2/models/{pipeline}/infer" not in text


def test_only_a_shadow_is_mirrored_and_compared():
    text = render(ROUTES, stack="air")
    assert text.count("mirror /-/shadow/") == 1
    assert 'X-Airloop-Compare "$request_id"' in location(text, "= /v2/models/shadowed/infer")
    assert 'X-Airloop-Compare ""' in location(text, "= /v2/models/flights/infer")
    copy = location(text, "= /-/shadow/shadowed")
    assert 'X-Airloop-Shadow "1"' in copy and "internal;" in copy and "http://airloop_shadowed_shadow" in copy


def test_connections_of_clients_stay_open_only_where_no_reload_closes_them():
    assert "keepalive_timeout 0;" in render({}, stack="air")
    assert "keepalive_timeout 5s; keepalive_min_timeout 5s;" in render({}, stack="air", keeps_alive=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Upstream("a b", "x", "1"), "gateway: server 'a b' is not allowed: a letter or digit"),
        (lambda: Upstream("../x", "x", "1"), "server '../x' is not allowed"),
        (lambda: Upstream("x", "x", '1"; }'), "version '1\"; }' is not allowed"),
        (lambda: Route(ONE, TWO, 101), "candidate_percent 101 is not allowed: 0 to 100"),
        (lambda: Route(ONE, shadow=True), "candidate_percent and shadow need a candidate"),
        (lambda: render({"a/b": Route(ONE)}, stack="air"), "pipeline 'a/b' is not allowed: a small letter"),
    ],
)
def test_what_could_not_stand_in_a_configuration_is_refused(make, said):
    with pytest.raises(BundleError) as refused:
        make()
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["", "events {}\n", "# name x\n# route [1]\n", "# name x\n# route nonsense\n"])
def test_a_text_that_is_no_configuration_says_what_to_do(text):
    with pytest.raises(BundleError, match=r"not written by Airloop, or was damaged: .*Remove the gateway's container"):
        read(text)
