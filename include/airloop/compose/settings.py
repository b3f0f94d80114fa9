"""``.env``: every secret and every port of the stack, made once and kept by whoever runs it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from airloop.errors import AirloopError
from airloop.laptop import ports
from airloop.laptop.secret_files import write_private

PREFIX = "AIRLOOP_PREFIX"
PORTS = {
    "AIRLOOP_AIRFLOW_PORT": 8080,
    "AIRLOOP_GATEWAY_PORT": 8900,
    "AIRLOOP_GATEWAY_ADMIN_PORT": 8901,
    "AIRLOOP_REGISTRY_PORT": 5000,
    "AIRLOOP_MLFLOW_PORT": 5050,
    "AIRLOOP_GRAFANA_PORT": 3000,
    "AIRLOOP_PROMETHEUS_PORT": 9090,
}
"""Published on 127.0.0.1. One that is taken when ``.env`` is made becomes a free one."""


def _word() -> str:
    # Letters, digits, - and _: safe in URLs, in JSON and in Compose's own substitution.
    return secrets.token_urlsafe(24)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "POSTGRES_PASSWORD": _word,
    "AIRFLOW_DB_PASSWORD": _word,
    "MLFLOW_DB_PASSWORD": _word,
    "AIRLOOP_DB_PASSWORD": _word,
    "REDIS_PASSWORD": _word,
    "AIRFLOW_FERNET_KEY": _fernet_key,
    "AIRFLOW_JWT_SECRET": _word,
    "AIRFLOW_API_SECRET_KEY": _word,
    "AIRLOOP_AIRFLOW_PASSWORD": lambda: secrets.token_urlsafe(12),
    "AIRLOOP_INFER_TOKEN": _word,
    "AIRLOOP_ADMIN_TOKEN": _word,
    "GRAFANA_PASSWORD": lambda: secrets.token_urlsafe(12),
}


def read(file: Path) -> dict[str, str]:
    """Return the settings in ``file``; none where it is not there. Raises SettingsWrong for a line that is none."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise SettingsWrong(f"{file}:{number}: {line.split('=')[0]!r} is no NAME=value")
        found[name.strip()] = value.strip()
    return found


class SettingsWrong(AirloopError):
    """A file of settings that is not one."""


def make(file: Path, *, prefix: str = "airloop") -> list[str]:
    """Complete ``file`` (mode 600) with what it lacks and return the names that are new; what is there stays.

    ``prefix`` is how the names of all that a new stack makes on the engine begin.
    """
    kept = read(file)
    name = kept.get(PREFIX, prefix)
    made = {PREFIX: name, "COMPOSE_PROJECT_NAME": name, "COMPOSE_PROFILES": "", "AIRLOOP_EXECUTOR": "LocalExecutor"}
    made |= {variable: str(_port(port)) for variable, port in PORTS.items() if variable not in kept}
    made |= {variable: make_one() for variable, make_one in SECRETS.items() if variable not in kept}
    new = {variable: value for variable, value in made.items() if variable not in kept}
    if new:
        before = file.read_text(encoding="utf-8").rstrip("\n") if file.exists() else HEADER
        write_private(file, "\n".join([before, *(f"{variable}={value}" for variable, value in new.items()), ""]))
    return list(new)


def _port(usual: int) -> int:
    return usual if ports.is_free(usual) else ports.any_free()


HEADER = (
    "# Secrets and ports of docker-compose.yaml, made by `make env`. Keep this file: backups cannot be read without it."
)
