"""A bundle's signature, as OpenSSF model-signing makes it: it names every file of the bundle with its digest."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.bundle import Bundle, open_bundle
from airloop.errors import EvidenceError
from airloop.evidence import keys
from airloop.evidence.pem import LEFT, PublicKey
from airloop.evidence.stored import Gone, folder_of
from airloop.store import MANIFEST

if TYPE_CHECKING:
    from airloop.workspace import Workspace

KIND = "signatures"
FILE = "model.sig"
METHOD = 1
"""Counts the changes of what is signed; a new number signs old bundles anew."""

_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError)
"""What reading a text that others wrote raises when it is not what it should be."""


def sign_bundle(workspace: Workspace, bundle: Bundle) -> str:
    """Sign every byte of the bundle, unless this key already did; return the signature's digest.

    Raises EvidenceError when the key cannot be used, Unreachable when the store does not answer.
    """
    key = keys.signing_key(workspace)
    name = digest.of_value(["model-signing", METHOD, bundle.digest, key.public.id])
    if not workspace.store.has(KIND, name):
        import model_signing as library  # with Sigstore it takes 0.3 s

        with key.as_file() as private, workspace.store.writing(KIND, name) as folder:
            config = library.signing.Config().use_elliptic_key_signer(private_key=private)
            config.set_hashing_config(_hashing(library)).sign(bundle.folder, folder / FILE)
            key.public.leave_in(folder)
    return name


def check_bundle(workspace: Workspace, bundle_digest: str, signature: str) -> Bundle:
    """Return the opened bundle if a trusted key signed exactly its bytes.

    Raises BundleError when a byte of the bundle changed, EvidenceError when it is unsigned, when its signature is
    missing, altered, of another bundle, or of a key that is not trusted.
    """
    bundle = open_bundle(workspace, bundle_digest)
    file = _file(workspace, bundle_digest, signature)
    which = f"the signature {signature[:12]}"
    by, signed = _read(file, which)
    if signed != bundle_digest:
        raise EvidenceError(f"{which} is of bundle {signed[:12]}, not of {bundle_digest[:12]}")
    _verify(_trusted(workspace, by, which), bundle.folder, file, f"{which} of bundle {bundle_digest[:12]}")
    return bundle


def key_of(workspace: Workspace, bundle_digest: str, signature: str) -> str:
    """Return the id of the key that a signature says it was made by. Raises EvidenceError."""
    return _read(_file(workspace, bundle_digest, signature), f"the signature {signature[:12]}")[0]


def _file(workspace: Workspace, bundle_digest: str, signature: str) -> Path:
    if not signature:
        raise EvidenceError(f"bundle {bundle_digest[:12]} is not signed: package it again, that signs it")
    try:
        return folder_of(workspace, KIND, signature) / FILE
    except Gone as error:
        raise Gone(f"the signature of bundle {bundle_digest[:12]}: {error}; package it again, that signs it") from None


def _read(file: Path, which: str) -> tuple[str, str]:
    """Return the key's id and the bundle's digest that a signature names; nothing is proved yet.

    A bundle's digest is of the paths and digests of its files, and those are what is signed.
    """
    try:
        content = json.loads(file.read_bytes())
        by = str(content["verificationMaterial"]["publicKey"]["hint"])
        statement = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
        return by, digest.of_value({one["name"]: one["digest"] for one in statement["predicate"]["resources"]})
    except _UNREADABLE as error:
        raise EvidenceError(f"{which} is altered: it cannot be read as one") from error


def _trusted(workspace: Workspace, by: str, which: str) -> PublicKey:
    known = keys.trusted(workspace)
    if by not in known:
        raise EvidenceError(
            f"{which} is by key {by[:12]}, which is not trusted here. Trusted: {keys.told(known)}; "
            f"AIRLOOP_TRUSTED_KEYS names more, and its {LEFT} lies beside it for a person to judge"
        )
    return known[by]


def _verify(key: PublicKey, folder: Path, file: Path, which: str) -> None:
    import model_signing as library
    from cryptography.exceptions import InvalidSignature

    with key.as_file() as public:
        config = library.verifying.Config().use_elliptic_key_verifier(public_key=public)
        try:
            config.set_hashing_config(_hashing(library)).verify(folder, file)
        except (*_UNREADABLE, InvalidSignature) as error:
            raise EvidenceError(f"{which} is altered: it is not what key {key.id[:12]} signed") from error


def _hashing(library: Any) -> Any:
    """Return how files are listed: all of them, but the store's own list."""
    return library.hashing.Config().set_ignored_paths(paths=[MANIFEST], ignore_git_paths=False)
