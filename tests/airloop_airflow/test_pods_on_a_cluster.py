"""Steps in pods of a real cluster. An image that stands in for the project's keeps most of them quick."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from airflow.sdk.exceptions import TaskDeferred
from tests.kubernetes_claims import claim
from tests.kubernetes_cluster import REGISTRY, REGISTRY_OF_NODES, namespace, require, workspace_on
from tests.kubernetes_door import FrontDoor, door_of

from airloop.cluster import Cluster, connected
from airloop.errors import AirloopError, ClusterRefused, StepFailed, StepInterrupted, TrainingError, Unreachable
from airloop.refs import SnapshotRef
from airloop.spec import find
from airloop.spec.model import Step
from airloop.steps.elsewhere import TERMINATION_MESSAGE, Errand
from airloop.workspace import Workspace
from airloop_airflow import operators, pod_left_behind
from airloop_airflow.pods import StepPod

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

BASE = "python:3.11-slim-bookworm"
HERE = Path(__file__).parent
SPEC = """\
name: parcels
data:
  source: {path: "s3://rows/date={date}/*.parquet"}
  event_time: sent_at
  label: {column: late}
  train_window: 2d
  holdout_window: 1d
model: {task: binary}
"""
SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)
REF = {"digest": "v1", "uri": "x", "quarantined": 0}
LEAVE = f"""
import json, os, pathlib, sys, time
def leave(**left): pathlib.Path(sys.argv[sys.argv.index("--result") + 1]).write_text(json.dumps(left))
def ref(): leave(ref={REF!r})
settings = json.load(open(os.environ["AIRLOOP_SETTINGS"]))
"""
SLEEP = "print('at work', flush=True); time.sleep(120)"


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Push an image in which a step does what the pipeline's ``act.py`` says; return what the nodes call it."""
    require()
    name = f"steps-{secrets.token_hex(4)}"
    recipe = f"FROM {BASE}\nENV PYTHONPATH=/opt/stand_in PYTHONUNBUFFERED=1\nCOPY airloop /opt/stand_in/airloop\n"
    engine = docker.from_env()
    with io.BytesIO() as context:
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(HERE / "stand_in" / "airloop", "airloop")
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(recipe)
            tar.addfile(entry, io.BytesIO(recipe.encode()))
        context.seek(0)
        engine.images.build(fileobj=context, custom_context=True, tag=f"{REGISTRY}/{name}", rm=True)
    said = [line for line in engine.images.push(f"{REGISTRY}/{name}", stream=True, decode=True) if "aux" in line]
    engine.images.remove(f"{REGISTRY}/{name}", force=True)
    engine.close()
    yield f"{REGISTRY_OF_NODES or REGISTRY}/{name}@{said[0]['aux']['Digest']}"


@pytest.fixture(scope="module")
def space() -> Iterator[str]:
    """A namespace for these tests."""
    with namespace() as name:
        yield name


@pytest.fixture(scope="module")
def shared(space, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A claim and the folder that it holds, which everybody may write to."""
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o777)
    with claim(space, folder) as name:
        yield name, folder


@pytest.fixture
def workspace(tmp_path, monkeypatch, space, shared) -> Iterator[Workspace]:
    """A workspace with a stack of its own in the namespace, all of it in the claim; no pod of it is left behind."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": require()}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    name, folder = shared
    home = folder / secrets.token_hex(4)
    (home / "secrets").mkdir(parents=True)
    home.chmod(0o777)
    (home / "secrets" / "signing.key").write_text("nobody's business")
    pipelines = tmp_path / "pipelines"
    (pipelines / "parcels").mkdir(parents=True)
    (pipelines / "parcels" / "pipeline.yaml").write_text(SPEC)
    environ = {
        "AIRLOOP_STORE": str(folder),
        "AIRLOOP_LEDGER": "postgresql://u:hush@db/x",
        "AIRLOOP_MLFLOW": "http://mlflow",
        "AIRLOOP_PIPELINES": str(pipelines),
    }
    made = workspace_on(home, space, environ, claim=name)
    yield made
    with connected(made) as cluster:
        for pod in pods(cluster, made):
            cluster.delete("v1", "Pod", pod["metadata"]["name"], grace_s=0)


