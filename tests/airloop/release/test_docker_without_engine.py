"""What the Docker target says, and how it compares answers, where there is no engine to ask."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.transport import unixconn

from airloop.engine.server_container import name_of
from airloop.errors import BundleError, Unreachable
from airloop.release import target_of
from airloop.release.answers import Largest, largest_difference
from airloop.release.docker import DockerTarget
from airloop.release.evidence import Traffic
from airloop.release.target import Placed, State

from .conftest import pipeline_with, workspace_in

ONE, TWO = Placed("1" * 64, "1", "sha256:" + "1" * 64), Placed("2" * 64, "2", "sha256:" + "2" * 64)


@pytest.fixture
def target(tmp_path: Path) -> DockerTarget:
    return DockerTarget(workspace_in(tmp_path, AIRLOOP_GATEWAY="http://gate:8900/"), pipeline_with(tmp_path).spec)


def test_the_specs_word_names_the_target(tmp_path: Path) -> None:
    spec = pipeline_with(tmp_path).spec
    docker = spec.model_copy(update={"release": spec.release.model_copy(update={"target": "docker"})})
    assert [target_of(workspace_in(tmp_path), one).name for one in (spec, docker)] == ["local", "docker"]


def test_the_endpoint_is_behind_the_gateway(target: DockerTarget) -> None:
    assert target.endpoint("flights") == "http://gate:8900/v2/models/flights/infer"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Close what docker-py leaves open where nobody answers: the collector may find it in any later test."""
    opened: list[socket.socket] = []

    class Kept(socket.socket):
        def __init__(self, *args: int) -> None:
            super().__init__(*args)
            opened.append(self)

    with monkeypatch.context() as patched:
        patched.setattr(unixconn.socket, "socket", Kept)
        yield opened
    for one in opened:
        one.close()


def test_a_silent_engine_is_named(
    target: DockerTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: list[socket.socket]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Unreachable, match=r"the Docker engine does not do it.*DOCKER_HOST"):
        target.observe("flights")
    with pytest.raises(Unreachable, match=r"the Docker engine does not do it.*DOCKER_HOST"):
        target.apply("flights", State(ONE))
    assert len(closed) == 2


def test_a_version_without_an_image_is_refused_before_anything_is_asked(target: DockerTarget) -> None:
    with pytest.raises(BundleError, match=r"bundle 1{12} has no image.*release.target docker. Nothing was changed"):
        target.apply("flights", State(Placed(ONE.bundle, "1")))


def test_two_bundles_of_one_version_are_refused_before_anything_is_asked(target: DockerTarget) -> None:
    with pytest.raises(BundleError, match=r"both version '1'.*Nothing was changed"):
        target.apply("flights", State(ONE, Placed(TWO.bundle, "1", TWO.image), 10))


def test_the_path_of_every_socket_fits(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path, AIRLOOP_PREFIX="a-stack-of-our-own")
    name = name_of(workspace, "p" * 63, ONE.image)
    assert len(name) == 80 and name.startswith("a-stack-of-our-own-ppp") and name.endswith("p-111111111111")
    assert name_of(workspace, "flights", ONE.image) == "a-stack-of-our-own-flights-111111111111"


def test_answers_are_compared_by_request() -> None:
    champion = {"a": [0.5, 0.25], "b": [0.1], "only here": [9.0]}
    assert largest_difference(champion, {"a": [0.5, 0.5], "b": [0.0], "only there": [7.0]}) == 0.25
    assert largest_difference(champion, {"c": [0.5]}) == 0.0
    assert largest_difference({"a": [[0.1, 0.9]]}, {"a": [[0.4, 0.6]]}) == pytest.approx(0.3)
    assert largest_difference({"a": [0.5, 0.5]}, {"a": [0.5]}) == math.inf


def test_the_largest_difference_is_remembered_as_long_as_the_state_lasts() -> None:
    largest, shadowed = Largest(), State(ONE, TWO, 0, shadow=True)
    largest.add("flights", shadowed, {"a": [0.5]}, {"a": [0.25]})
    largest.add("flights", shadowed, {"b": [0.5]}, {"b": [0.5]})
    assert largest.on(Traffic(), "flights", shadowed).shadow_largest_difference == 0.25
    assert largest.on(Traffic(), "trains", shadowed).shadow_largest_difference == 0.0
    later = State(ONE, TWO, 10, shadow=True)
    assert largest.on(Traffic(), "flights", later).shadow_largest_difference == 0.0
    largest.add("flights", later, {"a": [0.5]}, {"a": [0.4]})
    assert largest.on(Traffic(), "flights", later).shadow_largest_difference == pytest.approx(0.1)
