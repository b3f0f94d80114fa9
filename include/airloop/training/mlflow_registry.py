"""MLflow: one run and one model version per candidate, however often and by however many processes it is asked for."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before MLflow is imported: otherwise it reports to its makers, prints into what a step answers on stdout, and tries a
# server that is down for four minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SADeprecationWarning, SQLAlchemyError

from airloop.errors import TrainingError
from airloop.spec.checkout import CHANGED
from airloop.training import plots
from airloop.training.locks import exclusive
from airloop.training.registration import Entry, unreachable, without_password

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

MODEL_TAG = "airloop.model"
_REFUSALS = ("INVALID_PARAMETER_VALUE", "PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "INVALID_STATE")


def register_once(workspace: Workspace, pipeline: Pipeline, model: str) -> Entry:
    """Return the run and version of ``models/<model>``, making what is not there yet.

    Processes on one machine take turns, which also spares a new SQLite file its race of migrations. Raises Unreachable
    when MLflow does not answer, TrainingError when it refuses.
    """
    url, name = workspace.mlflow_url, pipeline.spec.name
    folder = workspace.store.folder("models", model)
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    with exclusive(workspace.home / "locks" / "mlflow"), reporting(url):
        client = connect(url)
        run = _run(client, workspace, name, record)
        version = _version(client, name, model)
        if version is None:
            _log_run(client, run.info.run_id, pipeline, record)
            source = _source(client, workspace, run, folder, model)
            tags = {
                MODEL_TAG: model,
                "airloop.as_of": record["as_of"],
                "airloop.snapshot": record["lineage"]["snapshot"],
            }
            version = str(client.create_model_version(name, source, run.info.run_id, tags=tags).version)
            client.set_terminated(run.info.run_id)
            log.info("registered %s version %s in MLflow", name, version)
    return Entry(version, run.info.run_id)


def connect(url: str) -> MlflowClient:
    """Return a client; a database file and its tables are made where they are missing."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # MLflow's mapped classes use what SQLAlchemy 2.1 deprecates; nothing that a reader of the log could act on.
        warnings.simplefilter("ignore", SADeprecationWarning)
        client = MlflowClient(url, url)
        client.search_registered_models(max_results=1)
    return client


@contextmanager
def reporting(url: str) -> Iterator[None]:
    """Raise Unreachable where MLflow does not answer in the block, TrainingError where it refuses."""
    try:
        yield
    except MlflowException as error:
        if error.error_code in _REFUSALS:
            raise TrainingError(f"MLflow {without_password(url)} refused: {error.message}") from error
        raise unreachable(url, error) from error
    except (SQLAlchemyError, OSError) as error:
        raise unreachable(url, error) from error


def _run(client: MlflowClient, workspace: Workspace, name: str, record: dict[str, Any]) -> Run:
    """Return the candidate's run, also one that a killed process left unfinished, else a new one."""
    experiment_id = experiment(client, workspace, name)
    found = client.search_runs([experiment_id], f"tags.`{MODEL_TAG}` = '{record['digest']}'", ViewType.ACTIVE_ONLY)
    if found:
        return found[0]
    lineage = record["lineage"]
    tags = {
        MODEL_TAG: record["digest"],
        "airloop.as_of": record["as_of"],
        "airloop.snapshot": lineage["snapshot"],
        "airloop.validation": lineage["validation"],
        "airloop.spec": lineage["spec"],
        "airloop.feature_code": lineage["feature_code"],
        **{f"airloop.versions.{library}": version for library, version in lineage["versions"].items()},
    }
    if lineage.get("commit"):
        tags["mlflow.source.git.commit"] = lineage["commit"].removesuffix(CHANGED)
    return client.create_run(experiment_id, run_name=f"{name} {record['as_of']}", tags=tags)


def experiment(client: MlflowClient, workspace: Workspace, name: str) -> str:
    """Return the id of the experiment called ``name``, made or brought back where it is not there."""
    found = client.get_experiment_by_name(name)
    if found is None:
        # A server knows where its artifacts go; a database file does not, and would use the working directory.
        is_server = workspace.mlflow_url.startswith("http")
        location = None if is_server else str(workspace.home / "mlflow" / "artifacts" / name)
        return str(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _version(client: MlflowClient, name: str, model: str) -> str | None:
    """Return the version that the candidate already has; make the registered model where there is none."""
    found = client.search_model_versions(f"name = '{name}' and tag.`{MODEL_TAG}` = '{model}'")
    if found:
        return str(min(int(version.version) for version in found))
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return None


def _log_run(client: MlflowClient, run_id: str, pipeline: Pipeline, record: dict[str, Any]) -> None:
    model = pipeline.spec.model
    kept = model.model_dump(mode="json", exclude={"params"}) | {f"params.{key}": v for key, v in model.params.items()}
    kept |= {"rows.fit": record["rows"]["fit"], "rows.watch": record["rows"]["watch"], "rounds_kept": record["rounds"]}
    # With as_of as their time, metrics that a killed call logged are found again and not doubled.
    instant = int(datetime.fromisoformat(record["as_of"]).timestamp() * 1000)
    curve, metric = record["watched"]["values"], record["watched"]["metric"]
    metrics = [Metric(key, value, instant, 0) for key, value in record["metrics"].items()]
    metrics += [Metric(f"watched.{metric}", value, instant, step) for step, value in enumerate(curve, start=1)]
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in kept.items()])
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
    client.log_dict(run_id, record, "training.json")
    for name, chart in plots.charts(record).items():
        client.log_text(run_id, plots.svg(chart), f"plots/{name}.svg")


def _source(client: MlflowClient, workspace: Workspace, run: Run, folder: Path, model: str) -> str:
    """Return the URI to register: the store's, unless only this machine could read it and MLflow is elsewhere."""
    store = workspace.store.url
    if workspace.mlflow_url.startswith("http") and ("://" not in store or store.startswith("file:")):
        client.log_artifacts(run.info.run_id, str(folder), "model")
        return f"{run.info.artifact_uri}/model"
    return workspace.store.uri("models", model)
