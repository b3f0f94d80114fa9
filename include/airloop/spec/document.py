"""Reads YAML into plain values and remembers the line of every key.

Plain words are resolved as in YAML 1.2, like editors do: ``on``, ``yes`` and ``2013-03-18`` are texts, ``1e-3`` is a
number. (PyYAML alone reads YAML 1.1, where the key ``on`` is ``True``.)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

import yaml

from airloop.spec.problems import KeyPath, Problem, dotted

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_KINDS = {"null": "nothing", "bool": "true or false", "int": "a whole number", "float": "a number"}
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}


class _Loader(_Base):  # type: ignore[misc]  # which base depends on the build of PyYAML
    """Composes nodes with the tags of YAML 1.2's core schema."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(rf"(?:{_pattern})\Z"), _first)


@dataclass
class Document:
    """The values of a file, the line of each key or list item, and what was wrong with the text itself."""

    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Return the line of ``path``, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, path: KeyPath, message: str) -> None:
        """Note a problem at ``path``."""
        self.problems.append(Problem(self.line(path), dotted(path), message))


def read(text: str) -> Document:
    """Return the document in ``text``; mistakes in the YAML itself are in its ``problems``."""
    document = Document()
    try:
        node = _Loader(text).get_single_node()
        if node is None:
            document.add((), "the file is empty; `python -m airloop new NAME` writes one")
        else:
            document.value = _value(node, (), document, ())
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(error, text))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(Problem(line, "", f"character {chr(int(error.character))!r} is not allowed in YAML"))
    except RecursionError:
        document.add((), "the values are nested too deeply")
    return document


def _value(node: yaml.Node, path: KeyPath, document: Document, inside: tuple[int, ...]) -> Any:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in inside:
        document.add(path, "an alias (*) must not lie inside its own anchor (&)")
        return None
    inside = (*inside, id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, inside)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, number), document, inside) for number, item in enumerate(node.value)]
    return _scalar(node, path, document) if isinstance(node, yaml.ScalarNode) else None


def _mapping(node: yaml.MappingNode, path: KeyPath, document: Document, inside: tuple[int, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
        line = key_node.start_mark.line + 1
        if key in result:
            first = document.lines[(*path, key)]
            document.problems.append(Problem(line, dotted((*path, key)), f"written twice, first in line {first}"))
            continue
        document.lines[(*path, key)] = line
        result[key] = _value(value_node, (*path, key), document, inside)
    return result


def _scalar(node: yaml.ScalarNode, path: KeyPath, document: Document) -> Any:
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    try:
        if kind in ("null", "bool"):
            return _WORDS[text.lower()]
        if kind in ("int", "float"):
            return _number(text, kind)
    except (KeyError, ValueError):
        document.add(path, f"{text!r} cannot be read as {_KINDS[kind]}")
        return None
    if kind != "str":
        document.add(path, f"the tag {node.tag.replace(_TAG, '!!')!r} is not allowed; write the plain value")
    return text


def _number(text: str, kind: str) -> int | float:
    if kind == "int":
        return int(text) if text.lstrip("+-").isdigit() else int(text, 0)
    if not math.isfinite(value := float(text)):
        raise ValueError
    return value


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    for number in range(max(1, line - 1), min(line, len(lines)) + 1):
        indent = lines[number - 1][: len(lines[number - 1]) - len(lines[number - 1].lstrip())]
        if "\t" in indent:
            return Problem(number, "", "a tab may not indent; use spaces")
    if "single document" in str(error.context):
        return Problem(line, "", "a second document starts here; one file describes one pipeline")
    context = f" {error.context}" if error.context else ""
    return Problem(line, "", f"this is not YAML: {error.problem}{context}")
