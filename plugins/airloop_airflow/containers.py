"""A step in a container of its own that outlives its worker: the next try finds it and watches it further.

Imported when a step runs in a container, and never while DAGs are parsed: it brings docker along.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import ResumableJobMixin
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import DeviceRequest

from airloop import digest
from airloop.engine import answering, labels
from airloop.engine.connection import LABEL
from airloop.errors import StepFailed, StepInterrupted, Unreachable
from airloop.spec.fields import format_size
from airloop.steps import elsewhere, surroundings
from airloop_airflow import abandoned, left_behind, retries
from airloop_airflow.container_log import ContainerLog

if TYPE_CHECKING:
    from airflow.sdk import Context
    from docker import APIClient

    from airloop.spec.model import Step
    from airloop.workspace import Workspace

INTERRUPTED = {137, 143, 255}
"""Exit codes of a process that was ended from outside: killed, told to end, or lost with its engine."""
GONE = {404, 409}
"""What the engine answers about a container that is removed, and about one that is being removed."""
PAUSE_S = 0.5
"""Between two looks at a container whose log has ended before it."""
SCRATCH = "/tmp"  # noqa: S108  # the container's own


class StepContainer(ResumableJobMixin, DockerOperator):
    """Run one step in a container of its own, through the Docker provider.

    The container is named after the task, whatever its try, and goes on when the worker dies; the next try watches it
    further. It is removed when its outcome is taken.

    :param errand: the step with all that it is given.
    :param workspace: where the step works.
    :param limits: what the spec's ``runs_on`` says about the step.
    :param context: of the task that asks.
    """

    external_id_key = "container"

    def __init__(
        self, *, errand: elsewhere.Errand, workspace: Workspace, limits: Step, context: Context, **kwargs: Any
    ) -> None:
        task = abandoned.names_of(context["ti"])
        told = {"pipeline": errand.pipeline.name, "step": errand.step, "errand": errand.digest, **task}
        self.name = f"{workspace.prefix}-step-{errand.pipeline.name}-{errand.step}-{digest.of_value(task)[:12]}"
        super().__init__(
            task_id=f"{errand.step}_in_a_container",
            image=limits.image or "",
            command=errand.command,
            container_name=self.name,
            labels=labels(workspace, "step", **told),
            mem_limit=limits.memory,
            device_requests=[DeviceRequest(count=limits.gpus, capabilities=[["gpu"]])] if limits.gpus else None,
            network_mode=surroundings.network(workspace, errand.pipeline, os.environ),
            mount_tmp_dir=False,
            **_transport_security(),
            **kwargs,
        )
        self.errand = errand
        self.workspace = workspace
        self.limits = limits
        self.is_new = False
        self.is_killed = False
        self.answer: dict[str, Any] = {}

    @property
    def cli(self) -> APIClient:
        """The provider's client of the engine. Raises Unreachable."""
        try:
            return super().cli
        except AirflowException as error:
            raise Unreachable(f"no Docker engine answers at {self.docker_url}: {error}") from error

    def carry_out(self, context: Context) -> dict[str, Any]:
        """Return the step's ref as JSON.

        Raises what the step raised there, StepFailed or StepInterrupted where it ended without a word, and Unreachable.
        """
        with answering(), closing(self.cli):
            self.execute_resumable(context)
        return self.answer

    def submit_job(self, context: Context) -> str:
        """Return the id of the task's container: of the one that is there already, or of a new one."""
        left_behind.remove(self.cli, self.workspace, context["ti"])
        known = self._inspect(self.name)
        if known is not None:
            if self.is_job_active(self._status(known)):
                return str(known["Id"])
            self._remove(known["Id"])
        self.is_new = True
        return self._start()

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """Return what has become of a container that an earlier try watched."""
        return self._status(self._inspect(external_id))

    def is_job_active(self, status: str) -> bool:
        """Return whether the container can be watched further; one that has ended still has an outcome to take."""
        return status in ("running", "paused", "restarting", "exited")

    def is_job_succeeded(self, status: str) -> bool:
        """Return False: a container whose outcome was taken is gone."""
        return False

    def poll_until_complete(self, external_id: Any, context: Context) -> None:
        """Pass on the container's log until it has ended; keep the step's ref, or raise its error."""
        self.container = {"Id": external_id}
        log = ContainerLog(self.cli, external_id, self.log)
        try:
            state = self._watch(log)
        except APIError as error:
            if error.status_code not in GONE:
                raise
            raise StepInterrupted(f"the container of {self.errand.step} was removed while it was at work") from None
        left = elsewhere.unpacked(self._archived(external_id)) or self._without_a_word(state, " | ".join(log.last))
        # A worker that Airflow has given up for dead fails here, and leaves the outcome to the next try.
        context["task_state_store"].delete(self.external_id_key)
        self._remove(external_id)
        if isinstance(left, StepFailed):
            raise left
        self.answer = elsewhere.result(left, retries.heals)

    def get_job_result(self, external_id: Any, context: Context) -> dict[str, Any]:
        """Return the ref that was taken when the container had ended."""
        return self.answer

    def on_kill(self) -> None:
        """End the container at once: whoever ends the task wants its step to end."""
        self.is_killed = True
        with suppress(NotFound):
            if self.hook.client_created:
                self._remove(self.name)
                self.log.info("Ended container %s", self.name)

    def _start(self) -> str:
        from airloop import images

        if not self.image:
            self.log.info("Looking for the image for steps; to make it takes minutes")
            self.image = images.steps(self.workspace)
        settings = surroundings.settings(self.workspace, self.errand.pipeline, os.environ)
        with self._starting():
            try:
                container = self._create()
            except ImageNotFound:
                self._pull()
                container = self._create()
            self.cli.put_archive(container, str(elsewhere.INSIDE), self.errand.archive(settings))
            if self.is_killed:
                self._remove(container)
                raise StepInterrupted(f"{self.errand.step} was ended before it began")
            self.cli.start(container)
        self.log.info("Started container %s of image %s", self.name, self.image)
        return container

    def _create(self) -> str:
        folders = surroundings.mounts(self.cli, self.workspace, self.errand.pipeline)
        confined = self.cli.create_host_config(
            mounts=[*folders, _volume(str(elsewhere.INSIDE)), _volume(SCRATCH)],
            network_mode=self.network_mode,
            nano_cpus=round(self.limits.cpus * 1e9) if self.limits.cpus else None,
            mem_limit=self.mem_limit,
            memswap_limit=self.mem_limit,  # memory and swap together: no swap
            device_requests=self.device_requests,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            init=True,
            log_config={"type": "json-file", "config": {"max-size": "20m", "max-file": "3"}},
        )
        created = self.cli.create_container(
            image=self.image,
            command=self.command,
            entrypoint=[],
            name=self.name,
            labels=self.labels,
            working_dir=str(elsewhere.INSIDE),
            environment={elsewhere.SETTINGS: str(elsewhere.INSIDE / "settings.json"), "HOME": SCRATCH},
            user=f"{os.getuid()}:{os.getgid()}" if folders else None,
            host_config=confined,
        )
        return str(created["Id"])

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Turn what the engine would refuse again into StepFailed, and leave nothing of it behind."""
        try:
            yield
        except ImageNotFound:
            raise
        except APIError as error:
            said = str(error.explanation or error)
            is_wrong = error.is_client_error() and error.status_code != 409
            if not is_wrong and "device driver" not in said and "OCI runtime" not in said:
                raise
            with suppress(NotFound):
                self._remove(self.name)
            raise StepFailed(f"the container of {self.errand.step} cannot be started: {said}") from error

    def _pull(self) -> None:
        self.log.info("::group::Pulling image %s", self.image)
        for said in self.cli.pull(self.image, stream=True, decode=True):
            if "error" in said:
                self.log.error("%s", said["error"])
            elif "progress" not in said:
                self.log.info("%s %s", said.get("status", ""), said.get("id", ""))
        self.log.info("::endgroup::")

    def _inspect(self, container: str) -> dict[str, Any] | None:
        with suppress(NotFound):
            return dict(self.cli.inspect_container(container))
        return None

    def _status(self, container: dict[str, Any] | None) -> str:
        """Return Docker's word for what the container does, ``gone``, or ``outdated``.

        Outdated: other refs are asked for since, or the pipeline's files have changed.
        """
        if container is None:
            return "gone"
        errand = container["Config"]["Labels"].get(f"{LABEL}.errand")
        return str(container["State"]["Status"]) if errand == self.errand.digest else "outdated"

    def _remove(self, container: str) -> None:
        """End and remove a container, and what only it has. A step loses nothing by it, whenever it happens."""
        self.cli.remove_container(container, force=True, v=True)

    def _watch(self, log: ContainerLog) -> dict[str, Any]:
        """Pass on the log until the container has ended; return its last state.

        The stream ends early where an engine or a proxy cuts it: then it goes on after the last line.
        """
        if not self.is_new:
            self.log.info("Found container %s, and watch it further", self.name)
            log.tell_earlier()
        while True:
            log.follow()
            state: dict[str, Any] = self.cli.inspect_container(log.container)["State"]
            if state["Status"] in ("exited", "dead"):
                log.follow()
                return state
            time.sleep(PAUSE_S)

    def _archived(self, container: str) -> Iterator[bytes] | None:
        with suppress(NotFound):
            return (chunk for chunk in self.cli.get_archive(container, str(elsewhere.RESULT))[0])
        return None

    def _without_a_word(self, state: dict[str, Any], said: str) -> StepFailed:
        """Return why a container that left no result ended, as an error."""
        step, code = self.errand.step, state["ExitCode"]
        if self._had_too_little_memory(state):
            limit = f"runs_on.{step}.memory = {format_size(self.limits.memory)}" if self.limits.memory else "there is"
            return StepFailed(f"{step} needs more memory than {limit}: its container was ended. Give it more")
        if code in INTERRUPTED:
            return StepInterrupted(f"the container of {step} was ended from outside (exit code {code})")
        return StepFailed(f"the container of {step} ended with exit code {code} and no result. It said last: {said}")

    def _had_too_little_memory(self, state: dict[str, Any]) -> bool:
        if state["OOMKilled"] or state["ExitCode"] != 137 or not self.limits.memory:
            return bool(state["OOMKilled"])
        # The engine forgets to say so of a container whose end it hears of before the reason.
        since = int(datetime.fromisoformat(state["StartedAt"]).timestamp())
        wanted = {"container": self.name, "event": "oom"}
        return any(True for _ in self.cli.events(since=since, until=int(time.time()) + 1, filters=wanted))


def _volume(target: str) -> dict[str, Any]:
    return {"Type": "volume", "Target": target}


def _transport_security() -> dict[str, Any]:
    """Return the provider's words for Docker's own environment variables."""
    if not os.environ.get("DOCKER_TLS_VERIFY"):
        return {}
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    files = {"tls_ca_cert": "ca.pem", "tls_client_cert": "cert.pem", "tls_client_key": "key.pem"}
    return {argument: str(folder / file) for argument, file in files.items()}
