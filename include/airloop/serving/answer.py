"""Answers and metadata of the Open Inference Protocol v2, as JSON bytes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from airloop.features.schema import Schema
from airloop.serving.lenient import CANONICAL

_encode = msgspec.json.Encoder().encode


class Writer:
    """Writes the answers of one version; all that never changes is encoded once."""

    def __init__(self, pipeline: str, version: str, schema: Schema) -> None:
        self._schema = schema
        self._classes = len(schema.classes) if schema.task == "multiclass" else 0
        self._start = b'{"model_name":%b,"model_version":%b,"id":' % (_encode(pipeline), _encode(version))
        self._output = b',"outputs":[{"name":%b,"datatype":"FP64","shape":[' % _encode(schema.output)
        self._columns = b",%d" % self._classes if self._classes else b""

    def write(self, identity: str, answers: np.ndarray[Any, Any]) -> bytes:
        """Return the body of an answer; ``answers`` is float64 (n,) or (n, k), sent as a flat list, rows first."""
        data = _encode(answers.ravel().tolist())
        shape = b"%d%b" % (len(answers), self._columns)
        return b"".join((self._start, _encode(identity), self._output, shape, b'],"data":', data, b"}]}"))


def metadata(pipeline: str, versions: list[str], schema: Schema) -> dict[str, Any]:
    """Return a model's metadata: names, datatypes and shapes of its tensors."""
    shape = [-1, len(schema.classes)] if schema.task == "multiclass" else [-1]
    inputs = [
        {
            "name": column.name,
            "datatype": CANONICAL[column.kind],
            "shape": [-1],
            "parameters": {"kind": column.kind, "nullable": column.nullable},
        }
        for column in schema.inputs
    ]
    output = {"name": schema.output, "datatype": "FP64", "shape": shape, "parameters": {"classes": schema.classes}}
    return {"name": pipeline, "versions": versions, "platform": "airloop", "inputs": inputs, "outputs": [output]}
