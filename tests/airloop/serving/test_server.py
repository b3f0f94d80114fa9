"""The server as its clients see it."""

from __future__ import annotations

import pytest

def test_golden(shared, kit):
    served, workspace, bundle = shared
    answer = served.http().post("/v2/models/flights/infer", json=kit.body_of(identity="x"))
    assert answer.status_code == 200, answer.text
    print(answer.text, bundle.golden.expected)
    print(served.log.read_text())
    print(served.http().get('/metrics').text)
    print(served.client().get_state('flights'))
