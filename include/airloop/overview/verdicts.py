"""Verdicts as the ledger and the store keep them, found by version and read without what judging itself needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from airloop.errors import DataError, UnknownName, nearest
from airloop.ledger import Entry
from airloop.ledger.tables import entries
from airloop.refs import Outcome
from airloop.steps.noting import JUDGED

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KEPT = {"verdict": "verdicts", "backtest": "rehearsals"}
"""Kind of the ledger's entry → kind of the artifact that its subject names."""
FILE, INPUTS = "verdict.json", "inputs.json"
_MOST_NAMED = 50


class Measured(msgspec.Struct, frozen=True):
    """A metric on some labelled rows."""

    rows: int
    value: float | None = None
    interval: tuple[float | None, float | None] | None = None


class Slice(msgspec.Struct, frozen=True):
    """One group of rows."""

    name: str
    status: str
    measured: Measured
    reason: str


class GateResult(msgspec.Struct, frozen=True):
    """What one gate said: see ``airloop.gates.verdict.GateResult``."""

    kind: str
    rule: str
    status: str
    reason: str
    shadow: bool = False
    metric: str | None = None
    rows: int = 0
    value: float | None = None
    champion: float | None = None
    gain: float | None = None
    bound: tuple[float | None, float | None] | None = None
    """A bound that is not finite is None in JSON."""
    confidence: float | None = None
    threshold: float | None = None
    needed_rows: int | None = None
    slices: tuple[Slice, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What is kept of a verdict: see ``airloop.gates.verdict.Verdict``."""

    gates: tuple[GateResult, ...]
    warnings: tuple[str, ...] = ()
    rows: int = 0


def entry_on(workspace: Workspace, name: str, version: str = "") -> Entry | None:
    """Return the newest verdict on ``version``, a run's before a backtest's; on the newest data where "" is asked for.

    Of a version that was live it is the one that let it go live: judged again it would be held, as it is the champion.
    None where nothing was ever judged. Raises UnknownName, naming the nearest, for a version that nothing is known of.
    """
    ledger = workspace.ledger
    if version and any(one.version == version for one in ledger.champions(name)):
        promoted = ledger.latest(name, "verdict", limit=1, version=version, outcome=str(Outcome.PROMOTE))
        if promoted:
            return promoted[0]
    for kind in KEPT:
        found = ledger.latest(name, kind, limit=1, version=version) if version else ledger.latest(name, kind, limit=1)
        if found:
            return found[0]
    known = _versions(workspace, name)
    if version and known:
        raise UnknownName(f"{name}: no version {version!r} was ever judged.{nearest(version, known)}")
    if version:
        raise UnknownName(f"{name}: no version was ever judged")
    return None


def entry_of_run(workspace: Workspace, name: str, run: str) -> Entry:
    """Return the verdict that a run got, whatever was judged since; the last one where its candidate was judged again.

    Raises UnknownName where none is recorded under its name.
    """
    judged = workspace.ledger.entries(name, JUDGED, run_id=run, limit=1)
    found = workspace.ledger.entries(name, "verdict", subject=judged[0].subject, limit=1) if judged else []
    if not found:
        raise UnknownName(f"{name}: no verdict is recorded under the name of the run {run!r}")
    return found[0]


def read(workspace: Workspace, entry: Entry) -> Verdict:
    """Return what is kept of a verdict. Raises DataError where it is gone or cannot be read, and Unreachable."""
    kind, digest = KEPT[entry.kind], entry.subject
    try:
        folder = workspace.store.folder(kind, digest)
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Verdict)
    except FileNotFoundError:
        raise DataError(f"its details, {kind}/{digest[:12]}, are not in the store any more") from None
    except msgspec.DecodeError as error:
        raise DataError(f"its details, {kind}/{digest[:12]}, cannot be read: {error}") from error


def _versions(workspace: Workspace, name: str) -> list[str]:
    """Return the newest versions that were ever judged, each once."""
    version = entries.c.payload["version"].as_string().label("judged")
    query = (
        sa.select(version)
        .where(entries.c.pipeline == name, entries.c.kind.in_(list(KEPT)))
        .group_by("judged")
        .order_by(sa.func.max(entries.c.id).desc())
        .limit(_MOST_NAMED)
    )
    with workspace.ledger.reading() as connection:
        return [found for found in connection.scalars(query) if found]
