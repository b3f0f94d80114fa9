"""Says in plain words what pydantic found wrong: the value, what is allowed, the nearest valid word."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from airloop.errors import closest, nearest
from airloop.spec.document import Document
from airloop.spec.model import GATES, Section, Spec
from airloop.spec.problems import KeyPath, dotted

_EXPECTED = {
    "bool": "true or false",
    "dict": "keys with values, for example {key: value}",
    "float": "a number",
    "int": "a whole number",
    "model": "keys with values, for example {key: value}",
    "string": "a text; put it in quotes",
    "tuple": "a list, for example [a, b]",
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}


def explain(error: ValidationError, document: Document) -> None:
    """Add one problem to ``document`` for each mistake in ``error``."""
    found = error.errors(include_url=False)
    unknown = [path_of(detail) for detail in found if detail["type"] == "extra_forbidden"]
    mistyped = {(*path[:-1], nearest_key(path)) for path in unknown}
    said = {problem.where for problem in document.problems}
    for detail in found:
        path = path_of(detail)
        if dotted(path) in said or (detail["type"] == "missing" and path in mistyped):
            continue  # the text itself, or the unknown key beside it, says it already
        while path and _is_plain(_at(document.value, path[:-1])):
            path = path[:-1]  # the short form `features: file.py:function` has no keys of its own
        document.add(path, _message(detail, path))


def nearest_key(path: KeyPath) -> str | None:
    """Return the known key that the last step of ``path`` most likely means."""
    return closest(str(path[-1]), known_keys(path[:-1]))


def known_keys(path: KeyPath) -> list[str]:
    """Return every key that the section at ``path`` may have, in reading order."""
    return list(dict.fromkeys(key for section in _sections_at(path) for key in section.model_fields))


def _sections_at(path: KeyPath) -> list[type[Section]]:
    sections: list[type[Section]] = [Spec]
    for step in path:
        if isinstance(step, str):
            fields = [section.model_fields[step] for section in sections if step in section.model_fields]
            sections = [section for field in fields for section in _sections_in(field.annotation)]
    return sections


def _sections_in(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections_in(part)]


def path_of(detail: ErrorDetails) -> KeyPath:
    """Return where the mistake lies in the document."""
    path = tuple(step for step in detail["loc"] if step != "[key]")
    # Within a gate pydantic inserts the kind that it took the gate for.
    return (*path[:2], *path[3:]) if path[:1] == ("gates",) else path


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
    return value


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _message(detail: ErrorDetails, path: KeyPath) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(detail, path)
    if kind == "missing":
        return f"is missing. {_meaning(path)}"
    if kind == "value_error":
        return str(context["error"])
    if value is None:
        return f"is empty; give a value or remove the key. {_meaning(path)}".rstrip()
    if kind == "literal_error":
        words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"unknown word {value!r}.{nearest(str(value), words)}"
    if kind in _BOUNDS:
        key, words_ = _BOUNDS[kind]
        return f"{value!r} must be {words_} {context[key]:g}"
    expected = next((words for start, words in _EXPECTED.items() if kind.startswith(start)), None)
    return f"{value!r} is not {expected}" if expected else f"{value!r}: {detail['msg']}"


def _unknown_key(detail: ErrorDetails, path: KeyPath) -> str:
    key = str(path[-1])
    known = known_keys(path[:-1])
    if key in known:
        kind = str(detail["loc"][2])
        return f"does not belong to this gate ({kind}). It may have: {', '.join(GATES[kind].model_fields)}."
    return f"unknown key {key!r}.{nearest(key, known)}"


def _meaning(path: KeyPath) -> str:
    fields = (section.model_fields.get(str(path[-1])) for section in _sections_at(path[:-1]))
    return next((field.description for field in fields if field and field.description), "")
