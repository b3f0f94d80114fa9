"""Whatever a client sends, the answer is a prediction or a 4xx with a reason, never a 5xx."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        "/v2/models/flights/infer",
        "/v2/models/flights/versions/1/infer",
        "/v2/models/flights",
        "/admin/pipelines/flights",
    ]
) | st.text(alphabet="/abc.%v2modelsinferé \x00", max_size=30).map(lambda text: "/" + text)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])


def check(answer) -> None:
    assert 200 <= answer.status < 500, (answer.status, answer.body)
    if answer.status >= 400:
        assert answer.json.keys() == {"error"} and len(answer.error) > 10


@pytest.fixture(scope="module")
def fuzzed(fixed):
    return fixed[0]


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(body=st.binary(max_size=200))
def test_bytes(fuzzed, body):
    answer = fuzzed.infer(body)
    assert answer.status == 400
    check(answer)


@FUZZ
@given(value=JSON)
def test_json(fuzzed, value):
    check(fuzzed.infer(json.dumps(value).encode()))


@FUZZ
@given(data=st.data())
def test_requests_with_one_thing_replaced(fuzzed, kit, data):
    body = kit.body_of(identity="x")
    tensor = data.draw(st.sampled_from(body["inputs"]))
    tensor[data.draw(st.sampled_from(["name", "shape", "datatype", "data", "parameters"]))] = data.draw(JSON)
    body[data.draw(st.sampled_from(["id", "outputs", "parameters", "more"]))] = data.draw(JSON)
    check(fuzzed.infer(json.dumps(body).encode()))


@FUZZ
@given(data=st.data())
def test_requests_with_one_value_replaced(fuzzed, kit, data):
    body = kit.body_of()
    values = data.draw(st.sampled_from(body["inputs"]))["data"] = list(kit.ROWS["distance"])
    times = st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
    values[data.draw(st.integers(0, 4))] = data.draw(JSON | times)
    check(fuzzed.infer(json.dumps(body).encode()))


@FUZZ
@given(method=METHODS, path=PATHS, value=JSON)
def test_paths_and_methods(fuzzed, kit, method, path, value):
    token = kit.TOKENS.infer if path.startswith("/admin") and method in ("PUT", "DELETE") else kit.TOKENS.admin
    answer = fuzzed.ask(method, path, value, token=token)
    assert 200 <= answer.status < 500, (answer.status, answer.body)


@FUZZ
@given(
    name=st.sampled_from([b"content-type", b"content-length", b"content-encoding", b"authorization", b"x"]),
    value=st.binary(max_size=20),
)
def test_headers(fuzzed, kit, name, value):
    answer = fuzzed.infer(
        kit.body_of(), headers=[(name, value)], token=None if name == b"authorization" else "infer-token"
    )
    check(answer)
