"""Where a browser reads what lies in the store, and queries of the page that tells why."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from airloop.workspace import Workspace

ARTIFACTS = "/airloop/artifacts"


def artifact(kind: str, digest: str, file: str) -> str:
    """Return the address of a file of an artifact, whether it is there or not."""
    return f"{ARTIFACTS}/{kind}/{digest}/{file}"


def of_uri(workspace: Workspace, uri: str) -> str:
    """Return the address of a file in the store, "" for what lies elsewhere: a browser could not read that."""
    store = f"{workspace.store_url.rstrip('/')}/"
    return f"{ARTIFACTS}/{uri.removeprefix(store)}" if uri.startswith(store) else ""


def why(**about: object) -> str:
    """Return the query of the page that tells why, without what is not given: ``version=3``."""
    return urlencode({name: str(value) for name, value in about.items() if value not in ("", 0, None)})


def training(run_id: str) -> str:
    """Return the address of what MLflow knows of a training."""
    return f"/airloop/runs/{run_id}"
