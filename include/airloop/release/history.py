"""What was live, when, and why: the answers of ``python -m airloop history`` and ``explain``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airloop.errors import ReleaseRefused, nearest
from airloop.evidence import Link, chain
from airloop.ledger import Champion, Entry, Ledger
from airloop.release.hand_over import CERTIFIED, statement_of
from airloop.workspace import Workspace


@dataclass(frozen=True)
class Row:
    """One champion and the span in which it was live; ``until`` is None for the one that is."""

    champion: Champion
    until: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether it is live now."""
        return self.until is None


@dataclass(frozen=True)
class Explanation:
    """The chain of evidence behind a champion, everything as it was recorded."""

    champion: Champion
    until: datetime | None
    previous: Champion | None
    """What was live right before."""
    lineage: dict[str, str]
    """What the bundle says it was made from: digests of snapshot, validation, model, verdict and spec."""
    problem: str
    """Why the bundle cannot be read any more, empty when it can."""
    entries: tuple[Entry, ...]
    """Everything recorded on the bundle and on what it was made from, oldest first."""
    statement: str
    """Digest of the signed statement of its release; "" where none was made."""
    chain: tuple[Link, ...]
    """What the statement says, link by link, and whether each still holds; empty without one."""


def history(workspace: Workspace, pipeline: str) -> list[Row]:
    """Return everything that ever went live, the newest first, on all targets."""
    until: dict[str, datetime] = {}
    rows = []
    for champion in workspace.ledger.champions(pipeline):
        rows.append(Row(champion, until.get(champion.target)))
        until[champion.target] = champion.recorded_at
    return rows


def explain(workspace: Workspace, pipeline: str, name: str | None = None) -> Explanation:
    """Return why version ``name`` (or generation ``"#3"``; None: the live one) went live.

    Raises ReleaseRefused naming what is known when it never did.
    """
    rows = history(workspace, pipeline)
    row = next((row for row in rows if name in (None, row.champion.version, f"#{row.champion.generation}")), None)
    if row is None:
        if not rows:
            raise ReleaseRefused(f"{pipeline}: nothing was ever released")
        known = {row.champion.version for row in rows} | {f"#{row.champion.generation}" for row in rows}
        raise ReleaseRefused(f"{pipeline}: {name!r} was never live.{nearest(str(name), known)}")
    champion = row.champion
    before = [r.champion for r in rows if r.champion.target == champion.target]
    lineage, problem = _lineage(workspace, champion)
    statement = statement_of(workspace.ledger, champion)
    return Explanation(
        champion=champion,
        until=row.until,
        previous=next((c for c in before if c.generation == champion.generation - 1), None),
        lineage=lineage,
        problem=problem,
        entries=_evidence(workspace.ledger, pipeline, {champion.bundle, *lineage.values()}),
        statement=statement,
        chain=chain(workspace, statement, champion) if statement else (),
    )


def retained(champions: list[Champion], keep: int = 3) -> tuple[str, ...]:
    """Return the bundles of one target's ``champions`` (newest first) to keep, at least ``keep`` where there are.

    The live one and what a roll back would give are always among them.
    """
    if not champions:
        return ()
    live = champions[0]
    previous = [c.bundle for c in champions if c.generation == live.released_as - 1]
    bundles = tuple(dict.fromkeys([live.bundle, *previous, *(c.bundle for c in champions)]))
    return bundles[: max(keep, 1 + len(previous))]


def _lineage(workspace: Workspace, champion: Champion) -> tuple[dict[str, str], str]:
    from airloop.bundle import open_bundle
    from airloop.errors import BundleError

    try:
        return dict(open_bundle(workspace, champion.bundle).facts.lineage), ""
    except BundleError as error:
        return {}, str(error)


def _evidence(ledger: Ledger, pipeline: str, subjects: set[str]) -> tuple[Entry, ...]:
    found = [entry for subject in subjects if subject for entry in ledger.entries(pipeline, subject=subject)]
    return tuple(sorted((entry for entry in found if entry.kind != CERTIFIED), key=lambda entry: entry.id))
