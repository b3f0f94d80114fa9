"""The first page of a snapshot's Data Docs: what is expected, what was found, and a link to each partition's page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.validation.findings import Validation
from airloop.validation.merging import Merged
from airloop.validation.naming import partition_title
from airloop.validation.suite import Severity

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition, Snapshot

_STATES = {
    None: {"tone": "good", "text": "met"},
    Severity.WARN: {"tone": "warn", "text": "warning"},
    Severity.QUARANTINE: {"tone": "warn", "text": "rows set aside"},
    Severity.BLOCK: {"tone": "bad", "text": "not met"},
}


def render(snapshot: Snapshot, validation: Validation, merged: Sequence[Merged]) -> str:
    """Return the page's HTML; the same findings give the same bytes."""
    from jinja2 import Environment, FileSystemLoader

    from airloop.validation.pages import TEMPLATES

    rows = sum(partition.rows for partition in snapshot.partitions)
    facts = (
        (rows, "rows"),
        (len(snapshot.partitions), "partitions"),
        (validation.expectations, "expectations"),
        (sum(one.does is not None for one in merged), "not met"),
        (validation.quarantined, "rows set aside"),
    )
    template = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True).get_template("overview.j2")
    return template.render(
        pipeline=snapshot.pipeline,
        as_of=clock.iso(snapshot.as_of),
        state=_state(validation),
        facts=[{"value": f"{value:,}", "meaning": meaning} for value, meaning in facts],
        note="" if merged else ". ".join(validation.warnings),
        expectations=[_expectation(one) for one in sorted(merged, key=_worst_first)],
        partitions=[_partition(one, validation, merged) for one in snapshot.partitions],
    )


def _state(validation: Validation) -> Mapping[str, str]:
    if validation.failed:
        return {"tone": "bad", "text": "blocked"}
    if not validation.expectations:
        return {"tone": "warn", "text": "nothing was checked"}
    if validation.warnings:
        return {"tone": "warn", "text": "passed with warnings"}
    return {"tone": "good", "text": "passed"}


def _expectation(one: Merged) -> dict[str, Any]:
    return {
        "state": _STATES[one.does],
        "title": one.expectation.name or one.expectation.type,
        "arguments": ", ".join(f"{key}: {json.dumps(value)}" for key, value in one.expectation.arguments.items()),
        "detail": one.detail,
        "severity": one.expectation.severity.value,
        "broken": f"{one.broken:,}" if one.expectation.kind.names_rows else "",
        "partitions": f"{len(one.unmet):,} of {len(one.found):,}" if one.unmet else "",
    }


def _worst_first(one: Merged) -> int:
    return len(Severity) if one.does is None else list(Severity).index(one.does)


def _partition(partition: Partition, validation: Validation, merged: Sequence[Merged]) -> dict[str, Any]:
    unmet = [one for one in merged if any(found.digest == partition.digest for found, _ in one.unmet)]
    worst = next((level for level in Severity if any(one.does is level for one in unmet)), None)
    name = validation.partitions.get(partition.digest)
    state = _STATES[worst] if merged else {"tone": "warn", "text": "not checked"}
    return {
        "title": partition_title(partition),
        "link": f"../{name}/page.html" if name else "",
        "state": state,
        "rows": f"{partition.rows:,}",
        "quarantined": f"{len(validation.excluded.get(partition.digest, ())):,}",
    }
