"""Two readers, one meaning: what the fast one accepts, the lenient one accepts as well, with the same values."""

from __future__ import annotations

import json
from random import Random

import pytest

from airloop.features.schema import Input, Schema
from airloop.serving import lenient
from airloop.serving.refusal import Refusal
from airloop.serving.request import Reader, read_id

KINDS = ("number", "integer", "boolean", "text", "time")
SCHEMA = Schema(tuple(Input(f"{kind} {n}", kind, nullable=bool(n)) for kind in KINDS for n in (0, 1)), (), "binary", ())
READER = Reader(SCHEMA, max_rows=4)
SAMPLES = {
    "number": [1.5, 0, -3, 1e308, 2**70, 0.1],
    "integer": [0, -(2**63), 2**63 - 1, 7],
    "boolean": [True, False],
    "text": ["", "a", "\u00e9\u2192"],
    "time": [
        "2013-03-18T06:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-01:00",
        "2013-03-18 06:00Z",
    ],
}
ODD = [
    None,
    True,
    1,
    1.5,
    2.0,
    2**63,
    10**400,
    "",
    "2013-03-18",
    "2013-03-18T06:00:00",
    "x",
    [],
    [1.0],
    ["a"],
    [[1]],
    {},
]
CANONICAL = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "text": "BYTES", "time": "BYTES"}
DATATYPES = ["FP64", "FP32", "INT64", "UINT8", "BOOL", "BYTES", "FP8", None, 3]
SHAPES = [[1], [2], [2, 1], [1, 2], [], [-1], [0], None, "2", [2.0], [True]]


def made(random: Random) -> bytes:
    """Return a request that is right in most places."""
    rows = random.choice([0, 1, 2, 2, 2, 4, 5])
    inputs = []
    for column in SCHEMA.inputs:
        fitting = SAMPLES[column.kind] + [None] * column.nullable
        data = [random.choice(ODD if random.random() < 0.01 else fitting) for _ in range(rows)]
        tensor = {"name": column.name, "datatype": CANONICAL[column.kind], "shape": [rows], "data": data}
        if random.random() < 0.02:
            tensor["datatype"] = random.choice(DATATYPES)
        if random.random() < 0.02:
            tensor["shape"] = random.choice(SHAPES)
        if random.random() < 0.02:
            tensor["parameters"] = random.choice([{}, None, [], {"binary_data_size": 3}, {"a": 1}])
        inputs += [tensor] * random.choices([0, 1, 2], [1, 98, 1])[0]
    if random.random() < 0.3:
        random.shuffle(inputs)
    body = {"inputs": inputs}
    if random.random() < 0.3:
        body["id"] = random.choice(["", "x", None, 4, []])
    if random.random() < 0.1:
        body["outputs"] = random.choice([None, [], [{"name": "probability"}], [{"name": "x"}], 3])
    return json.dumps(body).encode()


def outcome(read) -> tuple:
    """Return what was read, or how it was refused."""
    try:
        return read()
    except Refusal as refusal:
        return refusal.status, refusal.reason


def test_both_readers_say_the_same():
    random = Random(0)
    read = 0
    for _ in range(3000):
        body = made(random)
        fast = outcome(lambda: (lambda found: (found.id, found.rows, found.columns))(READER.read(body)))  # noqa: B023
        assert repr(fast) == repr(outcome(lambda: lenient.read(body, SCHEMA, 4))), body  # noqa: B023
        read += len(fast) == 3
    assert 500 < read < 2500


def test_the_usual_form_takes_the_fast_way(monkeypatch):
    body = {"inputs": []}
    samples = {"number": 1, "integer": 2, "boolean": True, "text": "a", "time": "2013-03-18T06:00:00+01:00"}
    for column in SCHEMA.inputs:
        data = [samples[column.kind], None] if column.nullable else [samples[column.kind]] * 2
        body["inputs"].append({"name": column.name, "datatype": CANONICAL[column.kind], "shape": [2, 1], "data": data})
    monkeypatch.setattr(lenient, "read", None)
    request = READER.read(json.dumps(body).encode())
    assert request.rows == 2
    assert request.columns[0] == [1.0, 1.0]
    assert request.columns[9][1] is None


def test_an_id_is_read_without_the_rest():
    assert read_id(b'{"inputs": [1], "id": "x"}') == "x"
    assert read_id(b'{"inputs": [1]}') is None
    with pytest.raises(Refusal, match="`id` must be a text, not a number"):
        read_id(b'{"id": 4}')
    with pytest.raises(Refusal, match="the body is not JSON"):
        read_id(b'{"id": ')
