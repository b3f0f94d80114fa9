"""Checking: everything that a signed statement names is looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from airloop.errors import EvidenceError, Unreachable
from airloop.evidence.links import IMAGE, Link, State, links, looked_at
from airloop.evidence.statement import Statement, read

if TYPE_CHECKING:
    from airloop.ledger import Champion
    from airloop.workspace import Workspace


def check(workspace: Workspace, digest: str, champion: Champion | None = None) -> Statement:
    """Return the statement if its signature and everything it names still hold, and it is of ``champion`` if given.

    Raises EvidenceError naming every link that does not, Unreachable when one cannot be looked at now.
    """
    statement = read(workspace, digest)
    refuse_unless_whole(_chain(workspace, statement, champion, True), f"the statement {digest[:12]} does not hold")
    return statement


def chain(workspace: Workspace, digest: str, champion: Champion, *, heal: bool = False) -> tuple[Link, ...]:
    """Return every link behind a champion, from the snapshot to the release, each looked at now; nothing is raised.

    ``heal`` fetches, or makes again, an image that the engine does not have; without it nothing is changed.
    """
    found: list[Statement] = []
    document = looked_at("statement", digest, lambda: found.append(read(workspace, digest)), (), shipped=True)
    if not found:
        return (document,)
    by = f"by key {found[0].key[:12]}, for run {found[0].facts['runId']}"
    return (*_chain(workspace, found[0], champion, heal), replace(document, says=(by,)))


def still_holds(workspace: Workspace, digest: str, champion: Champion, *, heal: bool = True) -> tuple[str, ...]:
    """Return what nobody can look at any more of why an earlier release was allowed, so that it may run again.

    What runs must be whole, and nothing may be altered: raises EvidenceError, or Unreachable, as ``check`` does. An old
    snapshot or report that was cleaned away is no reason to keep a bad release live. Without ``heal`` nothing is
    changed, and an image that would have to be fetched or made again is among what is returned.
    """
    found = chain(workspace, digest, champion, heal=heal)
    gone = [link for link in found if link.state == State.GONE and _is_spared(link, heal)]
    refuse_unless_whole((link for link in found if link not in gone), f"the statement {digest[:12]} does not hold")
    return tuple(_told_of(link) for link in gone)


def _is_spared(link: Link, heal: bool) -> bool:
    """Return whether a release may run although what the link names is gone, or would be got again where it runs."""
    return not link.is_shipped or (link.name == IMAGE and not heal)


def _told_of(link: Link) -> str:
    if link.name == IMAGE:
        return "its image is not on the engine: it is fetched, or made again, first"
    return f"{link.name} {link.what[:12]} is gone: nobody can look at it again"


def _chain(workspace: Workspace, statement: Statement, champion: Champion | None, heal: bool) -> Iterator[Link]:
    yield from links(workspace, statement, heal=heal)
    if champion is not None:
        what = f"generation #{champion.generation} on {champion.target}"
        yield looked_at("release", what, lambda: _refuse_unless_of(statement, champion), (), shipped=True)


def _refuse_unless_of(statement: Statement, champion: Champion) -> None:
    """Raise EvidenceError where a statement of another release is shown."""
    facts = statement.facts
    said = (facts["pipeline"], facts["target"], facts["version"], statement.bundle, statement.image)
    live = (champion.pipeline, champion.target, champion.version, champion.bundle, champion.image)
    names = ("pipeline", "target", "version", "bundle", "image")
    differ = [f"{name} {one}, not {other}" for name, one, other in zip(names, said, live, strict=True) if one != other]
    if differ:
        raise EvidenceError(f"the statement {statement.digest[:12]} is of another release: {'; '.join(differ)}")


def refuse_unless_whole(chain: Iterable[Link], otherwise: str) -> None:
    """Raise EvidenceError naming every link that does not hold; Unreachable where they only cannot be looked at."""
    bad = [link for link in chain if link.state != State.HOLDS]
    if not bad:
        return
    words = "; ".join(f"{link.name}: {link.problem}" for link in bad)
    unknown = all(link.state == State.UNKNOWN for link in bad)
    raise (Unreachable if unknown else EvidenceError)(f"{otherwise}: {words}")
