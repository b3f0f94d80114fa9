"""The Open Inference Protocol v2, as a client uses it."""

from __future__ import annotations

import pytest


def changed(kit, column: str, **fields) -> dict:
    """Return a right request with one tensor changed."""
    body = kit.body_of()
    tensor = next(tensor for tensor in body["inputs"] if tensor["name"] == column)
    tensor.update(fields)
    return body


def test_answers_are_the_native_model_s(fixed, kit):
    server, bundle = fixed
    answer = server.infer(kit.body_of(identity="abc"))
    assert answer.status == 200
    assert answer.json == {
        "model_name": "flights",
        "model_version": "1",
        "id": "abc",
        "outputs": [{"name": "probability", "datatype": "FP64", "shape": [5], "data": bundle.golden.expected}],
    }


def test_rows_one_by_one_get_the_same_answers(fixed, kit):
    server, bundle = fixed
    found = [server.infer(kit.body_of(pick=[row])).predictions[0] for row in range(5)]
    assert found == bundle.golden.expected


def test_an_id_is_made_where_none_was_given_and_each_is_another(fixed, kit):
    server, _ = fixed
    first, second = (server.infer(kit.body_of()).json["id"] for _ in range(2))
    assert first and second and first != second


def test_inputs_may_come_in_any_order_and_nested(fixed, kit):
    server, bundle = fixed
    body = kit.body_of()
    body["inputs"].reverse()
    assert server.infer(body).predictions == bundle.golden.expected
    for tensor in body["inputs"]:
        tensor["shape"] = [5, 1]
        tensor["data"] = [[value] for value in tensor["data"]]
    assert server.infer(body).predictions == bundle.golden.expected


@pytest.mark.parametrize("datatype", ["FP32", "INT8", "UINT64", "INT32", "FP64"])
def test_whole_numbers_may_come_in_any_number_type(fixed, kit, datatype):
    server, bundle = fixed
    assert server.infer(changed(kit, "stops", datatype=datatype)).predictions == bundle.golden.expected


def test_parameters_are_accepted_and_outputs_may_be_named(fixed, kit):
    server, bundle = fixed
    body = kit.body_of() | {"parameters": {"trace": 1}, "outputs": [{"name": "probability"}]}
    body["inputs"][0]["parameters"] = {"content_type": "np"}
    assert server.infer(body).predictions == bundle.golden.expected
    body["outputs"] = [{"name": "score"}]
    assert server.infer(body).error == "`outputs` asks for 'score'; this model gives 'probability'"


def test_metadata_tells_names_types_and_versions(fixed):
    server, _ = fixed
    answer = server.ask("GET", "/v2/models/flights").json
    assert (answer["name"], answer["versions"], answer["platform"]) == ("flights", ["1"], "airloop")
    distance = {"kind": "number", "nullable": True}
    assert answer["inputs"][0] == {"name": "distance", "datatype": "FP64", "shape": [-1], "parameters": distance}
    assert [tensor["datatype"] for tensor in answer["inputs"]] == ["FP64", "BYTES", "INT64", "BOOL", "BYTES", "BYTES"]
    assert answer["outputs"][0]["name"] == "probability"
    assert server.ask("GET", "/v2").json["name"] == "airloop"
    assert server.ask("GET", "/v2/models/flights/ready").json["ready"] is True
    assert server.ask("GET", "/v2/models/flights/versions/1").json == answer
    assert server.ask("HEAD", "/v2/health/live").body == b""


