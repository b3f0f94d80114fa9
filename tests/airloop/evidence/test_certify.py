"""The statement of a release: what it says, and everything that makes it not hold."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.airloop.release.conftest import GATE, PASSED, PROMOTED, SNAPSHOT, VALIDATION, Bench

from airloop import digest, evidence
from airloop.errors import EvidenceError
from airloop.refs import BundleRef
from airloop.store import MANIFEST
from airloop.workspace import Workspace

from .conftest import certified, change_byte, forge_list, live, with_keys, write_key

DOCUMENTS = {
    "snapshot": ("snapshots", SNAPSHOT, "value.json"),
    "validation": ("validations", VALIDATION, "value.json"),
    "verdict": ("verdicts", PROMOTED.digest, "verdict.json"),
    "verification": ("verifications", PASSED.digest, "value.json"),
}


@pytest.fixture
def bundle(bench: Bench) -> BundleRef:
    return bench.bundle("1")


@pytest.fixture
def workspace(bench: Bench) -> Workspace:
    return bench.workspace


def envelope_of(workspace: Workspace, name: str) -> Path:
    return workspace.store.folder("evidence", name) / "release.dsse.json"


def test_a_statement_says_all_that_a_release_rests_on(workspace: Workspace, bundle: BundleRef) -> None:
    statement = evidence.check(workspace, certified(workspace, bundle))
    assert statement.body["_type"] == "https://in-toto.io/Statement/v1"
    assert statement.body["subject"] == [{"name": "flights/1", "digest": {"sha256": bundle.digest}}]
    facts = statement.facts
    said = ("pipeline", "version", "target", "runId", "approvedBy", "dataCutOff")
    assert [facts[name] for name in said] == ["flights", "1", "local", "monday", "ann", "2013-03-18T00:00:00Z"]
    assert {name: facts[name]["digest"] for name in DOCUMENTS} == {name: at[1] for name, at in DOCUMENTS.items()}
    assert facts["snapshot"]["rows"] == 9000
    (gate,) = facts["verdict"]["gates"]
    assert (gate["rule"], gate["bound"], gate["confidence"]) == (GATE["rule"], [0.68, 0.72], 0.975)
    assert facts["signature"]["key"] == statement.key == evidence.keys.signing_key(workspace).public.id
    assert (statement.bundle, statement.image) == (bundle.digest, "")


def test_the_same_release_gives_the_same_statement_and_another_run_another(
    workspace: Workspace, bundle: BundleRef
) -> None:
    first = certified(workspace, bundle)
    before = envelope_of(workspace, first).read_bytes()
    assert certified(workspace, bundle) == first
    assert envelope_of(workspace, first).read_bytes() == before
    others = {certified(workspace, bundle, run_id="tuesday"), certified(workspace, bundle, by="bob")}
    assert len({first, *others}) == 3


def test_any_tool_can_check_the_envelope(workspace: Workspace, bundle: BundleRef) -> None:
    envelope = json.loads(envelope_of(workspace, certified(workspace, bundle)).read_bytes())
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %b %d %b" % (28, b"application/vnd.in-toto+json", len(payload), payload)
    public = load_pem_public_key((workspace.home / "secrets" / "signing.pub").read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_one_changed_byte_of_a_document_is_named(workspace: Workspace, bundle: BundleRef, name: str) -> None:
    kind, document, file = DOCUMENTS[name]
    folder = workspace.store.folder(kind, document)
    statement = certified(workspace, bundle)
    change_byte(folder / file)
    with pytest.raises(EvidenceError, match=f"{kind}/{document[:12]} is altered: {file}"):
        certified(workspace, bundle, run_id="later")
    with pytest.raises(EvidenceError, match=f"does not hold: {name}: {kind}/{document[:12]} is altered: {file}"):
        evidence.check(workspace, statement)
    forge_list(folder)
    with pytest.raises(EvidenceError, match=f"{name}: {kind}/{document[:12]} is not what was signed for"):
        evidence.check(workspace, statement)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_lost_document_is_named(workspace: Workspace, bundle: BundleRef, name: str) -> None:
    kind, document, _ = DOCUMENTS[name]
    statement = certified(workspace, bundle)
    shutil.rmtree(workspace.store.folder(kind, document))
    with pytest.raises(EvidenceError, match=f"{kind}/{document[:12]} is not in the store at"):
        certified(workspace, bundle, run_id="later")
    with pytest.raises(EvidenceError, match=f"does not hold: {name}: {kind}/{document[:12]} is not in the store"):
        evidence.check(workspace, statement)


def test_everything_that_does_not_hold_is_named_at_once(workspace: Workspace, bundle: BundleRef) -> None:
    statement = certified(workspace, bundle)
    for kind, document, file in DOCUMENTS.values():
        change_byte(workspace.store.folder(kind, document) / file)
    change_byte(workspace.store.folder("bundles", bundle.digest) / "golden.json")
    with pytest.raises(EvidenceError) as caught:
        evidence.check(workspace, statement)
    for name in (*DOCUMENTS, "bundle", "signature"):
        assert f"{name}: " in str(caught.value)


def test_a_document_that_does_not_say_what_was_handed_on_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    folder = workspace.store.folder("verdicts", PROMOTED.digest)
    judged = json.loads((folder / "verdict.json").read_bytes())
    (folder / "verdict.json").write_text(json.dumps(judged | {"reasons": ["much better"]}))
    forge_list(folder)
    with pytest.raises(EvidenceError, match=r"verdict v{12} in the store says other than was handed on: PROMOTE: much"):
        certified(workspace, bundle)
    (folder / "verdict.json").write_text("{}")
    forge_list(folder)
    with pytest.raises(EvidenceError, match=r"verdicts/v{12} cannot be read as a verdict: 'gates'"):
        certified(workspace, bundle)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ({"passed": False}, "verification p{12} in the store did not pass"),
        (
            {"passed": True, "image": f"sha256:{'1' * 64}"},
            "verification p{12} is of sha256:1+, not of the bundle itself",
        ),
    ],
)
def test_a_verification_that_failed_or_was_of_something_else_is_refused(
    workspace: Workspace, bundle: BundleRef, measured: dict[str, object], words: str
) -> None:
    folder = workspace.store.folder("verifications", PASSED.digest)
    (folder / "value.json").write_text(json.dumps(measured))
    forge_list(folder)
    with pytest.raises(EvidenceError, match=words):
        certified(workspace, bundle)


def test_any_changed_byte_of_the_statement_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    name = certified(workspace, bundle)
    file = envelope_of(workspace, name)
    whole = file.read_bytes()
    for place in range(0, len(whole), 211):
        change_byte(file, place)
        with pytest.raises(EvidenceError, match=rf"evidence/{name[:12]} is altered: release\.dsse\.json"):
            evidence.check(workspace, name)
        file.write_bytes(whole)
    assert evidence.check(workspace, name)


def forged(workspace: Workspace, name: str, **changed: object) -> None:
    """Let a statement say something else, as somebody does who knows the store."""
    file = envelope_of(workspace, name)
    envelope = json.loads(file.read_bytes())
    body = json.loads(base64.b64decode(envelope["payload"]))
    body["predicate"] |= changed
    payload = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    file.write_text(json.dumps(envelope | {"payload": base64.b64encode(payload).decode()}))
    forge_list(file.parent)


def test_a_forged_statement_is_refused_though_the_stores_list_fits(workspace: Workspace, bundle: BundleRef) -> None:
    name = certified(workspace, bundle)
    forged(workspace, name, approvedBy="the director")
    with pytest.raises(EvidenceError, match=rf"the statement {name[:12]} is altered: its bytes are not what key"):
        evidence.check(workspace, name)
    file = envelope_of(workspace, name)
    file.write_text("[]")
    forge_list(file.parent)
    with pytest.raises(EvidenceError, match="is altered: it is no DSSE envelope"):
        evidence.check(workspace, name)


def test_a_statement_in_the_place_of_another_is_refused(bench: Bench) -> None:
    one, two = (certified(bench.workspace, bench.bundle(version)) for version in "12")
    place = bench.workspace.store.folder("evidence", two)
    shutil.rmtree(place)
    shutil.copytree(bench.workspace.store.folder("evidence", one), place)
    with pytest.raises(EvidenceError, match=f"statement {two[:12]} is another one: what lies there is {one[:12]}"):
        evidence.check(bench.workspace, two)


def test_an_older_statement_does_not_stand_for_another_release(bench: Bench) -> None:
    older = bench.release(bench.bundle("1"))
    newer = bench.release(bench.bundle("2", days=7))
    champion = live(bench)
    assert evidence.check(bench.workspace, newer.evidence, champion)
    words = f"release: the statement {older.evidence[:12]} is of another release: version 1, not 2; bundle"
    with pytest.raises(EvidenceError, match=words):
        evidence.check(bench.workspace, older.evidence, champion)
    with pytest.raises(EvidenceError, match="is of another release: target local, not docker"):
        evidence.check(bench.workspace, newer.evidence, replace(champion, target="docker"))


def test_another_kind_of_signed_statement_is_no_release(workspace: Workspace, bundle: BundleRef) -> None:
    from airloop.evidence.statement import sign

    other = sign(
        workspace, {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1"}
    )
    with pytest.raises(EvidenceError, match=r"is no statement of a release but a https://slsa\.dev/provenance/v1"):
        evidence.check(workspace, other.digest)


def test_a_statement_by_a_foreign_key_counts_only_when_it_is_named(
    workspace: Workspace, bundle: BundleRef, tmp_path: Path
) -> None:
    foreign = write_key(tmp_path, "foreign")
    theirs = with_keys(workspace, foreign, str(workspace.home / "secrets" / "signing.pub"))
    name = certified(theirs, bundle)
    assert name != certified(workspace, bundle)
    with pytest.raises(EvidenceError, match=rf"the statement {name[:12]} is by key [0-9a-f]+, which is not trusted"):
        evidence.check(workspace, name)
    assert evidence.check(with_keys(workspace, trusted=str(foreign.with_suffix(".pub"))), name)


def test_nothing_is_certified_without_a_snapshot(workspace: Workspace, bundle: BundleRef) -> None:
    folder = workspace.store.folder("bundles", bundle.digest)
    facts = json.loads((folder / "bundle.json").read_bytes())
    del facts["lineage"]["snapshot"]
    (folder / "bundle.json").write_text(json.dumps(facts))
    forge_list(folder)
    files = json.loads((folder / MANIFEST).read_text())
    other = bundle.model_copy(update={"digest": digest.of_value(files)})
    folder.rename(folder.with_name(other.digest))
    with pytest.raises(EvidenceError, match="no snapshot is known"):
        certified(workspace, other)
