"""A candidate in MLflow: once, whoever asks and however often."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from airloop import digest
from airloop.errors import Unreachable
from airloop.training import train
from airloop.training.mlflow_registry import connect
from airloop.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables made, which takes seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def ready(landed, empty_registry):
    shutil.copy(empty_registry, landed.workspace.home / "mlflow.db")
    return landed


def client_of(workspace: Workspace) -> MlflowClient:
    return connect(workspace.mlflow_url)


def train_here(world, pipeline, **more):
    return train(world.workspace, pipeline, **world.at(pipeline, **more))


def test_a_candidate_is_registered_with_all_that_made_it(ready):
    trained = train_here(ready, ready.pipeline())
    client = client_of(ready.workspace)
    record = json.loads((ready.workspace.store.folder("models", trained.digest) / "training.json").read_text())
    assert trained.metrics == record["metrics"]
    version = client.get_model_version("trips", trained.version)
    assert (version.source, version.run_id) == (ready.workspace.store.uri("models", trained.digest), trained.run_id)
    run = client.get_run(trained.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["airloop.as_of"] == "2013-01-16T00:00:00Z"
    assert run.data.tags["airloop.snapshot"] == record["lineage"]["snapshot"]
    assert run.data.params["params.max_depth"] == "3"
    assert run.data.metrics["roc_auc"] == pytest.approx(trained.metrics["roc_auc"])
    curve = client.get_metric_history(trained.run_id, "watched.logloss")
    assert [point.value for point in curve] == record["watched"]["values"]
    files = {item.path for item in client.list_artifacts(trained.run_id)} | {
        item.path for item in client.list_artifacts(trained.run_id, "plots")
    }
    assert files == {"training.json", "plots", "plots/importance.svg", "plots/learning_curve.svg"}
    assert run.info.artifact_uri.startswith(str(ready.workspace.home))


def test_the_same_candidate_is_never_registered_twice(ready):
    pipeline = ready.pipeline()
    first = train_here(ready, pipeline)
    assert train_here(ready, pipeline) == first
    shutil.rmtree(ready.workspace.home / "mlflow" / "registered")
    assert train_here(ready, pipeline) == first
    shutil.rmtree(ready.workspace.home / "mlflow" / "registered")
    shutil.rmtree(ready.workspace.home / "store" / "models")
    assert train_here(ready, pipeline) == first
    client = client_of(ready.workspace)
    assert [version.version for version in client.search_model_versions("name = 'trips'")] == [1]
    assert len(client.search_runs([client.get_experiment_by_name("trips").experiment_id])) == 1
    assert train_here(ready, pipeline, day=16).version == "2"


@pytest.mark.slow
def test_a_run_that_a_killed_process_left_is_finished_not_doubled(ready):
    pipeline = ready.pipeline()
    first = train_here(ready, pipeline)
    client = client_of(ready.workspace)
    client.delete_model_version("trips", first.version)
    shutil.rmtree(ready.workspace.home / "mlflow" / "registered")
    again = train_here(ready, pipeline)
    assert (again.run_id, again.version) == (first.run_id, "2")
    assert len(client.get_metric_history(first.run_id, "roc_auc")) == 1


def test_mlflow_that_is_down_is_said_before_anything_is_fitted(landed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    world = replace(landed, workspace=replace(landed.workspace, mlflow_url=url))
    with pytest.raises(Unreachable, match=r"MLflow http://\*\*\*@127.0.0.1:\d+: .*refused.*Check AIRLOOP_MLFLOW"):
        train_here(world, world.pipeline())
    assert not (landed.workspace.home / "store" / "models").exists()


def test_what_was_trained_is_kept_when_mlflow_breaks(ready):
    broken = ready.workspace.home / "mlflow.db"
    kept = broken.read_bytes()
    broken.write_bytes(b"not a database" * 1000)
    pipeline = ready.pipeline()
    with pytest.raises(Unreachable, match=r"MLflow sqlite:///.*: .*not a database.*what was trained is kept"):
        train_here(ready, pipeline)
    (model,) = (ready.workspace.home / "store" / "models").iterdir()
    before = digest.of_folder(model)
    broken.write_bytes(kept)
    assert train_here(ready, pipeline).version == "1"
    assert digest.of_folder(model) == before


SCRIPT = """
import json, sys
from datetime import datetime, UTC
from pathlib import Path
from airloop import data
from airloop.spec import Pipeline, Spec
from airloop.training import train
from airloop.validation.findings import Validation
from airloop.workspace import Workspace
workspace = Workspace.from_environment()
pipeline = Pipeline(Spec.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
digest = sys.argv[3]
trained = train(workspace, pipeline, digest, data.load_snapshot(workspace, digest), "None",
                Validation(expectations=0, partitions={}))
heavy = [name for name in ("xgboost", "mlflow", "sklearn", "pandas", "pyarrow", "numpy") if name in sys.modules]
print(json.dumps([trained.version, trained.run_id, heavy]))
"""


def start(world, pipeline) -> "subprocess.Popen[bytes]":
    spec = pipeline.spec.model_dump_json(exclude_unset=True)
    command = [sys.executable, "-c", SCRIPT, spec, str(world.folder), world.at(pipeline)["snapshot_digest"]]
    environment = {**os.environ, "PYTHONPATH": "include", "AIRLOOP_HOME": str(world.workspace.home)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_what_is_known_is_answered_without_heavy_imports(ready):
    pipeline = ready.pipeline()
    first = train_here(ready, pipeline)
    answer, _ = start(ready, pipeline).communicate()
    assert json.loads(answer) == [first.version, first.run_id, []]


@pytest.mark.slow
def test_two_processes_on_a_database_that_is_not_there_yet_register_one_version(landed):
    pipeline = landed.pipeline()
    answers = [process.communicate()[0] for process in [start(landed, pipeline), start(landed, pipeline)]]
    one, other = (json.loads(answer) for answer in answers)
    assert one[:2] == other[:2]
    assert [version.version for version in client_of(landed.workspace).search_model_versions()] == [1]


@pytest.mark.slow
def test_kill_9_then_retry_gives_the_same_model(ready, tmp_path):
    changes = {"model": {"rounds": 200, "early_stopping": 200, "params": {"learning_rate": 0.01, "subsample": 0.8}}}
    process = start(ready, ready.pipeline(**changes))
    work = ready.workspace.home / "store" / ".work" / "models"
    while not list(work.glob("*/main/checkpoint.ubj")):
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert not (ready.workspace.home / "store" / "models").exists()
    resumed = ready.fit(ready.pipeline(**changes))
    other = ready.moved(tmp_path / "other")
    assert digest.of_folder(other.fit(other.pipeline(**changes))) == digest.of_folder(resumed)
    assert not work.joinpath(resumed.name).exists()


@pytest.mark.slow
def test_a_database_that_was_removed_is_filled_anew(ready):
    pipeline = ready.pipeline()
    first = train_here(ready, pipeline)
    (ready.workspace.home / "mlflow.db").unlink()
    # In a process of its own: MLflow keeps the removed file open in this one.
    version, run_id, _ = json.loads(start(ready, pipeline).communicate()[0])
    assert version == "1"
    assert run_id != first.run_id
    assert json.loads(start(ready, pipeline).communicate()[0]) == [version, run_id, []]