@pytest.fixture
def cluster(workspace) -> Iterator[Cluster]:
    """The cluster, asked as a person would."""
    with connected(workspace) as found:
        yield found


def environment_of(workspace: Workspace) -> dict[str, str]:
    """Return the settings by which a worker has this workspace."""
    return {
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_STORE": workspace.store_url,
        "AIRLOOP_LEDGER": workspace.ledger_url,
        "AIRLOOP_MLFLOW": workspace.mlflow_url,
        "AIRLOOP_PIPELINES": str(workspace.pipelines),
        "AIRLOOP_PREFIX": workspace.prefix,
        "AIRLOOP_KUBERNETES_NAMESPACE": workspace.kubernetes.namespace,
        "AIRLOOP_KUBERNETES_CLAIM": workspace.kubernetes.claim,
    }


def pods(cluster: Cluster, workspace: Workspace) -> list[dict[str, Any]]:
    """Return the stack's pods, also those that have ended."""
    return cluster.list("v1", "Pod", {"app.kubernetes.io/instance": workspace.prefix})


def handed_in(cluster: Cluster, workspace: Workspace) -> list[dict[str, Any]]:
    """Return the stack's Secrets."""
    return cluster.list("v1", "Secret", {"app.kubernetes.io/instance": workspace.prefix})


@pytest.fixture
def step(workspace, image, context_of) -> Iterator[Any]:
    """Make a step's pod that does ``act``; the same task's context unless another one is given."""
    context, made = context_of(), []

    def make(act: str, *, of=context, snapshot=SNAPSHOT, came_back=None, deferrable=False, **limits) -> StepPod:
        (workspace.pipelines / "parcels" / "act.py").write_text(LEAVE + act)
        errand = Errand("validate_data", find("parcels", workspace), {"snapshot": snapshot}, TERMINATION_MESSAGE)
        asked = {"workspace": workspace, "limits": Step(on="kubernetes", **{"image": image, **limits}), "context": of}
        made.append(StepPod(errand=errand, came_back=came_back, deferrable=deferrable, **asked))
        return made[-1]

    make.context = context
    yield make
    for pod in made:
        pod.close()


def abandoned(pod: StepPod, context) -> str:
    """Start a step as a worker does that dies then; return the pod's name."""
    started = pod.submit_job(context)
    context["task_state_store"].set("pod", started)
    return started


