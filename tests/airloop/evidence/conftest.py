"""Releases on a bench, and hands that alter what lies in the store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests.airloop.release.conftest import PASSED, PROMOTED, Bench, workspace_in

from airloop import digest, evidence
from airloop.ledger import Champion
from airloop.refs import BundleRef
from airloop.release.simulated import SimulatedTarget
from airloop.store import MANIFEST
from airloop.workspace import Workspace


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with nothing released."""
    return Bench(workspace_in(tmp_path), SimulatedTarget(tmp_path / "target"))


def certified(workspace: Workspace, bundle: BundleRef, **given: str) -> str:
    """Certify the release of a bundle by hand."""
    said = {"by": "ann", "run_id": "monday", "target": "local"} | given
    return evidence.certify(workspace, "flights", bundle=bundle, verdict=PROMOTED, verification=PASSED, **said)


def live(bench: Bench) -> Champion:
    champion = bench.workspace.ledger.live("flights", "local")
    assert champion is not None
    return champion


def change_byte(file: Path, place: int = -2) -> None:
    """Change one byte, and nothing else."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


def forge_list(folder: Path) -> None:
    """Make the store's own list fit the files again, as somebody does who knows of it."""
    files = digest.files_of(folder)
    files.pop(MANIFEST)
    (folder / MANIFEST).write_text(json.dumps(files))


def write_key(folder: Path, name: str, curve: ec.EllipticCurve | None = None) -> Path:
    """Write a private key as ``name.key`` and its public half as ``name.pub``; return the first."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    file = folder / f"{name}.key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.with_suffix(".pub").write_bytes(public)
    return file


def with_keys(workspace: Workspace, signing: Path | str = "", trusted: str = "") -> Workspace:
    return replace(workspace, signing_key=str(signing), trusted_keys=trusted)
