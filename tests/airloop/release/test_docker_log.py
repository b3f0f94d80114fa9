"""The prediction log of a container: in the store, without private columns."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from airloop.release.target import State
from airloop.serving.client import ServerClient
from airloop.serving.tokens import read_or_make

from .docker_rig import DockerRig
from .rigs import model_bundle
from .test_conformance import placed

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
SECRET = "P-1234567-very-private"


def ask(stack: DockerRig, x: float) -> None:
    tensors = [("x", "FP64", x), ("passport", "BYTES", SECRET)]
    inputs = [{"name": name, "datatype": kind, "shape": [1], "data": [value]} for name, kind, value in tensors]
    stack.client.post("/v2/models/logged/infer", json={"inputs": inputs}).raise_for_status()


def test_what_a_container_answered_reaches_the_store_without_private_columns(stack: DockerRig) -> None:
    made = model_bundle(stack.workspace, 2, pipeline="logged", private=["passport"], log_predictions=True)
    bundle = stack.packaged(made, "logged")
    stack.target.apply("logged", State(placed(bundle)))
    try:
        for x in (0.25, 0.5):
            ask(stack, x)
        (name,) = (name for name in stack.containers("server") if "-logged-" in name)
        with ServerClient(f"{stack.workspace.gateway_admin_url}/-/{name}", read_or_make(stack.home).admin) as server:
            server.flush()
        ask(stack, 0.75)
    finally:
        stack.target.apply("logged", State())  # ends it, which writes the rest
    files = sorted((stack.home / "store" / "predictions" / "logged").rglob("*.parquet"))
    tables = [pq.read_table(file, partitioning=None) for file in files]
    assert sorted(x for table in tables for x in table["x"].to_pylist()) == [0.25, 0.5, 0.75]
    assert {"passport"} & {name for table in tables for name in table.column_names} == set()
    assert all(SECRET.encode() not in file.read_bytes() for file in files)
    assert {value for table in tables for value in table["bundle"].to_pylist()} == {bundle.digest}
