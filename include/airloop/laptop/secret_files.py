"""Secrets of the stack: made once, kept in files that only their owner reads."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KEYS = ("fernet_key", "jwt_secret", "api_secret_key")


@dataclass(frozen=True)
class Secrets:
    """What Airflow's parts share, and the passwords of its users."""

    keys: dict[str, str]
    passwords: dict[str, str]
    passwords_file: Path


def read_or_make(home: Path, users: tuple[str, ...], environ: Mapping[str, str]) -> Secrets:
    """Return the secrets below ``home/secrets``, making those that are missing (mode 600).

    ``AIRLOOP_AIRFLOW_PASSWORD`` is the first user's password where it is set.
    """
    folder = home / "secrets"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = _merged(folder / "airflow_keys.json", {name: _fernet_key() for name in KEYS})
    file = folder / "airflow_passwords.json"
    chosen = {users[0]: environ["AIRLOOP_AIRFLOW_PASSWORD"]} if environ.get("AIRLOOP_AIRFLOW_PASSWORD") else {}
    passwords = _merged(file, {user: secrets.token_urlsafe(12) for user in users}, chosen)
    return Secrets(keys, passwords, file)


def _merged(file: Path, made: dict[str, str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what ``file`` holds, completed from ``made``, overruled by ``chosen``, and keep the result in it."""
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    values = {**made, **kept, **(chosen or {})}
    if values != kept:
        write_private(file, json.dumps(values, indent=1))
    return values


def write_private(file: Path, text: str) -> None:
    """Write ``text`` so that nobody else can read it at any moment."""
    scratch = file.with_suffix(".part")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    scratch.replace(file)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
