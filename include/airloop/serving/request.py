"""Reading a request of the Open Inference Protocol v2 against a schema.

The usual body (inputs as flat lists, in the canonical datatypes) is checked by one typed decoder in C, built for the
schema. Whatever it does not accept goes through ``lenient``, which accepts the rarer forms or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from airloop.features.schema import Input, InputKind, Schema
from airloop.serving import lenient

Columns = list[list[Any]]
"""Values by column, in the order of ``schema.inputs``; missing ones are None."""

_VALUES: dict[InputKind, tuple[Any, Any]] = {
    "number": (Literal["FP64", "FP32"], float),
    "integer": (Literal["INT64", "INT32", "INT16", "INT8"], Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]),
    "boolean": (Literal["BOOL"], bool),
    "text": (Literal["BYTES"], str),
    "time": (Literal["BYTES"], Annotated[datetime, msgspec.Meta(tz=True)]),
}


@dataclass(frozen=True, slots=True)
class Request:
    """Rows to predict. ``id`` is the client's, or None."""

    id: str | None
    rows: int
    columns: Columns


class Parameters(msgspec.Struct, gc=False):
    """Parameters of a tensor: anything, but data in binary form is left to ``lenient``, which refuses it."""

    binary_data_size: None = None


class Identity(msgspec.Struct):
    """As much of a body as is needed to choose a version."""

    id: str | None = None


class Reader:
    """Turns bodies into requests for one schema."""

    def __init__(self, schema: Schema, max_rows: int) -> None:
        self._schema = schema
        self._max_rows = max_rows
        tensors = [_tensor(number, column) for number, column in enumerate(schema.inputs)]
        self._order = tensors
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_body(tensors))

    def read(self, body: bytes) -> Request:
        """Return the request. Raises Refusal (400, 413, 422) with the reason."""
        try:
            found = self._decoder.decode(body)
        except lenient.UNREADABLE:
            found = None
        if found is not None:
            inputs = found.inputs
            rows = len(inputs[0].data) if inputs else 0
            if 0 < rows <= self._max_rows and (found.outputs is None or not found.outputs):
                columns = self._columns(inputs, rows)
                if columns is not None:
                    return Request(found.id, rows, columns)
        return Request(*lenient.read(body, self._schema, self._max_rows))

    def _columns(self, inputs: Sequence[Any], rows: int) -> Columns | None:
        shape = inputs[0].shape
        if shape != [rows] and shape != [rows, 1]:
            return None
        if [type(tensor) for tensor in inputs] != self._order:
            by_kind = {type(tensor): tensor for tensor in inputs}
            if len(inputs) != len(self._order) or len(by_kind) != len(self._order):
                return None
            inputs = [by_kind[kind] for kind in self._order]
        columns = []
        for tensor in inputs:
            data = tensor.data
            if len(data) != rows or (tensor.shape != shape and tensor.shape not in ([rows], [rows, 1])):
                return None
            columns.append(data)
        return columns


def read_id(body: bytes) -> str | None:
    """Return the request's id, None where it has none. Raises Refusal when the body is not a JSON object."""
    try:
        return _IDENTITY.decode(body).id
    except lenient.UNREADABLE:
        return lenient.read_id(body)


def _tensor(number: int, column: Input) -> type[msgspec.Struct]:
    datatype, value = _VALUES[column.kind]
    values: Any = list[value | None] if column.nullable else list[value]  # type: ignore[valid-type]  # made at run time
    fields: list[Any] = [
        ("shape", list[int]),
        ("datatype", datatype),
        ("data", values),
        ("parameters", Parameters | None, None),
    ]
    return msgspec.defstruct(f"Tensor{number}", fields, tag_field="name", tag=column.name, gc=False)


def _body(tensors: Sequence[type[msgspec.Struct]]) -> type[msgspec.Struct]:
    union: Any = tensors[0]
    for tensor in tensors[1:]:
        union |= tensor
    fields: list[Any] = [
        ("inputs", list[union]),
        ("id", str | None, None),
        ("parameters", Parameters | None, None),
        ("outputs", list[Any] | None, None),
    ]
    return msgspec.defstruct("Body", fields, gc=False)


_IDENTITY = msgspec.json.Decoder(Identity)
