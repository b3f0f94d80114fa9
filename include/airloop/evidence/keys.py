"""Where keys are found: the one that signs, and those whose signatures count."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airloop.errors import EvidenceError
from airloop.evidence.pem import PublicKey, SigningKey, generated, read_private, read_public

if TYPE_CHECKING:
    from airloop.workspace import Workspace

GENERATED = "signing.key"
"""Name of the generated key, below ``home/secrets``."""
BY_CONNECTION = "connection:"


def signing_key(workspace: Workspace) -> SigningKey:
    """Return the key that signs: what ``AIRLOOP_SIGNING_KEY`` names, else one generated once (mode 600).

    Raises EvidenceError when what is named is not there or not such a key.
    """
    setting = workspace.signing_key
    if setting.startswith(BY_CONNECTION):
        name = setting.removeprefix(BY_CONNECTION)
        return read_private(_from_uri(workspace.connection(name)), f"connection {name!r}")
    if setting:
        return read_private(_read(Path(setting), "AIRLOOP_SIGNING_KEY"), setting)
    file = generated_file(workspace)
    if not file.exists():
        _generate(file)
    return read_private(_read(file, "the generated key"), str(file))


def generated_file(workspace: Workspace) -> Path:
    """Return where the generated key lies, or would."""
    return workspace.home / "secrets" / GENERATED


def trusted(workspace: Workspace) -> dict[str, PublicKey]:
    """Return id → key of all whose signatures count: the own one, where there is one, and ``AIRLOOP_TRUSTED_KEYS``.

    No key is generated for it. Raises EvidenceError for a file that is not there or holds no such key.
    """
    found: list[PublicKey] = []
    if workspace.signing_key or generated_file(workspace).exists():
        found.append(signing_key(workspace).public)
    for place in filter(None, workspace.trusted_keys.split(os.pathsep)):
        path = Path(place)
        files = sorted([*path.glob("*.pub"), *path.glob("*.pem")]) if path.is_dir() else [path]
        if not files:
            raise EvidenceError(f"AIRLOOP_TRUSTED_KEYS: folder {path} holds no *.pub and no *.pem file")
        for file in files:
            found += read_public(_read(file, "AIRLOOP_TRUSTED_KEYS"), file)
    return {key.id: key for key in reversed(found)}


def told(keys: dict[str, PublicKey]) -> str:
    """Return the trusted keys in words, for messages."""
    return ", ".join(f"{key.id[:12]} ({key.origin})" for key in keys.values()) or "none"


def _read(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text"
        raise EvidenceError(f"{setting}: {file} cannot be read: {why}") from None


def _from_uri(uri: str) -> str:
    """Return the PEM text in a connection's password, whose line breaks a form may have turned into ``\\n``."""
    return unquote(urlsplit(uri).password or "").replace("\\n", "\n")


def _generate(file: Path) -> None:
    """Write a new key, readable by its owner only; another process that is first stays first."""
    private, public = generated()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(private)
        try:
            file.hardlink_to(scratch)
        except FileExistsError:
            return
        file.with_suffix(".pub").write_text(public, encoding="utf-8")
    finally:
        scratch.unlink()
