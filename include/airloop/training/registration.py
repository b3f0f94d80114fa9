"""A candidate's place in MLflow, remembered on this machine so that MLflow is imported only when it is needed."""

from __future__ import annotations

import json
import os
import shutil
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
    record = _record(workspace, model)
    if record.exists():
        return Entry(**json.loads(record.read_text(encoding="utf-8")))
    from airloop.training.mlflow_registry import register_once

    entry = register_once(workspace, pipeline, model)
    record.parent.mkdir(parents=True, exist_ok=True)
    scratch = record.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(asdict(entry)), encoding="utf-8")
    scratch.replace(record)
    return entry


def known(workspace: Workspace, model: str) -> Entry | None:
    """Return what this machine remembers of a model's place in MLflow, None where it does not; nobody is asked."""
    try:
        return Entry(**json.loads(_place(workspace, model).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


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
    # MLflow's client tells the address that it asked as it was given.
    what = _hidden(str(error).partition("\n")[0], url)[:300]
    return Unreachable(
        f"MLflow {without_password(url)}: {what}. Check AIRLOOP_MLFLOW and that the server or file is there, then "
        "retry; what was trained is kept and the champion keeps serving"
    )


def without_password(url: str) -> str:
    """Return ``url`` as it may be shown."""
    return _hidden(url, url)


def _hidden(text: str, url: str) -> str:
    """Return ``text`` without the name and the password of ``url``."""
    parts = urlsplit(url)
    return text.replace(f"{parts.username or ''}:{parts.password}@", "***@") if parts.password else text


def _record(workspace: Workspace, model: str) -> Path:
    """Return the file that remembers the entry; when a database file is gone, so is what was remembered of it."""
    url, place = workspace.mlflow_url, _place(workspace, model)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        shutil.rmtree(place.parent, ignore_errors=True)
    return place


def _place(workspace: Workspace, model: str) -> Path:
    return workspace.home / "mlflow" / "registered" / digest.of_value(workspace.mlflow_url)[:16] / f"{model}.json"
