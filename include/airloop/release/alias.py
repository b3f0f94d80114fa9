"""The alias ``champion`` in MLflow, for readers outside. What is live is in the ledger, whatever the alias says."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from airloop.workspace import Workspace

log = logging.getLogger(__name__)
ALIAS = "champion"


def set_champion(workspace: Workspace, pipeline: str, version: str) -> str:
    """Point the alias at ``version``; return what went wrong, empty when nothing did. Never raises for MLflow."""
    file = Path(workspace.mlflow_url.removeprefix("sqlite:///"))
    if workspace.mlflow_url.startswith("sqlite:///") and not file.exists():
        # Asking would make an empty one, seconds later.
        return f"the MLflow alias {ALIAS!r} was not set to version {version}: {file} does not exist"
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # By default it tries for four minutes.
    import sqlalchemy as sa
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(tracking_uri=workspace.mlflow_url, registry_uri=workspace.mlflow_url)
        client.set_registered_model_alias(pipeline, ALIAS, version)
    except (MlflowException, OSError, sa.exc.SQLAlchemyError) as error:
        cause = str(error).strip().splitlines()[0]
        log.warning(
            "MLflow at %s: alias %r of %s not set to %s: %s", workspace.mlflow_url, ALIAS, pipeline, version, cause
        )
        return f"the MLflow alias {ALIAS!r} was not set to version {version}: {cause}"
    return ""
