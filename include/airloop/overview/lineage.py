"""What a version was made from: down to the partitions of its rows and the commit of its code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airloop import evidence
from airloop.errors import AirloopError, SpecError
from airloop.evidence import documents
from airloop.evidence.links import looked_at
from airloop.evidence.stored import folder_of
from airloop.overview import addresses
from airloop.overview.making import Making, making_of
from airloop.overview.shapes import Lineage, Made, Part
from airloop.release.hand_over import statement_of
from airloop.spec import Pipeline, find
from airloop.spec.checkout import CHANGED

if TYPE_CHECKING:
    from airloop.evidence import Link
    from airloop.workspace import Workspace

MOST_PARTS = 2_000
"""Partitions that are shown, the newest."""
_KINDS = {"snapshot": "snapshots", "validation": "validations", "model": "models", "verdict": "verdicts"}
_PAGES = {"validation": ("validations", "index.html"), "verdict": ("verdicts", "report.html")}


def lineage(workspace: Workspace, name: str, version: str) -> Lineage:
    """Return every link of the chain behind a version, each looked at now, whether it was ever live or not.

    Raises UnknownName for a version that nothing is known of, Unreachable and LedgerError.
    """
    making = making_of(workspace, name, version)
    statement = statement_of(workspace.ledger, making.champion) if making.champion else ""
    parts, gone = _parts(workspace, making.lineage.get("snapshot", ""))
    return Lineage(
        version=version,
        links=(*_code(workspace, name, making), *_chain(workspace, making, statement)),
        partitions=parts[-MOST_PARTS:],
        commit=making.commit,
        is_signed=bool(statement),
        left_out=max(len(parts) - MOST_PARTS, 0),
        problem="; ".join(filter(None, (making.problem, gone))),
    )


def _code(workspace: Workspace, name: str, making: Making) -> Iterator[Made]:
    """Yield what people wrote, and what it was run with."""
    if making.commit:
        changed = making.commit.endswith(CHANGED)
        says = ("the folder had changes that were not committed",) if changed else ()
        yield Made(name="commit", what=making.commit.removesuffix(CHANGED), says=says, state="holds")
    today = _today(workspace, name)
    for key, called in (("spec", "spec"), ("feature_code", "feature code")):
        if key in making.lineage:
            same = "the same as today" if today.get(key) == making.lineage[key] else "changed since then"
            says = (same,) if today else ()
            yield Made(name=called, what=making.lineage[key], says=says, state="holds")
    if making.versions:
        used = ", ".join(f"{library} {version}" for library, version in sorted(making.versions.items()) if version)
        yield Made(name="made with", what=used, says=(), state="holds")


def _today(workspace: Workspace, name: str) -> dict[str, str]:
    """Return the digests of description and feature code as they are now, none where they cannot be read."""
    from airloop.training.identity import code_digest, spec_digest

    try:
        pipeline: Pipeline = find(name, workspace)
        return {"spec": spec_digest(pipeline), "feature_code": code_digest(pipeline)}
    except (SpecError, AirloopError, OSError):
        return {}


def _chain(workspace: Workspace, making: Making, statement: str) -> Iterator[Made]:
    """Yield the links as the signed statement of the release names them, else as bundle, store and ledger do."""
    model = [one for one in _facts(workspace, making) if one.name == "model"]
    if statement and making.champion:
        signed = [_made(link, making) for link in evidence.chain(workspace, statement, making.champion)]
        data = [one for one in signed if one.name in ("snapshot", "validation")]
        yield from (*data, *model, *(one for one in signed if one not in data))
        return
    yield from _facts(workspace, making)
    if making.champion and making.champion.by:
        yield Made(name="approval", what=making.champion.by, says=(), state="holds")
    if making.bundle:
        yield _looked_at(workspace, "bundle", "bundles", making.bundle, making)
    if making.verification:
        yield _looked_at(workspace, "verification", "verifications", making.verification, making)


def _facts(workspace: Workspace, making: Making) -> Iterator[Made]:
    rehearsed = making.verdict is not None and making.verdict.kind == "backtest"
    for name, kind in _KINDS.items():
        if name in making.lineage:
            kind = "rehearsals" if name == "verdict" and rehearsed else kind
            yield _looked_at(workspace, name, kind, making.lineage[name], making)


def _looked_at(workspace: Workspace, name: str, kind: str, digest: str, making: Making) -> Made:
    link = looked_at(name, digest, lambda: folder_of(workspace, kind, digest), (), shipped=False)
    says: tuple[str, ...] = ()
    if link.state == "holds" and documents.KINDS.get(name) == kind:
        try:
            says = documents.in_words(name, documents.described(workspace, name, digest))
        except (AirloopError, LookupError, TypeError):
            says = ()
    return _made(link, making, says)


def _made(link: Link, making: Making, says: tuple[str, ...] = ()) -> Made:
    page = _PAGES.get(link.name)
    rehearsed = link.name == "verdict" and making.verdict is not None and making.verdict.kind == "backtest"
    url = addresses.artifact(page[0], link.what, page[1]) if page and link.state == "holds" and not rehearsed else ""
    if link.name == "model" and making.training:
        url = addresses.training(making.training)
    state: Any = link.state.value
    return Made(
        name=link.name, what=link.what, says=says or tuple(link.says), state=state, problem=link.problem, url=url
    )


def _parts(workspace: Workspace, snapshot: str) -> tuple[tuple[Part, ...], str]:
    """Return the partitions of a snapshot, the oldest first, and why they are not known."""
    from airloop.data import load_snapshot

    if not snapshot:
        return (), "nothing says which rows it was trained on"
    try:
        found = load_snapshot(workspace, snapshot)
    except (FileNotFoundError, ValueError):
        return (), f"its snapshot {snapshot[:12]} is not in the store any more, so its partitions are not known"
    return tuple(Part(start=one.start, digest=one.digest, rows=one.rows) for one in found.partitions), ""
