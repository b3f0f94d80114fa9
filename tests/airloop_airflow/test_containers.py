"""Steps in containers of a real engine. An image that stands in for the project's keeps most of them quick."""

from __future__ import annotations

import gc
import io
import json
import os
import secrets
import tarfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pandas as pd
import pytest

from airloop.errors import AirloopError, StepFailed, StepInterrupted, TrainingError, Unreachable, ValidationBlocked
from airloop.refs import SnapshotRef
from airloop.spec import find
from airloop.spec.model import Step
from airloop.steps.elsewhere import Errand
from airloop.workspace import Workspace
from airloop_airflow import operators
from airloop_airflow.container_log import ContainerLog
from airloop_airflow.containers import StepContainer
from airloop_airflow.links import DataDocs

# docker-py leaves the socket of a log's stream to the garbage collector.
LEFT_OPEN = "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
pytestmark = [pytest.mark.docker, pytest.mark.timeout(300), pytest.mark.filterwarnings(LEFT_OPEN)]

BASE = "python:3.11-slim-bookworm"
HERE = Path(__file__).parent
SPEC = """\
name: parcels
data:
  source: {path: "data/parcels/date={date}/*.parquet"}
  event_time: sent_at
  label: {column: late}
  train_window: 2d
  holdout_window: 1d
model: {task: binary}
"""
EXPECTING = "data:\n  expectations: expectations.yaml"
REFUSING = "- {expect: ExpectTableRowCountToBeBetween, min_value: 1000, severity: block}\n"
SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)
REF = {"digest": "v1", "uri": "x", "quarantined": 0}
LEAVE = f"""
import json, pathlib, sys, time
def leave(**left): pathlib.Path(sys.argv[sys.argv.index("--result") + 1]).write_text(json.dumps(left))
def ref(): leave(ref={REF!r})
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    """Give the real engine's client."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(engine) -> Iterator[str]:
    """Make an image in which a step does what the pipeline's ``act.py`` says."""
    tag = f"airloop-t-{secrets.token_hex(4)}/steps"
    recipe = f"FROM {BASE}\nENV PYTHONPATH=/opt/stand_in PYTHONUNBUFFERED=1\nCOPY airloop /opt/stand_in/airloop\n"
    with io.BytesIO() as context:
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(HERE / "stand_in" / "airloop", "airloop", filter=lambda entry: entry)
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(recipe)
            tar.addfile(entry, io.BytesIO(recipe.encode()))
        context.seek(0)
        engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture
def workspace(tmp_path, monkeypatch, engine) -> Iterator[Workspace]:
    """A workspace with a stack of its own on the engine; nothing of it is left behind."""
    prefix = f"airloop-t-{secrets.token_hex(4)}"
    for name, value in {"HOME": tmp_path / "home", "PIPELINES": tmp_path / "pipelines", "PREFIX": prefix}.items():
        monkeypatch.setenv(f"AIRLOOP_{name}", str(value))
    folder = tmp_path / "pipelines" / "parcels"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    (tmp_path / "home" / "secrets").mkdir(parents=True)
    (tmp_path / "home" / "secrets" / "signing.key").write_text("nobody's business")
    yield Workspace.from_environment()
    for container in containers(engine, prefix):
        container.remove(force=True, v=True)


def containers(engine, prefix):
    """Return the stack's containers, also those that have ended."""
    return engine.containers.list(all=True, filters={"label": f"dev.airloop.stack={prefix}"})


@pytest.fixture
def step(workspace, image, context_of) -> Iterator[Any]:
    """Make a step's container that does ``act``; the same task's context unless another one is given."""
    context, made = context_of(), []

    def make(act: str, *, of=context, snapshot=SNAPSHOT, **limits) -> StepContainer:
        (workspace.pipelines / "parcels" / "act.py").write_text(LEAVE + act)
        errand = Errand("validate_data", find("parcels", workspace), {"snapshot": snapshot})
        limits = Step(on="docker", **{"image": image, **limits})
        made.append(StepContainer(errand=errand, workspace=workspace, limits=limits, context=of))
        return made[-1]

    make.context = context
    yield make
    for container in made:
        container.cli.close()
    made.clear()
    gc.collect()


def abandoned(container: StepContainer, context) -> str:
    """Start a step as a worker does that dies then; return the container's id."""
    started = container.submit_job(context)
    context["task_state_store"].set("container", started)
    return started


def volumes_of(engine, container: str) -> list[str]:
    """Return the names of a container's volumes."""
    return [mount["Name"] for mount in engine.api.inspect_container(container)["Mounts"] if mount["Type"] == "volume"]


def test_a_step_gives_its_ref_and_leaves_nothing_behind(step, workspace, engine):
    container = step("ref()")
    volumes = volumes_of(engine, abandoned(container, step.context))
    assert container.carry_out(step.context) == REF
    assert containers(engine, workspace.prefix) == [] and step.context["task_state_store"] == {}
    assert len(volumes) == 2
    for name in volumes:
        with pytest.raises(docker.errors.NotFound):
            engine.volumes.get(name)


