"""Puts a wrong description right where it can, so that one look finds the mistakes in the rest too."""

from __future__ import annotations

import copy
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from airloop.spec import wording
from airloop.spec.problems import KeyPath


def mend(value: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """Return a copy of ``value`` with mistyped keys renamed and other wrong ones left out. Never used for a run."""
    mended = copy.deepcopy(value)
    for detail in error.errors(include_url=False):
        path = wording.path_of(detail)
        near = wording.nearest_key(path) if detail["type"] == "extra_forbidden" else None
        if path[:1] == ("gates",) and len(path) > 1 and near is None:
            _replace_gate(mended, path)
        elif path:
            _rename_or_drop(mended, path, near)
    return mended


def _replace_gate(mended: dict[str, Any], path: KeyPath) -> None:
    number = path[1]
    if isinstance(number, int):
        # Any right gate will do: it keeps the positions of the others.
        mended["gates"][number] = {"bundle_mb": 1e9 + number}


def _rename_or_drop(mended: dict[str, Any], path: KeyPath, near: str | None) -> None:
    if path[0] != "gates":
        path = tuple(takewhile(lambda step: isinstance(step, str), path))
    parent: Any = mended
    for step in path[:-1]:
        if isinstance(parent, dict):
            parent = parent.get(step)
        elif isinstance(parent, list) and isinstance(step, int):
            parent = parent[step]
    if isinstance(parent, dict) and path[-1] in parent:
        wrong = parent.pop(path[-1])
        if near is not None:
            parent.setdefault(near, wrong)
