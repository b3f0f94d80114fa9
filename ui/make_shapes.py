"""Write ``src/shapes.ts``: what the pages are made from, as TypeScript, from ``airloop.overview.shapes``."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Union

import msgspec

HERE = Path(__file__).parent
TARGET = HERE / "src" / "shapes.ts"
HEAD = """\
// Written by make_shapes.py from include/airloop/overview/shapes.py: change it there and run `make ui`.

/** ISO 8601, UTC. */
export type Instant = string;
"""
WORDS: dict[Any, str] = {str: "string", int: "number", float: "number", bool: "boolean", datetime: "Instant"}


def shapes() -> list[type[msgspec.Struct]]:
    """Return every shape, in the order of the file."""
    from airloop.overview import shapes as module

    found = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, module.Shape)]
    return [value for value in found if value is not module.Shape]


def typescript(kind: Any) -> str:
    """Return the TypeScript for a Python type."""
    if kind in WORDS:
        return WORDS[kind]
    if kind is type(None):
        return "null"
    if inspect.isclass(kind) and issubclass(kind, msgspec.Struct):
        return kind.__name__
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " | ".join(f'"{word}"' for word in of)
    if origin in (Union, types.UnionType):
        return " | ".join(typescript(part) for part in of)
    if origin in (tuple, list):
        inner = typescript(of[0])
        return f"readonly ({inner})[]" if "|" in inner else f"readonly {inner}[]"
    raise TypeError(f"{kind!r} has no TypeScript yet")


def interface(shape: type[msgspec.Struct]) -> str:
    """Return a shape as an interface."""
    hints = typing.get_type_hints(shape)
    lines = [
        f"  readonly {field.encode_name}: {typescript(hints[field.name])};" for field in msgspec.structs.fields(shape)
    ]
    return "\n".join([f"/** {inspect.getdoc(shape)} */", f"export interface {shape.__name__} {{", *lines, "}"])


def text() -> str:
    """Return the whole file."""
    return "\n".join([HEAD, *(interface(shape) + "\n" for shape in shapes())])


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent / "include"))
    TARGET.write_text(text(), encoding="utf-8")