GATED = """
print("round 1", flush=True)
go = pathlib.Path(json.load(open("/airloop/settings.json"))["AIRLOOP_HOME"], "go")
while not go.exists(): time.sleep(0.05)
print("WARNING: round 2", flush=True)
ref()
"""


def test_the_next_try_watches_the_same_container_further(step, workspace, engine, capsys):
    first = abandoned(step(GATED), step.context)
    until(lambda: b"round 1" in engine.api.logs(first))
    again = step(GATED)
    (workspace.home / "go").touch()
    assert again.carry_out(step.context) == REF
    assert again.container["Id"] == first and containers(engine, workspace.prefix) == []
    said = capsys.readouterr().out
    assert said.index("What the container said before this try") < said.index("round 1") < said.index("endgroup")
    assert said.count("round 1") == said.count("round 2") == 1


class Told(list[tuple[str, str]]):
    """A log that keeps what it is told, with its level."""

    def info(self, text: str, *values: object) -> None:
        self.append(("info", text % values))

    def warning(self, text: str, *values: object) -> None:
        self.append(("warning", text % values))


def test_a_log_goes_on_after_the_last_line_that_was_told(step, workspace, engine):
    container = abandoned(step(GATED), step.context)
    until(lambda: b"round 1" in engine.api.logs(container))
    told = Told()
    log = ContainerLog(engine.api, container, told)
    log.tell_earlier()
    assert told[1:] == [("info", "round 1"), ("info", "::endgroup::")]
    (workspace.home / "go").touch()
    log.follow()
    log.follow()
    assert told[3:] == [("warning", "round 2")] and list(log.last) == ["round 1", "WARNING: round 2"]


def test_a_worker_that_died_before_it_noted_the_container_has_left_one_that_is_found(step, workspace, engine):
    first = step("time.sleep(1); ref()").submit_job(step.context)
    again = step("time.sleep(1); ref()")
    assert step.context["task_state_store"] == {}
    assert again.carry_out(step.context) == REF and again.container["Id"] == first


def test_a_container_that_ended_unwatched_is_not_run_again(step, engine):
    act = "leave(error={'kinds': ['airloop.errors.TrainingError'], 'message': 'one class only', 'docs': ''})"
    engine.api.wait(abandoned(step(act), step.context))
    again = step(act)
    with pytest.raises(TrainingError, match=r"^one class only$"):
        again.carry_out(step.context)
    assert again.is_new is False


def test_other_refs_or_files_make_another_container(step, workspace, engine):
    first = abandoned(step("time.sleep(60)"), step.context)
    newer = SNAPSHOT.model_copy(update={"digest": "s2"})
    second = step("time.sleep(60)", snapshot=newer).submit_job(step.context)
    third = step("ref()", snapshot=newer).submit_job(step.context)
    assert len({first, second, third}) == 3
    assert [container.id for container in containers(engine, workspace.prefix)] == [third]


def test_a_created_container_that_never_started_is_replaced(step, engine, workspace):
    never = step("ref()")
    never.image = never.image or ""
    created = never._create()
    assert step("ref()").carry_out(step.context) == REF
    assert created not in {container.id for container in containers(engine, workspace.prefix)}


def test_whoever_ends_the_task_ends_the_container(step, workspace, engine):
    container = step("print('at work', flush=True); time.sleep(60)")
    ended: list[BaseException] = []

    def run() -> None:
        try:
            container.carry_out(step.context)
        except AirloopError as error:
            ended.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    until(lambda: any(one.status == "running" for one in containers(engine, workspace.prefix)))
    container.on_kill()
    worker.join(60)
    assert containers(engine, workspace.prefix) == [] and not worker.is_alive()
    assert [(type(error), error.retryable) for error in ended] == [(StepInterrupted, True)]
    assert str(ended[0]) == "the container of validate_data was removed while it was at work"


def until(is_true) -> None:
    """Wait until something is so, a minute at most."""
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_containers_whose_task_is_over_are_ended(step, workspace, engine, context_of):
    left = {}
    for run, state in {"gave-up": "failed", "comes-back": "up_for_retry", "unknown": None}.items():
        context = context_of()
        context["ti"].run_id = run
        left[step("time.sleep(60)", of=context).submit_job(context)] = run
        if state:
            step.context["ti"].states[run] = {"a_step": state}
    assert step("ref()").carry_out(step.context) == REF
    assert {left[one.id] for one in containers(engine, workspace.prefix)} == {"comes-back", "unknown"}


def test_memory_has_a_limit_and_the_error_says_which(step):
    with pytest.raises(StepFailed, match=r"validate_data needs more memory than runs_on.validate_data.memory = 50MB"):
        step("print(len(bytearray(500_000_000)))", memory="50MB").carry_out(step.context)


def test_one_that_is_killed_from_outside_is_worth_another_try(step, engine):
    container = step("time.sleep(60)")
    started = abandoned(container, step.context)
    engine.api.kill(started)
    with pytest.raises(StepInterrupted, match=r"ended from outside \(exit code 137\)") as caught:
        container.carry_out(step.context)
    assert caught.value.retryable


