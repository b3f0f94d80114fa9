"""A step in a pod of its own that outlives its worker: the next try finds it and watches it further.

Imported when a step runs in a pod, and never while DAGs are parsed: it brings kubernetes along.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import ResumableJobMixin

from airloop import digest
from airloop.cluster import GROUP, Cluster, answering, connected, labels, name_of, names
from airloop.cluster.reaching import close_connections
from airloop.errors import AirloopError, ClusterRefused, StepFailed, StepInterrupted
from airloop.steps import elsewhere, surroundings
from airloop_airflow import abandoned, connections, pod_left_behind, pod_manifest, pod_outcome, pod_waiting, retries
from airloop_airflow.pod_log import PodLog, sortable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec.model import Step
    from airloop.workspace import Workspace

ERRAND = f"{GROUP}/errand"
TRIGGER_LOG_S = 10
"""Between two looks of a trigger at the log of a pod that it watches in the worker's place."""

Pod = dict[str, Any]


class StepPod(ResumableJobMixin, KubernetesPodOperator):
    """Run one step in a pod of its own, through the Kubernetes provider.

    The pod carries the task's name, whatever its try, and goes on when the worker dies; the next try watches it
    further. What it is handed in comes by a Secret that goes with it.

    :param errand: the step with all that it is given.
    :param workspace: where the step works.
    :param limits: what the spec's ``runs_on`` says about the step.
    :param context: of the task that asks.
    :param came_back: what the trigger said that has watched the pod for this try.
    """

    external_id_key = "pod"
    patience_s: float = pod_waiting.PATIENCE_S

    def __init__(
        self,
        *,
        errand: elsewhere.Errand,
        workspace: Workspace,
        limits: Step,
        context: Context,
        came_back: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        pipeline, self.task_names = errand.pipeline.name, abandoned.names_of(context["ti"])
        self.try_number = context["ti"].try_number
        self.known_by = labels(
            workspace, "step", pipeline, step=errand.step, task=digest.of_value(self.task_names)[:32]
        )
        shared = surroundings.shared(workspace, errand.pipeline)
        super().__init__(
            task_id=f"{errand.step}_in_a_pod",
            kubernetes_conn_id=connections.kubernetes(),
            image=limits.image,
            namespace=workspace.kubernetes.namespace or None,
            random_name_suffix=False,
            labels=self.known_by,
            annotations={
                **names.annotations(**self.task_names, errand=errand.digest),
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
            **pod_manifest.arguments(errand, workspace, limits, shared),
            **{"deferrable": conf.getboolean("operators", "default_deferrable", fallback=False), **kwargs},
        )
        self.errand = errand
        self.workspace = workspace
        self.limits = limits
        self.shared = shared
        self.came_back = came_back
        self.is_new = False
        self.is_killed = False
        self.running = ""
        self.answer: dict[str, Any] = {}
        self._connections = ExitStack()

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster that the provider's connection names. Raises Unreachable."""
        with answering():
            api = self.client.api_client
        self._connections.callback(close_connections, api)
        settings = replace(self.workspace.kubernetes, client=lambda: api)
        reached = connected(replace(self.workspace, kubernetes=settings), patience_s=self.patience_s)
        cluster = self._connections.enter_context(reached)
        self.namespace = cluster.namespace
        return cluster

    def close(self) -> None:
        """Close the connections to the cluster."""
        self._connections.close()

    def carry_out(self, context: Context) -> dict[str, Any]:
        """Return the step's ref as JSON.

        Raises what the step raised there; StepFailed or StepInterrupted where it ended without a word or never began;
        ClusterRefused and Unreachable.
        """
        try:
            with answering():
                self.execute_resumable(context)
        finally:
            self.close()
        return self.answer

    def submit_job(self, context: Context) -> str:
        """Return the name of the task's pod: of the one that is there already, or of a new one."""
        pod_left_behind.remove(self.cluster, self.workspace, context["ti"])
        there = self.cluster.list("v1", "Pod", self.known_by)
        for pod in there:
            if self.is_job_active(self._status(pod)):
                self._hand_in(pod)
                return str(pod["metadata"]["name"])
        for pod in there:
            if self._status(pod) == "outdated":
                self.cluster.delete("v1", "Pod", pod["metadata"]["name"])
        self.is_new = True
        return self._start([pod["metadata"]["name"] for pod in there])

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """Return what has become of a pod that an earlier try watched."""
        return self._status(self.cluster.get("v1", "Pod", external_id))

    def is_job_active(self, status: str) -> bool:
        """Return whether the pod can be watched further; one that has ended still has an outcome to take."""
        return status in ("Pending", "Running", "Succeeded", "Failed", "Unknown")

    def is_job_succeeded(self, status: str) -> bool:
        """Return False: a pod whose outcome was taken is gone, or only kept to be looked at."""
        return False

    def poll_until_complete(self, external_id: Any, context: Context) -> None:
        """Pass on the pod's log until its step has ended; keep the step's ref, or raise its error."""
        self.running = external_id
        outcome = self._outcome(PodLog(self.cluster, external_id, self.log))
        # A worker that Airflow has given up for dead fails here, and leaves the outcome to the next try.
        context["task_state_store"].delete(self.external_id_key)
        try:
            if isinstance(outcome, StepFailed):
                raise outcome
            self.answer = elsewhere.result(elsewhere.whole(outcome, self.workspace.store), retries.heals)
        finally:
            self._put_away(well=bool(self.answer))

    def get_job_result(self, external_id: Any, context: Context) -> dict[str, Any]:
        """Return the ref that was taken when the step had ended."""
        return self.answer

    def on_kill(self) -> None:
        """End the pod at once: whoever ends the task wants its step to end."""
        self.is_killed = True
        if self.running and self.cluster.delete("v1", "Pod", self.running, grace_s=0):
            self.log.info("Ended pod %s", self.running)

    def _status(self, pod: Pod | None) -> str:
        """Return the pod's phase, or ``gone``, ``leaving``, ``kept`` or ``outdated``.

        Outdated: other refs are asked for since, or the pipeline's files have changed.
        """
        if pod is None:
            return "gone"
        noted = pod["metadata"].get("annotations", {})
        if pod_left_behind.KEPT in noted:
            return "kept"
        if pod_outcome.is_leaving(pod):
            return "leaving"
        return str(pod["status"].get("phase", "Pending")) if noted.get(ERRAND) == self.errand.digest else "outdated"

    def _start(self, others: list[str]) -> str:
        """Make the pod. Whoever makes it in the same try, with the same ``others`` there, makes the same one."""
        self.image = self.image or self._image()
        told = digest.of_value([self.task_names, self.try_number, self.errand.digest, sorted(others)])
        step = self.errand.step.replace("_", "-")
        self.running = self.name = name_of(self.workspace, self.errand.pipeline.name, step, told[:10])
        self.volumes = [*self.volumes, pod_manifest.volume_of(self.name, self.errand)]
        manifest = self.client.api_client.sanitize_for_serialization(self.build_pod_request_obj())
        try:
            self._hand_in(self.cluster.apply(manifest))
        except AirloopError as error:
            self.cluster.delete("v1", "Pod", self.name)
            if isinstance(error, ClusterRefused) and "exceeded quota" in str(error):
                raise StepInterrupted(f"{self.errand.step} finds no room now: {error}") from error
            raise
        if self.is_killed:
            self.on_kill()
            raise StepInterrupted(f"{self.errand.step} was ended before it began")
        self.log.info("Started pod %s of image %s in namespace %s", self.name, self.image, self.namespace)
        return self.name

    def _image(self) -> str:
        from airloop import images
        from airloop.cluster.server_pod import image_for

        self.log.info("Looking for the image for steps; to make it takes minutes")
        return image_for(self.workspace, images.steps(self.workspace, pushed=True))

    def _hand_in(self, pod: Pod) -> None:
        """Make the Secret that the pod waits for, where the one who made the pod did not come to it."""
        if not pod_outcome.has_begun(pod):
            settings = surroundings.settings(self.workspace, self.errand.pipeline, os.environ)
            if self.shared is None or not self.workspace.home.is_relative_to(self.shared):
                settings["AIRLOOP_HOME"] = f"{pod_manifest.SCRATCH}/airloop"
            self.cluster.apply(pod_manifest.secret(pod, self.errand, settings))

    def _outcome(self, log: PodLog) -> str | StepFailed:
        """Watch the pod until its step has ended; return what it left as JSON, or why it left nothing."""
        if not self.is_new:
            self.log.info("Found pod %s, and watch it further", self.running)
            log.seen = sortable(str(seen)) if (seen := (self.came_back or {}).get("last_log_time")) else ""
        try:
            pod = self._look()
            if self.deferrable and self.came_back is None and not pod_outcome.has_ended(pod):
                self._leave_to_trigger()
            while not pod_outcome.has_begun(pod):
                if why := pod_waiting.over(self.cluster, pod, self.errand.step, self.limits):
                    return why
                time.sleep(pod_waiting.PAUSE_S)
                pod = self._look()
            pod = self._watch(pod, log)
        except StepFailed as error:
            return error
        said = " | ".join(log.last)
        return pod_outcome.left(pod) or pod_outcome.without_a_word(pod, self.errand.step, self.limits, said)

    def _look(self) -> Pod:
        return pod_waiting.look(self.cluster, self.running, self.errand.step, self.patience_s)

    def _watch(self, pod: Pod, log: PodLog) -> Pod:
        """Pass on the log until the step has ended, and return the pod as it is then."""
        if not self.is_new:
            log.tell_earlier()
        while not pod_outcome.has_ended(pod):
            log.follow()
            pod = self._look()
            if not pod_outcome.has_ended(pod):
                time.sleep(pod_waiting.PAUSE_S)
        log.follow()
        return pod

    def _leave_to_trigger(self) -> None:
        """Let the provider's trigger watch the pod, and free the worker; the task comes back to take the outcome."""
        start_s = int(self.limits.start_within.total_seconds()) + 1
        trigger = KubernetesPodTrigger(
            pod_name=self.running,
            pod_namespace=str(self.namespace),
            trigger_start_time=datetime.now(UTC),
            base_container_name=pod_manifest.CONTAINER,
            kubernetes_conn_id=self.kubernetes_conn_id,
            schedule_timeout=start_s,
            startup_timeout=start_s,
            logging_interval=TRIGGER_LOG_S,
            termination_grace_period=0,
        )
        self.defer(trigger=trigger, method_name="come_back")

    def _put_away(self, *, well: bool) -> None:
        """Delete the pod, or keep it to be looked at without what was handed in."""
        if well or self.limits.keep_pod == "never":
            # There is nothing left to end, and a node that is lost would never say that it has ended.
            self.cluster.delete("v1", "Pod", self.running, grace_s=0)
        elif self.cluster.get("v1", "Pod", self.running) is not None:
            noted = {pod_left_behind.KEPT: datetime.now(UTC).isoformat(timespec="seconds")}
            self.cluster.patch("v1", "Pod", self.running, {"metadata": {"annotations": noted}})
            self.log.info("Pod %s stays in namespace %s for a week: kubectl describe pod", self.running, self.namespace)
        self.cluster.delete("v1", "Secret", self.running)