def until(is_true, timeout_s: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def says(cluster: Cluster, pod: str, words: str) -> bool:
    """Return whether the step in a pod has said something."""
    try:
        return words in cluster.logs(pod)
    except AirloopError:
        return False


def test_a_step_gives_its_ref_and_leaves_nothing_behind(step, workspace, cluster):
    assert step("print('round 1'); ref()").carry_out(step.context) == REF
    assert pods(cluster, workspace) == [] and step.context["task_state_store"] == {}
    until(lambda: handed_in(cluster, workspace) == [])


GATED = """
print("round 1", flush=True)
go = pathlib.Path(settings["AIRLOOP_HOME"], "go")
while not go.exists(): time.sleep(0.05)
print("WARNING: round 2", flush=True)
ref()
"""


def test_the_next_try_watches_the_same_pod_further(step, workspace, cluster, capsys):
    first = abandoned(step(GATED), step.context)
    until(lambda: says(cluster, first, "round 1"))
    again = step(GATED)
    (workspace.home / "go").touch()
    assert again.carry_out(step.context) == REF
    assert again.running == first and pods(cluster, workspace) == []
    said = capsys.readouterr().out
    assert said.index("What the container said before this try") < said.index("round 1") < said.index("endgroup")
    assert said.count("round 1") == said.count("round 2") == 1


def test_a_worker_that_died_before_it_noted_the_pod_has_left_one_that_is_found(step, workspace):
    first = step("time.sleep(1); ref()").submit_job(step.context)
    again = step("time.sleep(1); ref()")
    assert step.context["task_state_store"] == {}
    assert again.carry_out(step.context) == REF and again.running == first


def test_a_pod_that_waits_for_what_a_dead_worker_did_not_hand_in_gets_it(step, cluster):
    first = step("ref()").submit_job(step.context)
    cluster.delete("v1", "Secret", first)
    again = step("ref()")
    assert again.carry_out(step.context) == REF and again.running == first


def test_a_pod_that_ended_unwatched_is_not_run_again(step, cluster):
    act = "leave(error={'kinds': ['airloop.errors.TrainingError'], 'message': 'one class only', 'docs': ''})"
    first = abandoned(step(act), step.context)
    until(lambda: cluster.get("v1", "Pod", first)["status"]["phase"] == "Succeeded")
    again = step(act)
    with pytest.raises(TrainingError, match=r"^one class only$"):
        again.carry_out(step.context)
    assert again.is_new is False and cluster.get("v1", "Pod", first) is None


def test_other_refs_or_files_make_another_pod(step, workspace, cluster):
    first = abandoned(step(SLEEP), step.context)
    newer = SNAPSHOT.model_copy(update={"digest": "s2"})
    second = step(SLEEP, snapshot=newer).submit_job(step.context)
    third = step("ref()", snapshot=newer).submit_job(step.context)
    assert len({first, second, third}) == 3
    until(lambda: [pod["metadata"]["name"] for pod in pods(cluster, workspace)] == [third])


def test_two_workers_that_start_the_same_task_make_one_pod(step, workspace, cluster):
    one, other = step(SLEEP), step(SLEEP)
    assert one._start([]) == other._start([])
    assert len(pods(cluster, workspace)) == 1


def carried_out(pod: StepPod, context) -> tuple[threading.Thread, list[BaseException]]:
    """Carry a step out beside the test; return its thread, and a list that gets its error."""
    ended: list[BaseException] = []

    def run() -> None:
        try:
            pod.carry_out(context)
        except AirloopError as error:
            ended.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    return worker, ended


def test_whoever_ends_the_task_ends_the_pod(step, workspace, cluster):
    pod = step(SLEEP)
    worker, ended = carried_out(pod, step.context)
    until(lambda: pod.running and says(cluster, pod.running, "at work"))
    pod.on_kill()
    worker.join(60)
    assert not worker.is_alive()
    until(lambda: pods(cluster, workspace) == [])
    assert [(type(error), error.retryable) for error in ended] == [(StepInterrupted, True)]


def evict(cluster: Cluster, name: str) -> None:
    """Ask for a pod's eviction, as a drain of its node does."""
    body = {"metadata": {"name": name, "namespace": cluster.namespace}}
    cluster.core.create_namespaced_pod_eviction(name, cluster.namespace, body)


def kill(cluster: Cluster, name: str) -> None:
    """Delete a pod without a word of warning."""
    cluster.delete("v1", "Pod", name, grace_s=0)


@pytest.mark.parametrize("end", [evict, kill])
def test_a_pod_that_is_evicted_or_deleted_is_worth_another_try_that_makes_another_one(step, cluster, workspace, end):
    pod = step(GATED)
    worker, ended = carried_out(pod, step.context)
    until(lambda: pod.running and says(cluster, pod.running, "round 1"))
    began = time.monotonic()
    end(cluster, pod.running)
    worker.join(60)
    assert [(type(error), error.retryable) for error in ended] == [(StepInterrupted, True)], ended
    assert time.monotonic() - began < 20, "it did not hear that it was told to end"
    (workspace.home / "go").touch()
    again = step(GATED)
    assert again.carry_out(step.context) == REF and again.is_new


@pytest.fixture
def door(step, workspace, monkeypatch, tmp_path) -> Iterator[FrontDoor]:
    """A door to the API server, by which the steps that are made from here on go."""
    with door_of(require(), tmp_path) as (made, kubeconfig):
        connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": kubeconfig}}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
        yield made


def test_an_api_server_that_is_away_for_seconds_while_a_pod_is_watched_is_sat_out(step, workspace, cluster, door):
    pod = step(GATED)
    door.shut(2)
    worker, ended = carried_out(pod, step.context)
    until(lambda: pod.running and says(cluster, pod.running, "round 1"))
    door.shut(3)
    (workspace.home / "go").touch()
    worker.join(60)
    assert (ended, pod.answer, pods(cluster, workspace)) == ([], REF, [])


def test_one_that_is_away_for_long_is_worth_another_try_that_takes_the_outcome(step, workspace, cluster, door):
    pod = step(GATED)
    pod.patience_s = 1
    worker, ended = carried_out(pod, step.context)
    until(lambda: pod.running and says(cluster, pod.running, "round 1"))
    door.shut()
    (workspace.home / "go").touch()
    worker.join(60)
    assert [(type(error), error.retryable) for error in ended] == [(Unreachable, True)], ended
    until(lambda: cluster.get("v1", "Pod", pod.running)["status"]["phase"] == "Succeeded")
    door.open()
    again = step(GATED)
    assert again.carry_out(step.context) == REF and again.running == pod.running
    assert pods(cluster, workspace) == []
    until(lambda: handed_in(cluster, workspace) == [])


def test_a_process_that_is_killed_is_worth_another_try(step):
    with pytest.raises(StepInterrupted, match=r"ended from outside \(exit code 137\)"):
        step("os.kill(os.getpid(), 9)").carry_out(step.context)


def test_memory_has_a_limit_and_the_error_says_which(step):
    with pytest.raises(StepFailed, match=r"validate_data needs more memory than runs_on.validate_data.memory = 50MB"):
        step("print(len(bytearray(500_000_000)))", memory="50MB").carry_out(step.context)


def test_one_that_ends_without_a_word_fails_with_its_last_lines(step):
    with pytest.raises(StepFailed, match=r"exit code 3 and no result. It said last: no room \| good bye"):
        step("print('no room'); sys.exit(print('good bye') or 3)").carry_out(step.context)


def test_one_that_no_node_takes_fails_in_time_with_the_schedulers_words(step, workspace, cluster):
    began = time.monotonic()
    words = r"did not begin in its pod within runs_on.validate_data.start_within = 3s: Unschedulable: .*nodes are avail"
    with pytest.raises(StepFailed, match=words) as caught:
        step("ref()", nodes={"pool": "none"}, start_within="3s").carry_out(step.context)
    assert not caught.value.retryable and time.monotonic() - began < 20
    assert pods(cluster, workspace) == []


def test_an_image_that_is_not_there_is_told_at_once(step, workspace, cluster, image):
    missing = image.replace("steps-", "nothing-")
    with pytest.raises(StepFailed, match=r"validate_data cannot begin in its pod: ErrImagePull.*nothing-.*not found"):
        step("ref()", image=missing).carry_out(step.context)
    assert pods(cluster, workspace) == []


def test_a_registry_that_is_down_is_waited_for_and_worth_another_try(step):
    with pytest.raises(StepInterrupted, match=r"within .* = 4s: .*127\.0\.0\.1:1/nowhere"):
        step("ref()", image="127.0.0.1:1/nowhere:1", start_within="4s").carry_out(step.context)


def test_a_quota_that_is_used_up_is_worth_another_try(step, cluster, workspace):
    with namespace() as tight:
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
        cluster.core.create_namespaced_resource_quota(tight, quota)
        until(lambda: cluster.core.read_namespaced_resource_quota("none", tight).status.hard)
        pod = step("ref()")
        pod.workspace = replace(workspace, kubernetes=replace(workspace.kubernetes, namespace=tight))
        with pytest.raises(StepInterrupted, match=r"validate_data finds no room now: .*exceeded quota: none"):
            pod.carry_out(step.context)


def test_what_the_cluster_does_not_allow_is_told(step):
    pod = step("ref()")
    pod.service_account_name = "nobody"
    with pytest.raises(ClusterRefused, match=r'serviceaccount "nobody" not found'):
        pod.carry_out(step.context)


def test_a_pod_that_failed_is_kept_where_the_spec_says_so_without_its_secret(step, workspace, cluster):
    act = "leave(error={'kinds': ['airloop.errors.TrainingError'], 'message': 'one class only', 'docs': ''})"
    with pytest.raises(TrainingError):
        step(act, keep_pod="failed").carry_out(step.context)
    (kept,) = pods(cluster, workspace)
    assert pod_left_behind.KEPT in kept["metadata"]["annotations"] and handed_in(cluster, workspace) == []
    assert step("ref()").carry_out(step.context) == REF, "the next try makes a pod of its own"
    assert [pod["metadata"]["name"] for pod in pods(cluster, workspace)] == [kept["metadata"]["name"]]


def test_pods_whose_task_is_over_are_ended(step, workspace, cluster, context_of):
    left = {}
    for run, state in {"gave-up": "failed", "comes-back": "up_for_retry", "unknown": None}.items():
        context = context_of()
        context["ti"].run_id = run
        left[step(SLEEP, of=context).submit_job(context)] = run
        if state:
            step.context["ti"].states[run] = {"a_step": state}
    assert step("ref()").carry_out(step.context) == REF
    until(lambda: {left[one["metadata"]["name"]] for one in pods(cluster, workspace)} == {"comes-back", "unknown"})


def test_a_pod_is_confined(step, workspace):
    looks = """
import socket
def can(act):
    try: act()
    except OSError as error: return type(error).__name__
    return "yes"
home = pathlib.Path(settings["AIRLOOP_HOME"])
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
leave(ref={
    "root": can(lambda: pathlib.Path("/opt/x").write_text("x")),
    "pipeline": can(lambda: pathlib.Path("/airloop/pipelines/parcels/pipeline.yaml").read_text()),
    "home": can(lambda: (home / "made_inside").write_text("x")),
    "secret": can(lambda: (home / "secrets" / "signing.key").read_text()),
    "account": can(lambda: pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text()),
    "scratch": can(lambda: pathlib.Path("/tmp/x").write_text("x")),
    "capabilities": status["CapEff"].strip(), "new": status["NoNewPrivs"].strip(), "user": os.getuid(),
})
"""
    assert step(looks, cpus=0.1).carry_out(step.context) == {
        "root": "OSError",
        "pipeline": "yes",
        "home": "yes",
        "secret": "FileNotFoundError",
        "account": "FileNotFoundError",
        "scratch": "yes",
        "capabilities": "0" * 16,
        "new": "1",
        "user": 10001,
    }


def test_no_secret_shows_anywhere_but_in_the_secret(step, workspace, cluster, monkeypatch, capsys):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    pod = step("leave(ref={'got': settings['AWS_SECRET_ACCESS_KEY'] == 'hush'})")
    started = abandoned(pod, step.context)
    assert "hush" not in json.dumps(cluster.get("v1", "Pod", started))
    assert len(handed_in(cluster, workspace)) == 1
    assert pod.carry_out(step.context) == {"got": True}
    assert "hush" not in capsys.readouterr().out + json.dumps(step.context["ti"].pushed)


def test_a_trigger_may_watch_in_the_workers_place(step, workspace, cluster, capsys):
    first = step(GATED, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        first.carry_out(step.context)
    assert deferred.value.method_name == "come_back"
    (workspace.home / "go").touch()
    path, arguments = deferred.value.trigger.serialize()
    assert path.endswith("KubernetesPodTrigger") and "hush" not in json.dumps(arguments, default=str)

    async def watched() -> Any:
        return [event.payload async for event in type(deferred.value.trigger)(**arguments).run()]

    (event,) = asyncio.run(watched())
    assert event["status"] == "success"
    again = step(GATED, deferrable=True, came_back=event)
    assert again.carry_out(step.context) == REF and again.running == first.running
    assert "round 2" in capsys.readouterr().out and pods(cluster, workspace) == []


def test_an_operator_whose_pod_a_trigger_watched_takes_the_outcome(workspace, image, monkeypatch, context_of, cluster):
    """Deferred as Airflow does it: the operator is made anew, and its method called that the trigger names."""
    description = workspace.pipelines / "parcels" / "pipeline.yaml"
    description.write_text(f"{SPEC}runs_on:\n  validate_data: {{on: kubernetes, image: '{image}'}}\n")
    (workspace.pipelines / "parcels" / "act.py").write_text(f"{LEAVE}ref()")
    for name, value in environment_of(workspace).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    context = context_of()

    def operator() -> operators.ValidateData:
        return operators.ValidateData(task_id="a_step", pipeline="parcels", snapshot=SNAPSHOT.model_dump_json())

    with pytest.raises(TaskDeferred):
        operator().execute(context)
    (pod,) = pods(cluster, workspace)
    until(lambda: cluster.get("v1", "Pod", pod["metadata"]["name"])["status"]["phase"] == "Succeeded")
    assert operator().come_back(context, {"status": "success", "last_log_time": None})["digest"] == "v1"
    assert pods(cluster, workspace) == []