REFUSED = {
    "no body": (b"", 400, "the request has no body; send JSON with `inputs`"),
    "no json": (b"{", 400, "the body is not JSON: Input data was truncated"),
    "no object": (b"[]", 400, "the body must be a JSON object with `inputs`, not a list"),
    "no inputs": (b"{}", 400, "`inputs` must be a list of tensors, not nothing"),
    "no name": (b'{"inputs":[{}]}', 400, "inputs[0] must be an object with a `name`"),
    "nan": (b'{"inputs":[{"name":"distance","data":[NaN]}]}', 400, "the body is not JSON: JSON is malformed"),
    "deep": (b'{"inputs":' + b"[" * 100_000, 400, "the body is not usable JSON: it is nested too deeply"),
    "id": (b'{"id":7,"inputs":[]}', 400, "`id` must be a text, not a number"),
    "latin-1": (b'{"id":"\xe4"}', 400, "the body is not JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_no_request_is_refused(fixed, name):
    body, status, reason = REFUSED[name]
    answer = fixed[0].infer(body)
    assert answer.status == status
    assert answer.error.startswith(reason)


WRONG = [
    ("distance", {"data": [1.0]}, 400, "column 'distance': shape says 5 values, data has 1"),
    (
        "distance",
        {"data": [[1.0, 2.0]] * 5},
        400,
        "column 'distance': `data` is ragged; give [a, b, …] or [[a], [b], …]",
    ),
    ("distance", {"data": [1.0, "2", 3.0, 4.0, 5.0]}, 400, "column 'distance' row 1: '2' is not a number"),
    ("distance", {"data": [True] * 5}, 400, "column 'distance' row 0: True is not a number"),
    (
        "distance",
        {"data": [1e300] * 5},
        422,
        "these values cannot be predicted: column 'distance' row 0: 1e+300 is too",
    ),
    ("distance", {"data": [10**400] * 5}, 422, "column 'distance' row 0: 1000000000"),
    ("distance", {"shape": [5, 2]}, 400, "column 'distance': shape [5, 2] is not [n] or [n, 1]"),
    ("distance", {"shape": "5"}, 400, "column 'distance': shape '5' is not [n] or [n, 1]"),
    ("distance", {"shape": [-5]}, 400, "column 'distance': shape [-5] is not [n] or [n, 1]"),
    ("distance", {"shape": [0], "data": []}, 400, "the request has no rows"),
    ("distance", {"datatype": "BYTES"}, 400, "column 'distance' (number): datatype 'BYTES' is not one of FP16, FP32"),
    ("distance", {"datatype": "INT64"}, 422, "column 'distance' row 0: 100.5 is not a whole number of 64 bits"),
    ("distance", {"parameters": []}, 400, "`inputs.distance.parameters` must be an object, not a list"),
    ("distance", {"parameters": {"binary_data_size": 8}}, 415, "`inputs.distance.parameters.binary_data_size`: binary"),
    ("stops", {"data": [0, 1, 2, None, 0]}, 422, "column 'stops' row 3: null is not allowed; training never saw"),
    ("stops", {"data": [0.5, 1, 2, 3, 4]}, 422, "column 'stops' row 0: 0.5 is not a whole number of 64 bits"),
    ("stops", {"data": [2**63, 1, 2, 3, 4]}, 422, "column 'stops' row 0: 9223372036854775808 is not a whole number"),
    ("stops", {"shape": [4]}, 400, "column 'stops' has 4 rows by its shape, the first column has 5"),
    ("direct", {"data": [0, 1, 0, 1, 0]}, 400, "column 'direct' row 0: 0 is not a boolean"),
    ("carrier", {"data": [1] * 5}, 400, "column 'carrier' row 0: 1 is not a text"),
    (
        "at",
        {"data": ["2013-03-18T06:00:00"] * 5},
        422,
        "column 'at' row 0: '2013-03-18T06:00:00' is not an ISO 8601 time",
    ),
    ("at", {"data": ["yesterday"] * 5}, 422, "column 'at' row 0: 'yesterday' is not an ISO 8601 time with its zone"),
    ("at", {"data": [0] * 5}, 422, "column 'at' row 0: 0 is not an ISO 8601 time"),
    ("carrier", {"name": "carier"}, 400, "inputs[1]: unknown column 'carier'. Did you mean 'carrier'?"),
    ("carrier", {"name": "distance"}, 400, "inputs[1]: column 'distance' is there twice"),
]


@pytest.mark.parametrize(("column", "fields", "status", "reason"), WRONG)
def test_a_tensor_that_breaks_the_schema_is_refused(fixed, kit, column, fields, status, reason):
    answer = fixed[0].infer(changed(kit, column, **fields))
    assert answer.status == status, answer.body
    assert answer.error.startswith(reason)


def test_a_missing_column_is_named(fixed, kit):
    body = kit.body_of()
    del body["inputs"][2]
    assert fixed[0].infer(body).error.startswith("missing columns: stops. The model needs distance, carrier, stops")


def test_too_many_rows_are_refused(fixed, kit):
    rows = {name: values * 201 for name, values in kit.ROWS.items()}
    answer = fixed[0].infer(kit.body_of(rows))
    assert (answer.status, answer.error) == (
        413,
        "the request has 1005 rows; at most 1000 are allowed. Send several requests",
    )


def test_unknown_categories_follow_the_spec(server, workspace, kit):
    strict = kit.Schema(kit.SCHEMA.inputs, kit.SCHEMA.features, "binary", ("0", "1"), "refuse")
    known = {name: values[:3] for name, values in kit.ROWS.items()}
    server.put(champion=kit.state_of(kit.write_bundle(workspace.store, schema=strict, rows=known)))
    answer = server.infer(kit.body_of())
    assert answer.status == 422
    assert "column 'carrier': category 'ZZ' was never seen in training. Known: AA, B6, UA." in answer.error
    assert server.infer(kit.body_of(known)).status == 200


def test_multiclass_answers_have_a_column_for_each_class(server, workspace, kit):
    schema = kit.Schema(kit.SCHEMA.inputs, kit.SCHEMA.features, "multiclass", ("a", "b", "c"))
    bundle = kit.write_bundle(workspace.store, schema=schema)
    server.put(champion=kit.state_of(bundle))
    output = server.infer(kit.body_of()).json["outputs"][0]
    assert output["shape"] == [5, 3]
    assert output["data"] == [value for row in bundle.golden.expected for value in row]
    assert server.ask("GET", "/v2/models/flights").json["outputs"][0]["shape"] == [-1, 3]


def test_wrong_paths_and_methods_say_what_is_right(fixed, kit):
    server, _ = fixed
    answer = server.ask("GET", "/v2/models/flights/infer")
    assert (answer.status, answer.error) == (405, "GET is not allowed here; use POST")
    assert answer.headers[b"allow"] == b"POST"
    assert server.ask("POST", "/v2").status == 405
    answer = server.infer(kit.body_of(), name="flihgts")
    assert (answer.status, answer.error) == (
        404,
        "no model 'flihgts' is served here. Did you mean 'flights'? Known: flights.",
    )
    answer = server.infer(kit.body_of(), version="2")
    assert (answer.status, answer.error.startswith("model 'flights' serves no version '2'.")) == (404, True)
    assert server.ask("GET", "/v2/models/flights/reday").error.startswith(
        "no such path below a model. Did you mean 'ready'?"
    )
    assert server.ask("GET", "/nothing").status == 404


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (b"content-type", b"text/csv", "content-type 'text/csv' is not supported; send application/json"),
        (b"content-encoding", b"gzip", "content-encoding 'gzip' is not supported; send plain JSON"),
        (b"inference-header-content-length", b"7", "binary tensors are not supported; send `data` as JSON"),
    ],
)
def test_other_media_types_are_refused(fixed, kit, name, value, reason):
    answer = fixed[0].infer(kit.body_of(), headers=[(name, value)])
    assert (answer.status, answer.error) == (415, reason)
    assert fixed[0].infer(kit.body_of(), headers=[(b"content-type", b"Application/JSON; charset=utf-8")]).status == 200


def test_large_bodies_are_refused_declared_or_not(fixed, kit):
    server, _ = fixed
    answer = server.infer(b"{}", headers=[(b"content-length", b"99000000")])
    assert (answer.status, answer.error) == (
        413,
        "the body is larger than 16,000,000 bytes. Send fewer rows in a request",
    )
    assert server.infer(b"", parts=[b" " * 9_000_000] * 2).status == 413
    assert server.infer(b"", parts=[b'{"inputs":', b"[]}"]).status == 400


def test_requests_that_come_together_get_their_own_answers(fixed, kit):
    server, bundle = fixed
    wrong = changed(kit, "distance", data=[1e300] * 5)
    bodies = [kit.body_of(pick=[row], identity=f"r{row}") for row in range(5)] + [wrong]

    async def all_at_once():
        return await kit.asyncio.gather(
            *(
                server.answer("POST", "/v2/models/flights/infer", [kit.json.dumps(body).encode()], kit.TOKENS.infer)
                for body in bodies
            )
        )

    *right, refused = server.run(all_at_once())
    assert [answer.json["id"] for answer in right] == ["r0", "r1", "r2", "r3", "r4"]
    assert [answer.predictions[0] for answer in right] == bundle.golden.expected
    assert refused.status == 422
