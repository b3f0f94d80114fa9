"""The gateway before the real model server, in the image and under the limits of production."""

from __future__ import annotations

import importlib.util
import json
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from airloop import images
from airloop.engine import server_container
from airloop.gateway import Route, Upstream
from airloop.serving.refusal import Refusal
from airloop.serving.tokens import Tokens, read_or_make
from airloop.spec.model import Serving

pytestmark = pytest.mark.docker

MODELS = Path(__file__).parents[1] / "serving" / "conftest.py"


@pytest.fixture(scope="module")
def models():
    """What makes small real bundles."""
    described = importlib.util.spec_from_file_location("bundles_of_serving", MODELS)
    module = importlib.util.module_from_spec(described)
    sys.modules[module.__name__] = module
    described.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def granted(stack) -> Tokens:
    return read_or_make(stack.workspace.home)


@pytest.fixture(scope="module")
def real(stack, models, granted) -> Iterator[list]:
    """Two versions of a model, each as bundle and upstream, in containers."""
    image = images.base(stack.workspace).reference
    made, containers = [], []
    for version in ("1", "2"):
        bundle = models.write_bundle(stack.workspace.store, version, facts={"log_predictions": False})
        name = f"{stack.workspace.prefix}-real-{version}"
        about = server_container.Server(name, "flights", version, bundle.digest, image)
        given = server_container.arguments(stack.workspace, Serving(log_predictions=False), about, granted)
        place = {"Type": "bind", "Source": str(bundle.folder), "Target": server_container.BUNDLE, "ReadOnly": True}
        given["mounts"] = [*given["mounts"], place]
        containers.append(stack.client.containers.create(**given))
        containers[-1].start()
        made.append((bundle, Upstream(name, bundle.digest, version, image)))
    for (_, upstream), container in zip(made, containers, strict=True):
        with stack.gateway.server(upstream.server) as server:
            until = time.monotonic() + 60
            while not server.ready():
                container.reload()
                assert container.status == "running" and time.monotonic() < until, container.logs().decode()
                time.sleep(0.05)
    yield made
    for container in containers:
        container.remove(force=True)


def infer(stack, models, granted, row: int) -> dict:
    body = json.dumps(models.body_of(pick=[row])).encode()
    status, said = stack.ask(body=body, authorization=f"Bearer {granted.infer}", content_type="application/json")
    assert status == 200, said
    return said


def test_answers_of_a_shadow_are_compared_with_the_champion_s_by_the_request(stack, models, granted, real):
    (one, champion), (two, candidate) = real
    stack.gateway.put("flights", Route(champion, candidate, shadow=True))
    with stack.gateway.server(champion.server) as first, stack.gateway.server(candidate.server) as second:
        for server in (first, second):
            server.recount("flights")
        assert {infer(stack, models, granted, number % 5)["model_version"] for number in range(50)} == {"1"}
        for _ in range(100):
            stats = second.get_state("flights")["stats"]["2"]
            if stats["shadow_requests"] == 50:
                break
            time.sleep(0.05)
        assert (stats["requests"], stats["shadow_requests"], stats["shadow_failures"]) == (0, 50, 0)
        state = first.get_state("flights")
        assert (state["stats"]["1"]["requests"], state["in_flight"]) == (50, 0)
        assert 10 < state["memory_mb"] < 200
        answers, copies = first.answers("flights"), second.answers("flights")
        assert len(answers) == 50 and answers.keys() == copies.keys()
        found = {round(abs(answers[name][0] - copies[name][0]), 9) for name in answers}
        expected = np.abs(np.array(one.golden.expected) - np.array(two.golden.expected))
        assert found == {round(float(value), 9) for value in expected}
        second.recount("flights")
        assert (second.answers("flights"), second.get_state("flights")["stats"]["2"]["shadow_requests"]) == ({}, 0)


def test_both_versions_answer_their_share_and_say_who_they_are(stack, models, granted, real):
    (one, champion), (two, candidate) = real
    stack.gateway.put("flights", Route(champion, candidate, 50))
    expected = {"1": one.golden.expected, "2": two.golden.expected}
    seen = set()
    for number in range(60):
        said = infer(stack, models, granted, number % 5)
        seen.add(said["model_version"])
        assert said["outputs"][0]["data"] == [expected[said["model_version"]][number % 5]]
    assert seen == {"1", "2"}


def test_tokens_are_asked_for_at_both_doors(stack, models, granted, real):
    (_, champion), _ = real
    stack.gateway.put("flights", Route(champion))
    body = json.dumps(models.body_of()).encode()
    assert stack.ask(body=body)[0] == 401
    assert stack.ask(body=body, authorization=f"Bearer {secrets.token_hex()}")[0] == 401
    with stack.gateway.server(champion.server, granted.infer) as server:
        assert server.ready()
        with pytest.raises(Refusal, match="this token may predict, not administer"):
            server.get_state("flights")


def test_a_body_beyond_the_limit_gets_a_reason_and_one_within_it_an_answer(stack, models, granted, real):
    (_, champion), _ = real
    stack.gateway.put("flights", Route(champion))
    token = f"Bearer {granted.infer}"
    refused = {"error": "the body is larger than 16,000,000 bytes. Send fewer rows in a request"}
    assert stack.ask(body=b" " * 16_000_001, authorization=token) == (413, refused)
    body = json.dumps(models.body_of()).encode()
    assert stack.ask(body=body + b" " * (16_000_000 - len(body)), authorization=token)[0] == 200
