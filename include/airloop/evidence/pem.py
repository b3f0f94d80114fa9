"""Keys on curve P-256 or P-384, as PEM texts. A private one never leaves this module but to sign."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from airloop import digest
from airloop.errors import EvidenceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

LEFT = "key.pub"
CURVES = ("secp256r1", "secp384r1")
_MADE_FOR = "an unencrypted private key on curve P-256 or P-384, in PEM"


@dataclass(frozen=True)
class PublicKey:
    """A key that checks signatures; ``origin`` says where it was found."""

    pem: str
    origin: str

    @cached_property
    def id(self) -> str:
        """SHA-256 (hex) of the PEM text, which signatures name their key by (OpenSSF model-signing does the same)."""
        return digest.of_bytes(self.pem.encode())

    @cached_property
    def loaded(self) -> EllipticCurvePublicKey:
        """The key as ``cryptography`` has it."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        return load_pem_public_key(self.pem.encode())  # type: ignore[return-value]  # checked when it was read

    def leave_in(self, folder: Path) -> None:
        """Leave the key beside what it signed: it proves nothing, but a person may decide to trust it later."""
        (folder / LEFT).write_text(self.pem, encoding="utf-8")

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Give a file with the key, for libraries that read one."""
        with tempfile.TemporaryDirectory(prefix="airloop-key-") as folder:
            path = Path(folder, "public.pem")
            path.write_text(self.pem, encoding="utf-8")
            yield path


@dataclass(frozen=True)
class SigningKey:
    """The key that signs; its private half is shown nowhere."""

    public: PublicKey
    private: EllipticCurvePrivateKey = field(repr=False, compare=False)

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Give a file with the private key that only this process can open, and that lies on no disk where it can."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        pem = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("airloop-key")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(pem)
                stream.flush()
                yield Path(f"/proc/self/fd/{descriptor}")
        else:
            with tempfile.TemporaryDirectory(prefix="airloop-key-") as folder:  # mode 700
                path = Path(folder, "private.pem")
                path.write_bytes(pem)
                yield path


def read_private(pem: str, origin: str) -> SigningKey:
    """Return the signing key in a PEM text. Raises EvidenceError, without a word of it, for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: the message of a parser may quote what it parsed.
        raise EvidenceError(f"{origin}: this is not {_MADE_FOR}") from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise EvidenceError(f"{origin}: this is not {_MADE_FOR}, but another kind of key")
    return SigningKey(PublicKey(_pem(key.public_key()), origin), key)


def read_public(text: str, file: Path) -> Iterator[PublicKey]:
    """Yield the public keys in a PEM text, one or more. Raises EvidenceError for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    end = "-----END PUBLIC KEY-----"
    blocks = [block + end for block in text.split(end) if "-----BEGIN" in block]
    for block in blocks or [text]:
        try:
            key = load_pem_public_key(block.strip().encode())
        except (ValueError, UnsupportedAlgorithm):
            raise EvidenceError(f"AIRLOOP_TRUSTED_KEYS: {file} is not a public key in PEM") from None
        if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES:
            raise EvidenceError(f"AIRLOOP_TRUSTED_KEYS: {file} is not a public key on curve P-256 or P-384")
        yield PublicKey(_pem(key), str(file))


def _pem(key: EllipticCurvePublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def generated() -> tuple[bytes, str]:
    """Return a new key on curve P-256: its private and its public half in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = generate_private_key(SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _pem(made.public_key())
