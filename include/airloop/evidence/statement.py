"""The statement of a release: an in-toto Statement v1 in a DSSE envelope, as any supply-chain tool reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.errors import EvidenceError
from airloop.evidence import keys
from airloop.evidence.pem import LEFT, PublicKey
from airloop.evidence.stored import folder_of

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    from airloop.workspace import Workspace

KIND = "evidence"
FILE = "release.dsse.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://airloop.dev/release/v1"


@dataclass(frozen=True)
class Statement:
    """What is said of a release, and by whose key; ``body`` is the in-toto statement."""

    body: Mapping[str, Any]
    key: str
    """Id of the key that signed it; "" before that."""

    @cached_property
    def digest(self) -> str:
        """Its name in the store: of its content and the key."""
        return digest.of_value([digest.of_bytes(self.payload), self.key])

    @property
    def payload(self) -> bytes:
        """The bytes that are signed."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def facts(self) -> Mapping[str, Any]:
        """The predicate: everything that is said of the subjects."""
        facts: Mapping[str, Any] = self.body["predicate"]
        return facts

    @property
    def bundle(self) -> str:
        """Digest of the bundle that may be live."""
        return str(self.body["subject"][0]["digest"]["sha256"])

    @property
    def image(self) -> str:
        """What runs it, by its digest; "" where the target serves bundles as they are."""
        return str(self.facts.get("image", ""))


def sign(workspace: Workspace, body: Mapping[str, Any]) -> Statement:
    """Sign a statement and keep it, unless it is there already. Raises EvidenceError when the key cannot be used."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    key = keys.signing_key(workspace)
    statement = Statement(body, key.public.id)
    if not workspace.store.has(KIND, statement.digest):
        envelope = Envelope(statement.payload, PAYLOAD_TYPE, {})
        envelope.sign(CryptoSigner(key.private, _checker(key.public)))
        with workspace.store.writing(KIND, statement.digest) as folder:
            (folder / FILE).write_text(json.dumps(envelope.to_dict(), indent=1), encoding="utf-8")
            key.public.leave_in(folder)
    return statement


def read(workspace: Workspace, name: str) -> Statement:
    """Return the statement with this digest, signed by a trusted key and unaltered.

    Raises Gone when it is not in the store, EvidenceError when a byte of it changed or its key is not trusted.
    """
    which = f"the statement {name[:12]}"
    envelope = _envelope((folder_of(workspace, KIND, name) / FILE).read_bytes(), which)
    signers = list(envelope.signatures)
    trusted = keys.trusted(workspace)
    if len(signers) != 1 or signers[0] not in trusted:
        raise EvidenceError(
            f"{which} is by key {', '.join(one[:12] for one in signers) or 'nobody'}, which is not trusted here. "
            f"Trusted: {keys.told(trusted)}; AIRLOOP_TRUSTED_KEYS names more, and its {LEFT} lies beside it for a "
            "person to judge"
        )
    return _verified(envelope, trusted[signers[0]], name, which)


def _verified(envelope: Envelope, key: PublicKey, name: str, which: str) -> Statement:
    from securesystemslib.exceptions import VerificationError

    try:
        envelope.verify([_checker(key)], 1)
    except VerificationError:
        raise EvidenceError(f"{which} is altered: its bytes are not what key {key.id[:12]} signed") from None
    body = json.loads(envelope.payload)
    said = (envelope.payload_type, body.get("_type"), body.get("predicateType"))
    if said != (PAYLOAD_TYPE, STATEMENT_TYPE, PREDICATE_TYPE):
        raise EvidenceError(f"{which} is no statement of a release but a {said[2] or said[0]}")
    statement = Statement(body, key.id)
    if statement.digest != name:
        raise EvidenceError(f"{which} is another one: what lies there is {statement.digest[:12]}")
    return statement


def _envelope(content: bytes, which: str) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    try:
        return Envelope.from_dict(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, FormatError) as error:
        raise EvidenceError(f"{which} is altered: it is no DSSE envelope ({error})") from error


def _checker(key: PublicKey) -> SSlibKey:
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(key.loaded, keyid=key.id)
