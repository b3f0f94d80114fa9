"""A candidate's place in MLflow, remembered in the store so that MLflow is imported only when it is needed."""

from __future__ import annotations

import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from airloop import digest
from airloop.errors import Unreachable

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

_KIND = "registrations"
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
_CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Entry:
    """Where a candidate stands in MLflow."""

    version: str
    run_id: str


def register(workspace: Workspace, pipeline: Pipeline, model: str) -> Entry:
    """Register ``models/<model>`` as a new version of the pipeline, or return the version that it already is.

    Raises Unreachable when MLflow does not answer.
    """
    name = _record_name(model, workspace.mlflow_url)
    if name and workspace.store.has(_KIND, name):
        return Entry(**workspace.store.get_json(_KIND, name))
    from airloop.training.mlflow_registry import register_once

    entry = register_once(workspace, pipeline, model)
    # Only now is there an identity where the database was new.
    if name := _record_name(model, workspace.mlflow_url):
        workspace.store.put_json(_KIND, name, asdict(entry))
    return entry


def check_reachable(url: str) -> None:
    """Raise Unreachable when nothing listens at MLflow's host: better said before an hour of fitting than after it."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    port = parts.port or _PORTS.get(scheme)
    if not parts.hostname or port is None or scheme in getproxies():
        return
    try:
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise unreachable(url, error) from error


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return the error that says what to do."""
    what = str(error).partition("\n")[0][:300]
    return Unreachable(
        f"MLflow {without_password(url)}: {what}. Check AIRLOOP_MLFLOW and that the server or file is there, then "
        "retry; what was trained is kept and the champion keeps serving"
    )


def without_password(url: str) -> str:
    """Return ``url`` as it may be shown."""
    parts = urlsplit(url)
    return url.replace(f"{parts.username or ''}:{parts.password}@", "***@") if parts.password else url


def _record_name(model: str, url: str) -> str | None:
    """Return the record's name for this very registry; None where a database file is not there yet."""
    if not url.startswith("sqlite"):
        return digest.of_value([model, url])
    file = Path(url.partition("sqlite:///")[2])
    # A new database under an old name has another inode: what was registered in the old one is not in it.
    return digest.of_value([model, url, file.stat().st_ino]) if file.is_file() else None
