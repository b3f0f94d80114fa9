"""Requests across swaps and roll backs: none is lost, none is answered by another version than it says."""

from __future__ import annotations

import json
import threading

import pytest

pytestmark = pytest.mark.slow


def hammer(served, kit, expected: dict, requests: int, clients: int, changes: list[dict]) -> dict[str, int]:
    """Ask while the state changes; return how many requests each version answered."""
    counts: dict[str, int] = {}
    problems: list[str] = []
    lock = threading.Lock()
    asked = threading.Semaphore(0)

    def ask(number: int) -> None:
        with served.http() as client:
            for place in range(requests // clients):
                row, identity = place % 5, f"{number}-{place}"
                body = json.dumps(kit.body_of(identity=identity, pick=[row]))
                answer = client.post("/v2/models/flights/infer", content=body)
                value = answer.json()
                version = value.get("model_version")
                right = answer.status_code == 200 and value["id"] == identity
                if not right or kit.predictions(value) != [expected[version][row]]:
                    problems.append(answer.text)
                with lock:
                    counts[version] = counts.get(version, 0) + 1
                asked.release()

    threads = [threading.Thread(target=ask, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    admin = served.client()
    for state in changes:
        for _ in range(requests // (len(changes) + 1)):
            asked.acquire()
        admin.put_state("flights", state)
    for thread in threads:
        thread.join()
    assert problems == []
    return counts


@pytest.mark.parametrize("requests", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_request_is_lost_or_answered_by_the_wrong_version(start, workspace, kit, requests):
    one, two, three = (kit.write_bundle(workspace.store, version) for version in ("1", "2", "3"))
    champion, candidate, third = (kit.state_of(bundle) for bundle in (one, two, three))
    served = start("--no-recall")
    served.client().put_state("flights", {"champion": champion})
    changes = [
        {"champion": champion, "candidate": candidate, "candidate_percent": 50},
        {"champion": candidate},
        {"champion": candidate, "candidate": third, "candidate_percent": 10},
        {"champion": third},
        {"champion": champion},  # a roll back
    ]
    expected = {bundle.version: bundle.golden.expected for bundle in (one, two, three)}
    counts = hammer(served, kit, expected, requests, 4, changes)
    assert sum(counts.values()) == requests
    assert set(counts) == {"1", "2", "3"}
    assert served.stop() == 0
