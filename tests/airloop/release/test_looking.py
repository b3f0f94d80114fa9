"""What targets serve, asked by somebody who only looks: it agrees with the target, and starts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from airloop.errors import Unreachable
from airloop.release.looking import on_docker, on_local
from airloop.release.target import Observed, Placed, State
from airloop.serving.tokens import read_or_make

from .conftest import workspace_in
from .docker_rig import DockerRig
from .rigs import LocalRig


def bare(state: State) -> State:
    """Return the state without images."""
    champion, candidate = (one and replace(one, image="") for one in (state.champion, state.candidate))
    return replace(state, champion=champion, candidate=candidate)


def test_a_gateway_that_is_not_there_is_not_started(tmp_path):
    workspace = workspace_in(tmp_path, AIRLOOP_GATEWAY_ADMIN="http://127.0.0.1:1")
    read_or_make(tmp_path)
    with pytest.raises(Unreachable, match=r"the gateway at http://127\.0\.0\.1:1 does not say who serves flights"):
        on_docker(workspace, "flights", timeout_s=1)


def test_without_tokens_it_is_said_that_nothing_was_started(tmp_path):
    with pytest.raises(Unreachable, match="there are no tokens in"):
        on_local(workspace_in(tmp_path), ["flights"], timeout_s=1)


@pytest.fixture(scope="module")
def docker_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRig]:
    with closing(DockerRig(tmp_path_factory.mktemp("docker"))) as rig:
        yield rig


@pytest.mark.docker
@pytest.mark.timeout(300)
def test_containers_are_seen_through_the_gateway_as_the_target_sees_them(docker_rig):
    one, two, _ = (Placed(made.digest, made.version, made.image) for made in docker_rig.bundles)
    target, workspace = docker_rig.target, docker_rig.workspace
    for state in (State(one), State(one, two, 10), State(one, two, 0, shadow=True)):
        target.apply("flights", state)
        docker_rig.send(20)
        seen, known = on_docker(workspace, "flights", timeout_s=5), target.observe("flights")
        assert bare(known.state) == bare(state)
        assert (seen.state, seen.champion.requests) == (bare(known.state), known.champion.requests)
        assert seen.candidate.requests == known.candidate.requests
    assert on_docker(workspace, "trains", timeout_s=5) == Observed(State())
    docker_rig.server("2").kill()
    assert on_docker(workspace, "flights", timeout_s=5).state == State(bare(State(one)).champion)


@pytest.fixture(scope="module")
def local_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRig]:
    with closing(LocalRig(tmp_path_factory.mktemp("local"))) as rig:
        yield rig


@pytest.mark.slow
def test_the_model_server_tells_of_all_at_once_what_the_target_sees_of_each(local_rig):
    one, two, _ = (Placed(made.digest, made.version) for made in local_rig.bundles)
    local_rig.target.apply("flights", State(one, two, 50))
    local_rig.send(10)
    seen = on_local(local_rig.workspace, ["flights", "trains"], timeout_s=5)
    assert seen == {"flights": local_rig.target.observe("flights"), "trains": Observed(State())}


@pytest.mark.slow
def test_a_server_that_takes_other_tokens_says_so(local_rig, tmp_path):
    read_or_make(tmp_path)
    other = replace(local_rig.workspace, home=tmp_path)
    with pytest.raises(Unreachable, match="says 401: the token is wrong"):
        on_local(other, ["flights"], timeout_s=5)
