"""The chain behind a release, link by link: what the statement says of each, and whether it still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from airloop import clock
from airloop.bundle import open_bundle
from airloop.errors import AirloopError, EvidenceError, ImageError, Unreachable
from airloop.evidence import documents, sbom, signing
from airloop.evidence.stored import Gone, folder_of

if TYPE_CHECKING:
    from airloop.evidence.statement import Statement
    from airloop.workspace import Workspace

MADE_FROM = ("snapshot", "validation", "verdict")
IMAGE = "image"
"""The link that an engine may have to get anew."""


class State(StrEnum):
    """Whether a link holds."""

    HOLDS = "holds"
    GONE = "gone"
    """What it names is not there any more, so nobody can look at it again."""
    BROKEN = "broken"
    """What it names is not what was signed for."""
    UNKNOWN = "unknown"
    """It cannot be looked at now: a store, an engine or a registry does not answer."""


@dataclass(frozen=True)
class Link:
    """One link: ``what`` names it (a digest, a reference, a person), ``says`` is what the statement says of it."""

    name: str
    what: str
    says: Sequence[str] = ()
    state: State = State.HOLDS
    problem: str = ""
    is_shipped: bool = False
    """Whether what it names is what runs, or proves what runs; the others explain why it may."""


def looked_at(name: str, what: str, check: Callable[[], object], says: Sequence[str], *, shipped: bool) -> Link:
    """Return a link that holds unless ``check`` raises."""
    state, problem = State.HOLDS, ""
    try:
        check()
    except Unreachable as error:
        state, problem = State.UNKNOWN, str(error)
    except Gone as error:
        state, problem = State.GONE, str(error)
    except AirloopError as error:
        state, problem = State.BROKEN, str(error)
    return Link(name, what, says, state, problem, shipped)


def links(workspace: Workspace, statement: Statement, *, heal: bool) -> Iterator[Link]:
    """Yield the links of a statement in the order in which they were forged, each looked at now.

    ``heal`` fetches, or makes again, an image that the engine does not have; without it nothing is changed.
    """
    facts = statement.facts
    for name in MADE_FROM:
        yield _document(workspace, statement, name)
    yield Link("approval", facts["approvedBy"] or "nobody was asked")
    data = clock.told(clock.parse(facts["dataCutOff"]))
    made_from = (f"version {facts['version']}, data up to {data}",)
    yield looked_at("bundle", statement.bundle, lambda: _bundle(workspace, statement), made_from, shipped=True)
    signature = facts["signature"]
    by = (f"by key {signature['key'][:12]}",)
    yield looked_at("signature", signature["digest"], lambda: _signature(workspace, statement), by, shipped=True)
    if statement.image:
        yield looked_at(IMAGE, statement.image, lambda: _image(workspace, statement, heal), (), shipped=True)
        listed = (f"{facts['sbom']['components']} components",)
        yield looked_at("SBOM", facts["sbom"]["digest"], lambda: _sbom(workspace, statement), listed, shipped=True)
    yield _document(workspace, statement, "verification")


def _document(workspace: Workspace, statement: Statement, name: str) -> Link:
    said = statement.facts[name]

    def check() -> None:
        documents.check_document(workspace, documents.KINDS[name], said)

    return looked_at(name, said["digest"], check, documents.in_words(name, said), shipped=False)


def _bundle(workspace: Workspace, statement: Statement) -> None:
    lineage = open_bundle(workspace, statement.bundle).facts.lineage
    for name in MADE_FROM:
        said, found = statement.facts[name]["digest"], lineage.get(name, "")
        if found != said:
            raise EvidenceError(f"bundle {statement.bundle[:12]} was made after {name} {found[:12]}, not {said[:12]}")


def _signature(workspace: Workspace, statement: Statement) -> None:
    said = statement.facts["signature"]
    signing.check_bundle(workspace, statement.bundle, said["digest"])
    documents.check_document(workspace, signing.KIND, said)


def _image(workspace: Workspace, statement: Statement, heal: bool) -> None:
    from airloop import images

    of = images.find(workspace, statement.image).bundle
    if of != statement.bundle:
        raise EvidenceError(f"image {statement.image} was made of bundle {of[:12]}, not {statement.bundle[:12]}")
    if statement.facts["target"] == "kubernetes":
        images.pullable(workspace, statement.image)
        return
    if not heal:
        _refuse_unless_on_engine(statement.image)
    images.ready(workspace, statement.image)


def _refuse_unless_on_engine(reference: str) -> None:
    from airloop.engine import answering, connected

    try:
        with connected() as client, answering():
            client.images.get(reference)
    except ImageError:
        raise Gone(f"{reference} is not on the Docker engine; a release or a roll back gets it there again") from None


def _sbom(workspace: Workspace, statement: Statement) -> None:
    name = statement.facts["sbom"]["digest"]
    folder_of(workspace, sbom.KIND, name)
    sbom.check_sbom(workspace, name, statement.image, statement.bundle)
