"""A bundle's signature: what it covers, and everything that makes it no signature."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.airloop.release.conftest import MARCH, Bench, put_bundle

from airloop import digest, evidence
from airloop.bundle import open_bundle
from airloop.errors import BundleError, EvidenceError
from airloop.refs import BundleRef
from airloop.workspace import Workspace

from .conftest import change_byte, forge_list, with_keys, write_key


@pytest.fixture
def bundle(bench: Bench) -> BundleRef:
    return bench.bundle("1")


@pytest.fixture
def workspace(bench: Bench) -> Workspace:
    return bench.workspace


def file_of(workspace: Workspace, bundle: BundleRef) -> Path:
    return workspace.store.folder("signatures", bundle.signature) / "model.sig"


def signed_anew(workspace: Workspace, bundle: BundleRef) -> str:
    return evidence.sign_bundle(workspace, open_bundle(workspace, bundle.digest))


def test_the_same_bundle_is_signed_once(workspace: Workspace, bundle: BundleRef) -> None:
    before = file_of(workspace, bundle).read_bytes()
    assert signed_anew(workspace, bundle) == bundle.signature
    assert file_of(workspace, bundle).read_bytes() == before
    assert evidence.check_bundle(workspace, bundle.digest, bundle.signature).digest == bundle.digest


def test_the_signature_is_a_standard_one_over_every_file(workspace: Workspace, bundle: BundleRef) -> None:
    content = json.loads(file_of(workspace, bundle).read_bytes())
    assert content["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    envelope = content["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %b %d %b" % (28, b"application/vnd.in-toto+json", len(payload), payload)
    public = load_pem_public_key((workspace.home / "secrets" / "signing.pub").read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed, ec.ECDSA(hashes.SHA256()))
    statement = json.loads(payload)
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    files = digest.files_of(workspace.store.folder("bundles", bundle.digest))
    files.pop(".files.json")
    assert {one["name"]: one["digest"] for one in statement["predicate"]["resources"]} == files


@pytest.mark.parametrize("name", ["bundle.json", "golden.json", "model/trainer.json", "pipeline.yaml"])
def test_one_changed_byte_of_the_bundle_is_named(workspace: Workspace, bundle: BundleRef, name: str) -> None:
    folder = workspace.store.folder("bundles", bundle.digest)
    change_byte(folder / name)
    with pytest.raises(BundleError, match=f"was changed: altered {name}"):
        evidence.check_bundle(workspace, bundle.digest, bundle.signature)
    forge_list(folder)
    with pytest.raises(BundleError, match=f"bundle {bundle.digest[:12]} in .* was changed"):
        evidence.check_bundle(workspace, bundle.digest, bundle.signature)


def test_a_file_that_was_not_signed_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    extra = workspace.store.folder("bundles", bundle.digest) / ".git" / "hooks"
    extra.parent.mkdir()
    extra.write_text("#!/bin/sh")
    with pytest.raises(BundleError, match=r"extra \.git/hooks"):
        evidence.check_bundle(workspace, bundle.digest, bundle.signature)


def test_any_changed_byte_of_the_signature_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    file = file_of(workspace, bundle)
    whole = file.read_bytes()
    for place in range(0, len(whole), 53):
        change_byte(file, place)
        with pytest.raises(EvidenceError, match=rf"signatures/{bundle.signature[:12]} is altered: model\.sig"):
            evidence.check_bundle(workspace, bundle.digest, bundle.signature)
        file.write_bytes(whole)
    assert evidence.check_bundle(workspace, bundle.digest, bundle.signature)


def test_a_forged_signature_is_refused_though_the_stores_list_fits(workspace: Workspace, bundle: BundleRef) -> None:
    file = file_of(workspace, bundle)
    content = json.loads(file.read_bytes())
    content["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(b"0" * 70).decode()
    file.write_text(json.dumps(content))
    forge_list(file.parent)
    with pytest.raises(EvidenceError, match=rf"of bundle {bundle.digest[:12]} is altered: it is not what key"):
        evidence.check_bundle(workspace, bundle.digest, bundle.signature)
    for nonsense in ("", "[]", "{}", '{"verificationMaterial": {"publicKey": {"hint": ""}}}'):
        file.write_text(nonsense)
        forge_list(file.parent)
        with pytest.raises(EvidenceError, match="is altered: it cannot be read as one"):
            evidence.check_bundle(workspace, bundle.digest, bundle.signature)


def test_unsigned_or_lost_or_of_another_bundle_is_refused(workspace: Workspace, bundle: BundleRef) -> None:
    with pytest.raises(EvidenceError, match=f"bundle {bundle.digest[:12]} is not signed: package it again"):
        evidence.check_bundle(workspace, bundle.digest, "")
    other = put_bundle(workspace, "2", MARCH)
    with pytest.raises(EvidenceError, match=f"is of bundle {other.digest[:12]}, not of {bundle.digest[:12]}"):
        evidence.check_bundle(workspace, bundle.digest, other.signature)
    shutil.rmtree(workspace.store.folder("signatures", bundle.signature))
    with pytest.raises(EvidenceError, match=rf"signatures/{bundle.signature[:12]} is not in the store at .*package it"):
        evidence.check_bundle(workspace, bundle.digest, bundle.signature)


def test_a_foreign_key_counts_only_when_it_is_named(workspace: Workspace, bundle: BundleRef, tmp_path: Path) -> None:
    foreign = write_key(tmp_path, "foreign")
    signature = signed_anew(with_keys(workspace, foreign), bundle)
    assert signature != bundle.signature
    with pytest.raises(EvidenceError, match=r"is by key [0-9a-f]{12}, which is not trusted here\. .*signing\.key"):
        evidence.check_bundle(workspace, bundle.digest, signature)
    named = with_keys(workspace, trusted=str(foreign.with_suffix(".pub")))
    assert evidence.check_bundle(named, bundle.digest, signature)


def test_a_signature_that_only_names_a_trusted_key_is_refused(
    workspace: Workspace, bundle: BundleRef, tmp_path: Path
) -> None:
    own = evidence.keys.signing_key(workspace).public.id
    signature = signed_anew(with_keys(workspace, write_key(tmp_path, "foreign")), bundle)
    forged = replace_hint(workspace, signature, own)
    with pytest.raises(EvidenceError, match=f"is altered: it is not what key {own[:12]} signed"):
        evidence.check_bundle(workspace, bundle.digest, forged)


def replace_hint(workspace: Workspace, signature: str, key: str) -> str:
    file = workspace.store.folder("signatures", signature) / "model.sig"
    content = json.loads(file.read_bytes())
    content["verificationMaterial"]["publicKey"]["hint"] = key
    file.write_text(json.dumps(content))
    forge_list(file.parent)
    return signature


def test_after_a_rotation_old_signatures_count_while_the_old_key_is_named(bench: Bench, tmp_path: Path) -> None:
    bundle = bench.bundle("1")
    old = bench.workspace.home / "secrets" / "signing.pub"
    rotated = with_keys(bench.workspace, write_key(tmp_path, "new"))
    with pytest.raises(EvidenceError, match=r"not trusted here\. Trusted: [0-9a-f]{12} \(.*new\.key\); AIRLOOP_"):
        evidence.check_bundle(rotated, bundle.digest, bundle.signature)
    assert evidence.check_bundle(replace(rotated, trusted_keys=str(old)), bundle.digest, bundle.signature)
    left = rotated.store.folder("signatures", bundle.signature) / "key.pub"
    assert left.read_text() == old.read_text(), "the key that signed lies beside the signature"
    anew = signed_anew(rotated, bundle)
    assert evidence.check_bundle(rotated, bundle.digest, anew)


def test_the_room_is_entered_without_its_heavy_libraries() -> None:
    code = "import sys, airloop.evidence; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=True, capture_output=True
    )
    loaded = set(said.stdout.decode().split())
    assert "airloop.evidence.signing" in loaded
    assert (
        loaded & {"model_signing", "sigstore", "cyclonedx", "securesystemslib", "cryptography", "docker", "pandas"}
        == set()
    )