def test_one_that_ends_without_a_word_fails_with_its_last_lines(step):
    with pytest.raises(StepFailed, match=r"exit code 3 and no result. It said last: no room \| good bye"):
        step("print('no room'); sys.exit(print('good bye') or 3)").carry_out(step.context)


def test_a_container_is_confined(step, workspace, engine):
    looks = """
import os, socket
def can(act):
    try: act()
    except OSError as error: return type(error).__name__
    return "yes"
home = pathlib.Path(os.environ.get("HOME_OF_WORKER") or json.loads(
    pathlib.Path(os.environ["AIRLOOP_SETTINGS"]).read_text())["AIRLOOP_HOME"])
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
leave(ref={
    "root": can(lambda: pathlib.Path("/opt/x").write_text("x")),
    "pipeline": can(lambda: pathlib.Path("/airloop/pipelines/parcels/pipeline.yaml").read_text()),
    "home": can(lambda: (home / "made_inside").write_text("x")),
    "secret": can(lambda: (home / "secrets" / "signing.key").read_text()),
    "network": can(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
    "scratch": can(lambda: pathlib.Path("/tmp/x").write_text("x")),
    "capabilities": status["CapEff"].strip(), "new": status["NoNewPrivs"].strip(), "user": os.getuid(),
})
"""
    seen = step(looks, cpus=0.5).carry_out(step.context)
    assert (workspace.home / "made_inside").stat().st_uid == os.getuid()
    assert seen == {
        "root": "OSError",
        "pipeline": "yes",
        "home": "yes",
        "secret": "FileNotFoundError",
        "network": "OSError",
        "scratch": "yes",
        "capabilities": "0" * 16,
        "new": "1",
        "user": os.getuid(),
    }


def test_limits_are_those_of_the_spec(step, engine):
    host = engine.api.inspect_container(step("ref()", cpus=0.5, memory="64MB").submit_job(step.context))["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (500_000_000, 64_000_000, 64_000_000)
    assert host["LogConfig"]["Config"]["max-size"] == "20m" and host["RestartPolicy"]["Name"] in ("", "no")


def test_a_gpu_is_asked_for_and_one_that_is_not_there_is_told(step, workspace, engine):
    container = step("ref()", gpus=2)
    assert container.device_requests[0]["Count"] == 2
    if "nvidia" in engine.info()["Runtimes"]:
        pytest.skip("this engine has GPUs")
    with pytest.raises(StepFailed, match="the container of validate_data cannot be started: could not select device"):
        container.carry_out(step.context)
    assert containers(engine, workspace.prefix) == []


def test_an_image_that_cannot_be_had_is_named(step, workspace, engine):
    container = step("ref()", image="127.0.0.1:1/nowhere:1")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        container.carry_out(step.context)
    assert containers(engine, workspace.prefix) == []


def test_no_secret_shows_in_the_containers_own_environment(step, workspace, engine, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    act = "leave(ref={'got': json.load(open('/airloop/settings.json'))['AWS_SECRET_ACCESS_KEY']})"
    container = step(act)
    started = abandoned(container, step.context)
    assert "hush" not in json.dumps(engine.api.inspect_container(started))
    assert container.carry_out(step.context) == {"got": "hush"}


@pytest.fixture
def landed(workspace):
    """A pipeline of three days of rows whose steps all run in containers of the project's own image."""
    folder = workspace.pipelines / "parcels"
    (folder / "pipeline.yaml").write_text(SPEC.replace("data:", EXPECTING) + "runs_on: docker\n")
    (folder / "expectations.yaml").write_text(REFUSING)
    for day in pd.date_range("2013-03-15", periods=3, tz="UTC"):
        rows = workspace.home / "data" / "parcels" / f"date={day:%Y-%m-%d}"
        rows.mkdir(parents=True)
        frame = pd.DataFrame({"sent_at": day + pd.to_timedelta(range(10), unit="h"), "late": [True, False] * 5})
        frame.to_parquet(rows / "rows.parquet", index=False)
    return folder


@pytest.mark.timeout(900)  # where the image is not there yet it is made
def test_the_projects_own_image_does_what_the_worker_does(landed, workspace, engine, context_of, capsys):
    context = context_of(as_of="2013-03-18")
    take = operators.TakeSnapshot(task_id="take_snapshot", pipeline="parcels")
    taken = take.execute(context)
    assert "Started container" in capsys.readouterr().out and take.ref.rows == 30
    validate = operators.ValidateData(task_id="validate_data", pipeline="parcels", snapshot=json.dumps(taken))
    with pytest.raises(ValidationBlocked, match="the data is not used"):
        validate.execute(context)
    assert Path(validate.docs).is_file() and validate.docs.startswith(str(workspace.home))
    assert DataDocs().get_link(validate, ti_key=None).endswith("/index.html")
    assert containers(engine, workspace.prefix) == []

    description = landed / "pipeline.yaml"
    description.write_text(description.read_text().replace("runs_on: docker", "runs_on: worker"))
    assert operators.TakeSnapshot(task_id="take_snapshot", pipeline="parcels").execute(context) == taken
