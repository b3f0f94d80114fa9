"""Whether an artifact in the store belongs to one of some pipelines, as far as the ledger and the store tell.

An artifact lies under a digest alone: two pipelines with the same data share what was found in it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airloop.ledger.tables import entries
from airloop.steps.recording import VALIDATION

if TYPE_CHECKING:
    from airloop.workspace import Workspace

MOST = 500
"""Validations that are searched for a partition's page, the newest."""


def belongs(workspace: Workspace, names: Collection[str], kind: str, digest: str) -> bool:
    """Return whether the ledger names the artifact in an entry on one of the pipelines ``names``.

    Of the pages on a snapshot's partitions only the snapshot's own first page is named there; they belong where it
    does. Raises Unreachable and LedgerError.
    """
    return _is_named(workspace, names, kind, digest) or (kind == "validations" and _is_part(workspace, names, digest))


def _is_named(workspace: Workspace, names: Collection[str], kind: str, digest: str) -> bool:
    """Return whether an entry names it where only Airloop writes: not in what a person gave as the reason of an act."""
    place, said = f"{kind}/{digest}/", entries.c.payload
    named = [said[key].as_string().contains(place, autoescape=True) for key in ("report", "docs")]
    if kind == "verdicts":
        named.append((entries.c.kind == "verdict") & (entries.c.subject == digest))
    elif kind == "validations":
        named.append((entries.c.kind == VALIDATION) & (said["digest"].as_string() == digest))
    query = sa.select(entries.c.id).where(entries.c.pipeline.in_(names), sa.or_(*named))
    with workspace.ledger.reading() as connection:
        return connection.execute(query.limit(1)).first() is not None


def _is_part(workspace: Workspace, names: Collection[str], digest: str) -> bool:
    made = entries.c.payload["digest"].as_string()
    query = sa.select(made).where(entries.c.pipeline.in_(names), entries.c.kind == VALIDATION)
    with workspace.ledger.reading() as connection:
        found = list(connection.scalars(query.order_by(entries.c.id.desc()).limit(MOST)))
    return any(digest in _parts(workspace, validation) for validation in found)


def _parts(workspace: Workspace, validation: str) -> Collection[str]:
    """Return the names of the pages on partitions that a validation refers to, none where it is gone."""
    try:
        file = workspace.store.folder("validations", validation) / "value.json"
        parts: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))["partitions"]
    except FileNotFoundError:
        return ()
    return parts.values()
