"""Bearer tokens of the model server: one to ask for predictions, one to change what is served."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airloop.errors import SpecError, Unreachable

INFER_VARIABLE = "AIRLOOP_INFER_TOKEN"
ADMIN_VARIABLE = "AIRLOOP_ADMIN_TOKEN"
HASHED = "_SHA256"
"""Ends the names of the variables that carry a token's SHA-256 (hexadecimal) instead of the token."""
_BEARER = b"Bearer "


@dataclass(frozen=True)
class Tokens:
    """The two secrets. The admin token may do everything, the infer token may predict and read metrics."""

    infer: str = field(repr=False)
    admin: str = field(repr=False)

    def may_infer(self, header: bytes) -> bool:
        """Return whether an ``Authorization`` header carries either token; the time taken does not tell how nearly."""
        return self._is(self.infer, header) | self._is(self.admin, header)

    def may_administer(self, header: bytes) -> bool:
        """Return whether an ``Authorization`` header carries the admin token."""
        return self._is(self.admin, header)

    @staticmethod
    def _is(token: str, header: bytes) -> bool:
        return hmac.compare_digest(header, _BEARER + token.encode())


@dataclass(frozen=True)
class TokenHashes:
    """The same rights for a server that knows the SHA-256 of each token only, 32 bytes."""

    infer: bytes
    admin: bytes

    def may_infer(self, header: bytes) -> bool:
        """Return whether an ``Authorization`` header carries either token."""
        shown = _hash_of(header)
        return hmac.compare_digest(shown, self.infer) | hmac.compare_digest(shown, self.admin)

    def may_administer(self, header: bytes) -> bool:
        """Return whether an ``Authorization`` header carries the admin token."""
        return hmac.compare_digest(_hash_of(header), self.admin)


Granted = Tokens | TokenHashes


def _hash_of(header: bytes) -> bytes:
    # Headers that are no bearer's get the hash of something that nobody's token is.
    token = header[len(_BEARER) :] if header.startswith(_BEARER) else b""
    return hashlib.sha256(token).digest()


def hashes_of(tokens: Tokens) -> dict[str, str]:
    """Return the variables that tell a server the hashes of ``tokens``."""
    named = {INFER_VARIABLE: tokens.infer, ADMIN_VARIABLE: tokens.admin}
    return {f"{name}{HASHED}": hashlib.sha256(token.encode()).hexdigest() for name, token in named.items()}


def read_hashes(environ: Mapping[str, str] | None = None) -> TokenHashes | None:
    """Return the hashes in the environment, None where neither is set.

    Raises SpecError when one of them is missing, or is not 64 hexadecimal digits.
    """
    env = os.environ if environ is None else environ
    names = (f"{INFER_VARIABLE}{HASHED}", f"{ADMIN_VARIABLE}{HASHED}")
    infer, admin = (env.get(name, "") for name in names)
    if not infer and not admin:
        return None
    for name, value in zip(names, (infer, admin), strict=True):
        if not re.fullmatch("[0-9a-fA-F]{64}", value):
            shown = f"has {len(value)} characters" if value else "is not set"
            raise SpecError(f"{name} {shown}; it must be the SHA-256 of a token, 64 hexadecimal digits")
    return TokenHashes(bytes.fromhex(infer), bytes.fromhex(admin))


def read_or_make(home: Path, environ: Mapping[str, str] | None = None) -> Tokens:
    """Return the tokens: from the environment, else from ``<home>/secrets`` (mode 600), where absent ones are made.

    Raises Unreachable when the folder cannot be read or written.
    """
    env = os.environ if environ is None else environ
    folder = home / "secrets"
    try:
        infer = env.get(INFER_VARIABLE) or _kept(folder / "infer.token")
        admin = env.get(ADMIN_VARIABLE) or _kept(folder / "admin.token")
    except OSError as error:
        raise Unreachable(
            f"tokens in {folder} cannot be read or written: {error}. Check the permissions of AIRLOOP_HOME, "
            f"or set {INFER_VARIABLE} and {ADMIN_VARIABLE}"
        ) from error
    return Tokens(infer, admin)


def read(home: Path, environ: Mapping[str, str] | None = None) -> Tokens:
    """Return the tokens like ``read_or_make``, without making any. Raises Unreachable where there are none."""
    env, folder = os.environ if environ is None else environ, home / "secrets"
    if not (env.get(INFER_VARIABLE) or (folder / "infer.token").exists()) or not (
        env.get(ADMIN_VARIABLE) or (folder / "admin.token").exists()
    ):
        raise Unreachable(
            f"there are no tokens in {folder}: nothing was started or released with this AIRLOOP_HOME yet"
        )
    return read_or_make(home, env)


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(32))
        try:
            # A link fails when another process was first; a rename would give the two different tokens.
            os.link(scratch, path)
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
    return path.read_text(encoding="utf-8").strip()
