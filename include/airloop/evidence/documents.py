"""What a statement says of the documents that a release rests on: their digests, and the numbers in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airloop import clock
from airloop.errors import EvidenceError
from airloop.evidence.stored import content_of, folder_of

if TYPE_CHECKING:
    from airloop.workspace import Workspace

Said = dict[str, Any]

KINDS = {"snapshot": "snapshots", "validation": "validations", "verdict": "verdicts", "verification": "verifications"}
"""Document → where it lies in the store."""
FILES = {"verdict": "verdict.json"}
GATE = ("rule", "status", "rows", "value", "champion", "gain", "bound", "confidence", "threshold", "shadow")
"""What is said of a gate; ``bound`` is lower and upper, each one-sided at ``confidence``."""


def described(workspace: Workspace, name: str, digest: str) -> Said:
    """Return what a statement says of document ``name``: ``digest``, ``content`` (SHA-256 of its bytes), and numbers.

    Raises Gone when it is not in the store, EvidenceError when it is altered.
    """
    if not digest:
        raise EvidenceError(f"no {name} is known")
    folder = folder_of(workspace, KINDS[name], digest)
    try:
        numbers = _NUMBERS[name](json.loads((folder / FILES.get(name, "value.json")).read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{KINDS[name]}/{digest[:12]} cannot be read as a {name}: {error}") from error
    return {"digest": digest, "content": content_of(folder)} | numbers


def check_document(workspace: Workspace, kind: str, said: Mapping[str, Any]) -> None:
    """Raise Gone or EvidenceError unless what ``said`` names still has the bytes that were signed for."""
    found = content_of(folder_of(workspace, kind, said["digest"]))
    if found != said["content"]:
        raise EvidenceError(f"{kind}/{said['digest'][:12]} is not what was signed for: its bytes are {found[:12]}")


def in_words(name: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is said of a document, a line for each thing."""
    return _WORDS[name](said)


def _of_snapshot(value: Mapping[str, Any]) -> Said:
    partitions = value["partitions"]
    return {"asOf": value["as_of"], "partitions": len(partitions), "rows": sum(one["rows"] for one in partitions)}


def _of_validation(value: Mapping[str, Any]) -> Said:
    left_out = sum(len(rows) for rows in value["excluded"].values())
    return {"expectations": value["expectations"], "warnings": list(value["warnings"]), "rowsLeftOut": left_out}


def _of_verdict(value: Mapping[str, Any]) -> Said:
    gates = [{key: gate.get(key) for key in GATE} for gate in value["gates"]]
    return {
        "outcome": value["outcome"],
        "reasons": list(value["reasons"]),
        "championVersion": value["champion_version"],
        "rows": value["rows"],
        "gates": gates,
    }


def _of_verification(value: Mapping[str, Any]) -> Said:
    return {"passed": value["passed"], "measured": {key: one for key, one in value.items() if key != "passed"}}


def _words_of_snapshot(said: Mapping[str, Any]) -> tuple[str, ...]:
    number = said["partitions"]
    as_of = clock.told(clock.parse(said["asOf"]))
    return (f"{said['rows']:,} rows in {number} partition{'s' * (number != 1)}, as of {as_of}",)


def _words_of_validation(said: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = f"{said['expectations']} expectations, {said['rowsLeftOut']:,} rows left out"
    return (numbers, *said["warnings"])


def _words_of_verdict(said: Mapping[str, Any]) -> tuple[str, ...]:
    against = f"version {said['championVersion']}" if said["championVersion"] else "no champion"
    return (f"{said['outcome']} on {said['rows']:,} rows, against {against}", *map(_words_of_gate, said["gates"]))


def _words_of_gate(gate: Mapping[str, Any]) -> str:
    words = f"{gate['rule']}: {gate['status']}"
    if gate["value"] is not None:
        words += f", {gate['value']:.4g}"
    if gate["gain"] is not None:
        words += f", gain {gate['gain']:.4g}"
    if gate["bound"] is not None:
        low, high = gate["bound"]
        sure = f"each at {gate['confidence']:.1%}" if gate["confidence"] else "95% interval"
        words += f" (from {low:.4g} to {high:.4g}, {sure})"
    return words + (" in shadow, decides nothing" if gate["shadow"] else "")


def _words_of_verification(said: Mapping[str, Any]) -> tuple[str, ...]:
    measured = said["measured"]
    words = f"passed, p99 {measured['latency_p99_ms']:.1f} ms, bundle {measured['bundle_mb']:.1f} MB"
    if measured.get("image"):
        started = f"started in {measured['start_s']:.1f} s with {measured['memory_mb']:.0f} MB"
        words += f"; the very image, as user {measured['user']}, {started}"
    return (words,)


_NUMBERS = {
    "snapshot": _of_snapshot,
    "validation": _of_validation,
    "verdict": _of_verdict,
    "verification": _of_verification,
}
_WORDS = {
    "snapshot": _words_of_snapshot,
    "validation": _words_of_validation,
    "verdict": _words_of_verdict,
    "verification": _words_of_verification,
}
