"""Changing what is served: declared, repeatable, all or nothing."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def bundles(workspace, kit):
    return [kit.write_bundle(workspace.store, version) for version in ("1", "2")]


def share(server, kit, count: int = 400) -> float:
    """Return the share of requests that version 2 answers."""
    answers = [server.infer(kit.body_of(pick=[0], identity=f"request-{number}")).json for number in range(count)]
    return sum(answer["model_version"] == "2" for answer in answers) / count


def test_a_state_is_put_and_read_back(server, kit, bundles):
    empty = server.ask("GET", "/admin/pipelines/flights", token=kit.TOKENS.admin).json
    assert empty == {
        "champion": None, "candidate": None, "candidate_percent": 0, "shadow": False, "stats": {},
        "in_flight": 0, "memory_mb": empty["memory_mb"],
    }  # fmt: skip
    champion, candidate = (kit.state_of(bundle) for bundle in bundles)
    answer = server.put(champion=champion, candidate=candidate, candidate_percent=10)
    assert answer.status == 200
    shown = answer.json
    assert (shown["champion"], shown["candidate"]) == (champion, candidate)
    assert (shown["candidate_percent"], shown["shadow"]) == (10, False)
    assert set(shown["stats"]) == {"1", "2"}
    assert set(shown["stats"]["1"]) >= {
        "requests", "failures", "latency_p50_ms", "latency_p99_ms", "shadow_requests", "shadow_largest_difference",
    }  # fmt: skip


def test_versions_answer_by_their_share_and_by_their_name(server, kit, bundles):
    champion, candidate = (kit.state_of(bundle) for bundle in bundles)
    server.put(champion=champion, candidate=candidate, candidate_percent=30)
    assert share(server, kit) == pytest.approx(0.3, abs=0.08)
    for bundle in bundles:
        answer = server.infer(kit.body_of(), version=bundle.version)
        assert (answer.json["model_version"], answer.predictions) == (bundle.version, bundle.golden.expected)
    assert server.infer(kit.body_of(), version="3").error.endswith("Known: 1, 2.")


def test_the_same_request_id_goes_to_the_same_version(server, kit, bundles):
    champion, candidate = (kit.state_of(bundle) for bundle in bundles)
    server.put(champion=champion, candidate=candidate, candidate_percent=50)
    answers = [server.infer(kit.body_of(identity="same")).json["model_version"] for _ in range(10)]
    assert len(set(answers)) == 1


@pytest.mark.parametrize(("percent", "expected"), [(0, 0.0), (100, 1.0)])
def test_nobody_and_everybody_are_exact(server, kit, bundles, percent, expected):
    champion, candidate = (kit.state_of(bundle) for bundle in bundles)
    server.put(champion=champion, candidate=candidate, candidate_percent=percent)
    assert share(server, kit, 50) == expected


def test_putting_the_same_again_changes_nothing_and_a_change_counts_anew(server, kit, bundles):
    state = {"champion": kit.state_of(bundles[0])}
    server.put(**state)
    server.infer(kit.body_of())
    stats = server.put(**state).json["stats"]["1"]
    assert (stats["requests"], stats["rows"], stats["failures"]) == (1, 5, 0)
    assert 0 < stats["latency_p50_ms"] <= stats["latency_p99_ms"]
    shown = server.put(**state, candidate=kit.state_of(bundles[1]), candidate_percent=1).json
    assert shown["stats"]["1"]["requests"] == shown["stats"]["2"]["requests"] == 0


def test_refused_requests_are_not_the_version_s_fault(server, kit, bundles):
    server.put(champion=kit.state_of(bundles[0]))
    server.infer(b"{}")
    assert server.put(champion=kit.state_of(bundles[0])).json["stats"]["1"]["requests"] == 0


def test_failing_feature_code_is_the_version_s_fault(server, workspace, kit):
    source = "def build(frame):\n    assert len(frame) > 1 or frame['stops'].iloc[0] < 9\n    return frame\n"
    hooks = kit.SavedHooks("features.py:build")
    bundle = kit.write_bundle(workspace.store, sources={"features.py": source}, hooks=hooks)
    server.put(champion=kit.state_of(bundle))
    body = kit.body_of(pick=[0])
    next(tensor for tensor in body["inputs"] if tensor["name"] == "stops")["data"] = [9]
    answer = server.infer(body)
    assert answer.status == 422
    assert "features.py:build failed on 1 rows" in answer.error
    stats = server.put(champion=kit.state_of(bundle)).json["stats"]["1"]
    assert (stats["requests"], stats["failures"]) == (1, 1)


def test_what_cannot_be_served_leaves_the_old_state(server, workspace, kit, bundles):
    server.put(champion=kit.state_of(bundles[0]))
    altered = kit.write_bundle(workspace.store, "3")
    (altered.folder / "schema.json").write_bytes((altered.folder / "schema.json").read_bytes() + b" ")
    wrong = kit.write_bundle(workspace.store, "4", expected=[0.5] * 5)
    other = kit.write_bundle(workspace.store, "5", pipeline="other")
    broken = kit.write_bundle(
        workspace.store,
        "6",
        sources={"features.py": "def build(frame):\n    return frame\n"},
        hooks=kit.SavedHooks("features.py:build"),
    )
    (broken.folder / "bundle.json").unlink()
    refused = [
        ({"bundle": "0" * 64, "version": "9"}, "bundle 000000000000 is not in the store"),
        (kit.state_of(altered), "was changed: altered schema.json"),
        (kit.state_of(wrong), "answers golden row"),
        (kit.state_of(other), "is version '5' of 'other', not version '5' of 'flights'"),
        (kit.state_of(bundles[1]) | {"version": "1"}, "is version '2' of 'flights', not version '1' of 'flights'"),
        ({"bundle": broken.digest, "version": "6"}, "was changed: missing bundle.json"),
    ]
    for wanted, reason in refused:
        answer = server.put(champion=wanted)
        assert answer.status == 422
        assert reason in answer.error
        assert server.infer(kit.body_of()).predictions == bundles[0].golden.expected


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        (b"{", 400, "the state cannot be read: Input data was truncated"),
        ({"champion": {"bundle": "x"}}, 400, "the state cannot be read: Object missing required field `version`"),
        ({"champoin": None}, 400, "the state cannot be read: Object contains unknown field `champoin`"),
        ({"candidate_percent": 10}, 400, "candidate_percent and shadow need a candidate"),
        (
            {"candidate": {"bundle": "x", "version": "1"}, "candidate_percent": 101},
            400,
            "the state cannot be read: Expected",
        ),
    ],
)
def test_a_state_that_makes_no_sense_is_refused(server, kit, state, status, reason):
    answer = server.ask("PUT", "/admin/pipelines/flights", state, token=kit.TOKENS.admin)
    assert (answer.status, answer.error.startswith(reason)) == (status, True), answer.error


def test_one_version_from_two_bundles_is_a_conflict(server, workspace, kit, bundles):
    same = kit.write_bundle(workspace.store, "1", rounds=7)
    answer = server.put(champion=kit.state_of(bundles[0]), candidate=kit.state_of(same), candidate_percent=5)
    assert (answer.status, answer.error) == (
        409,
        "champion and candidate are both version '1'; answers could not be told apart",
    )


def test_several_pipelines_do_not_disturb_each_other(server, workspace, kit, bundles):
    other = kit.write_bundle(workspace.store, "7", pipeline="trains")
    server.put(champion=kit.state_of(bundles[0]))
    server.put("trains", champion=kit.state_of(other))
    assert server.infer(kit.body_of(), name="trains").json["model_version"] == "7"
    assert server.ask("DELETE", "/admin/pipelines/trains", token=kit.TOKENS.admin).json["champion"] is None
    assert server.ask("DELETE", "/admin/pipelines/trains", token=kit.TOKENS.admin).status == 200
    assert server.infer(kit.body_of(), name="trains").status == 404
    assert server.infer(kit.body_of()).predictions == bundles[0].golden.expected


def test_a_first_candidate_without_a_champion_answers_what_it_may(server, kit, bundles):
    server.put(candidate=kit.state_of(bundles[0]), candidate_percent=0)
    answer = server.infer(kit.body_of())
    assert (answer.status, answer.error) == (503, "the pipeline has no champion yet; release one")
    assert server.infer(kit.body_of(), version="1").status == 200
    server.put(candidate=kit.state_of(bundles[0]), candidate_percent=10)
    assert server.infer(kit.body_of()).status == 200


def test_shadow_answers_are_compared_and_never_returned(server, kit, bundles):
    champion, candidate = (kit.state_of(bundle) for bundle in bundles)
    server.put(champion=champion, candidate=candidate, shadow=True)
    for row in range(5):
        assert server.infer(kit.body_of(pick=[row])).json["model_version"] == "1"
    server.run(server.process.shadow.drain())
    shown = server.ask("GET", "/admin/pipelines/flights", token=kit.TOKENS.admin).json
    stats = shown["stats"]["2"]
    assert (stats["requests"], stats["shadow_requests"], stats["shadow_failures"]) == (0, 5, 0)
    pairs = zip(bundles[0].golden.expected, bundles[1].golden.expected, strict=True)
    assert stats["shadow_largest_difference"] == pytest.approx(max(abs(one - two) for one, two in pairs))
    assert shown["stats"]["1"]["shadow_requests"] == 0


def test_a_shadow_that_fails_is_counted_and_a_full_queue_drops(server, workspace, kit, bundles):
    narrow = kit.Schema(kit.SCHEMA.inputs[:4], kit.SCHEMA.features, "binary", ("0", "1"))
    candidate = kit.write_bundle(workspace.store, "3", schema=narrow, facts={"private": ()})
    server.put(champion=kit.state_of(bundles[0]), candidate=kit.state_of(candidate), shadow=True)
    server.infer(kit.body_of())
    server.run(server.process.shadow.drain())
    server.process.shadow.most_copies = 0
    server.infer(kit.body_of())
    stats = server.ask("GET", "/admin/pipelines/flights", token=kit.TOKENS.admin).json["stats"]["3"]
    assert (stats["shadow_requests"], stats["shadow_failures"], stats["shadow_dropped"]) == (1, 1, 1)


def test_metrics_tell_requests_rows_and_durations(server, kit, bundles):
    server.put(champion=kit.state_of(bundles[0]))
    server.infer(kit.body_of())
    server.infer(b"{}")
    text = server.ask("GET", "/metrics").body.decode()
    for line in (
        'airloop_requests_total{pipeline="flights",status="200",version="1"} 1.0',
        'airloop_requests_total{pipeline="flights",status="400",version="1"} 1.0',
        'airloop_rows_total{pipeline="flights",version="1"} 5.0',
        'airloop_request_seconds_count{pipeline="flights",version="1"} 1.0',
        'airloop_request_seconds_bucket{le="+Inf",pipeline="flights",version="1"} 1.0',
        "airloop_in_flight 1.0",
    ):
        assert line in text.splitlines()


def test_admin_bodies_are_json(server, kit):
    body = json.dumps({"champion": None}).encode()
    headers = [(b"content-type", b"text/yaml")]
    answer = server.ask("PUT", "/admin/pipelines/flights", body, token=kit.TOKENS.admin, headers=headers)
    assert answer.status == 415


def test_several_pipelines_are_told_in_one_answer(server, kit, bundles):
    server.put(champion=kit.state_of(bundles[0]))
    asked = server.ask("GET", "/admin/pipelines?names=flights,trains", token=kit.TOKENS.admin)
    told = asked.json["pipelines"]
    assert list(told) == ["flights", "trains"]
    assert told["flights"]["champion"] == kit.state_of(bundles[0])
    assert told["trains"]["champion"] is None
    assert server.ask("GET", "/admin/pipelines", token=kit.TOKENS.admin).json == {"pipelines": {}}
    assert server.ask("GET", "/admin/pipelines?names=flights", token=kit.TOKENS.infer).status == 403
    assert server.ask("PUT", "/admin/pipelines?names=flights", token=kit.TOKENS.admin).status == 405
