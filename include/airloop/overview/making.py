"""What is known of how a version was made: by its verdict, its training's notes and its bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from airloop.errors import BundleError, UnknownName
from airloop.ledger import Champion, Entry
from airloop.ledger.tables import entries
from airloop.overview import verdicts
from airloop.release.hand_over import CERTIFIED
from airloop.steps.noting import JUDGED

if TYPE_CHECKING:
    from airloop.workspace import Workspace

NOTES = "training.json"
_KINDS = (CERTIFIED, "verification", JUDGED, "refused", "rolled_back")


@dataclass(frozen=True)
class Making:
    """Digests and words by name; what is not known is absent."""

    version: str
    verdict: Entry | None
    champion: Champion | None
    """With which it last went live; None where it never did."""
    bundle: str
    lineage: Mapping[str, str]
    """Digests of snapshot, validation, model, verdict, spec, feature code."""
    verification: str
    training: str
    """MLflow's name of the training."""
    commit: str
    versions: Mapping[str, str]
    """Library → version."""
    problem: str
    """What cannot be read of it any more."""


def making_of(workspace: Workspace, name: str, version: str) -> Making:
    """Return what is known of a version, whether it was ever live or not.

    Raises UnknownName for one that nothing is known of, Unreachable and LedgerError.
    """
    champion = next((one for one in workspace.ledger.champions(name) if one.version == version), None)
    verdict = _verdict(workspace, name, version, champion)
    told = _entries(workspace, name, version)
    bundle = champion.bundle if champion else _last(told, CERTIFIED, "verification", "refused", "rolled_back")
    frozen, problem = _frozen(workspace, bundle) if bundle else ({}, "")
    judged: Any = verdict.payload if verdict else {}
    model = str(frozen.get("model") or judged.get("model") or "")
    notes, unnoted = _notes(workspace, model) if model else ({}, "")
    kept: Mapping[str, Any] = notes.get("lineage", {})
    lineage = {name: str(kept.get(name, "")) for name in ("snapshot", "validation", "spec", "feature_code")}
    lineage |= {"model": model, "verdict": verdict.subject if verdict else ""} | frozen
    return Making(
        version=version,
        verdict=verdict,
        champion=champion,
        bundle=bundle,
        lineage={name: digest for name, digest in lineage.items() if digest},
        verification=next((str(one.payload["digest"]) for one in told if one.kind == "verification"), ""),
        training=next((str(one.payload.get("training", "")) for one in told if one.kind == JUDGED), ""),
        commit=str(kept.get("commit", "")),
        versions=kept.get("versions", {}),
        problem="; ".join(filter(None, (problem, unnoted))),
    )


def _verdict(workspace: Workspace, name: str, version: str, champion: Champion | None) -> Entry | None:
    try:
        return verdicts.entry_on(workspace, name, version)
    except UnknownName:
        if champion is None:
            raise
        return None


def _entries(workspace: Workspace, name: str, version: str) -> list[Entry]:
    """Return what was recorded on a version's way, the newest first."""
    on_it = sa.and_(entries.c.kind.in_(_KINDS), entries.c.payload["version"].as_string() == version)
    query = sa.select(entries).where(entries.c.pipeline == name, on_it).order_by(entries.c.id.desc()).limit(100)
    with workspace.ledger.reading() as connection:
        return [Entry(**row._mapping) for row in connection.execute(query)]


def _last(told: Sequence[Entry], *kinds: str) -> str:
    return next((one.subject for kind in kinds for one in told if one.kind == kind), "")


def _frozen(workspace: Workspace, bundle: str) -> tuple[dict[str, str], str]:
    """Return what a bundle says that it was made from, and why it cannot be read."""
    from airloop.bundle import open_bundle

    try:
        lineage = dict(open_bundle(workspace, bundle).facts.lineage)
    except BundleError as error:
        return {}, str(error)
    lineage.pop("airloop", None)
    return lineage, ""


def _notes(workspace: Workspace, model: str) -> tuple[dict[str, Any], str]:
    """Return what a training noted beside its model, and why that cannot be read."""
    try:
        notes: dict[str, Any] = json.loads((workspace.store.folder("models", model) / NOTES).read_bytes())
    except (OSError, ValueError):
        return {}, f"what the training noted, models/{model[:12]}, is not in the store any more"
    return notes, ""
