"""What a step's pod is: as confined as pods can be, with what the spec grants it and nothing secret in it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import models as k8s

from airloop.errors import StepFailed
from airloop.serving import placing
from airloop.spec.fields import format_size
from airloop.steps.elsewhere import INSIDE, ROOM, SETTINGS, Errand

if TYPE_CHECKING:
    from airloop.spec.model import Step
    from airloop.workspace import Workspace

CONTAINER = "step"
SCRATCH = "/tmp"  # noqa: S108  # the pod's own
ROOM_BYTES = 4096
"""What a kubelet takes of a termination message."""
HANDED_IN_BYTES = 900_000
"""Most that is handed in, by a Secret: the API server takes 1 MiB of one, encoded names included."""
USER = "AIRLOOP_KUBERNETES_USER"
"""``uid`` or ``uid:gid`` of steps in pods. Default: the owner of a store that is a folder, but never root."""
TRAINING_ACCOUNT = "AIRLOOP_KUBERNETES_TRAINING_ACCOUNT"
"""ServiceAccount of a training that starts workers. Default: that of all steps."""
GRACE_S = 10
GPU = "nvidia.com/gpu"


def user(workspace: Workspace, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return user and group of the pod's processes: never root, unless ``AIRLOOP_KUBERNETES_USER`` says so."""
    uid, _, gid = environ.get(USER, "").partition(":")
    return (int(uid), int(gid or uid)) if uid else placing.owner_of(workspace)


def arguments(errand: Errand, workspace: Workspace, limits: Step, shared: Path | None) -> dict[str, Any]:
    """Return the pod of ``errand`` as arguments of KubernetesPodOperator; ``shared`` is where its claim is mounted."""
    cluster = workspace.kubernetes
    return {
        "cmds": errand.command[:1],
        "arguments": errand.command[1:],
        "base_container_name": CONTAINER,
        "container_resources": _resources(limits),
        "node_selector": limits.nodes,
        "tolerations": [k8s.V1Toleration(**toleration.model_dump()) for toleration in limits.tolerations],
        "service_account_name": _account(errand, workspace),
        "automount_service_account_token": asks_the_cluster(errand),
        "image_pull_secrets": [k8s.V1LocalObjectReference(cluster.pull_secret)] if cluster.pull_secret else None,
        "termination_grace_period": GRACE_S,
        "env_vars": _environment(),
        "env_from": [k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=cluster.secret))]
        if cluster.secret
        else None,
        "full_pod_spec": _more(),
        **_confined(*user(workspace, os.environ)),
        **_volumes(workspace, shared),
    }


def asks_the_cluster(errand: Errand) -> bool:
    """Return whether the step starts pods itself: a training that is spread over workers does."""
    return errand.step == "train_model" and errand.pipeline.spec.model.workers > 1


def _account(errand: Errand, workspace: Workspace) -> str:
    own = os.environ.get(TRAINING_ACCOUNT, "") if asks_the_cluster(errand) else ""
    return own or workspace.kubernetes.service_account


def volume_of(name: str, errand: Errand) -> k8s.V1Volume:
    """Return the volume of what is handed in by the Secret ``name``: each file at its path below ``INSIDE``."""
    items = [k8s.V1KeyToPath(key=key, path=path) for key, path in _keys(errand.files({})).items()]
    return k8s.V1Volume(name="handed-in", secret=k8s.V1SecretVolumeSource(secret_name=name, items=items))


def secret(pod: Mapping[str, Any], errand: Errand, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret that ``pod`` waits for, which goes when the pod goes. Raises StepFailed if it is too large."""
    files = {path: _bytes(content) for path, content in errand.files(settings).items()}
    size = sum(map(len, files.values()))
    if size > HANDED_IN_BYTES:
        largest = max(files, key=lambda path: len(files[path]))
        raise StepFailed(
            f"the files of pipeline {errand.pipeline.name!r} are too large for a pod: {format_size(size)}, at most "
            f"{format_size(HANDED_IN_BYTES)}; the largest is {largest}. Read large files from the store or a URL"
        )
    named = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": named["name"], "uid": named["uid"]}
    encoded = {key: base64.b64encode(files[path]).decode() for key, path in _keys(files).items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": named["name"], "labels": named["labels"], "ownerReferences": [owner]},
        "type": "Opaque",
        "data": encoded,
    }


def _keys(files: Mapping[str, bytes | Path]) -> dict[str, str]:
    return {f"file-{number}": path for number, path in enumerate(sorted(files))}


def _bytes(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


def _resources(limits: Step) -> k8s.V1ResourceRequirements:
    own = {"cpu": limits.cpus and f"{limits.cpus:g}", "memory": limits.memory and str(limits.memory)}
    asked = {name: value for name, value in own.items() if value}
    gpus = {GPU: str(limits.gpus)} if limits.gpus else {}
    return k8s.V1ResourceRequirements(requests=asked, limits={**asked, **gpus})


def _environment() -> list[k8s.V1EnvVar]:
    plain = {"HOME": SCRATCH, SETTINGS: str(INSIDE / "settings.json"), ROOM: str(ROOM_BYTES)}
    own = {"AIRLOOP_POD": "metadata.name", "AIRLOOP_POD_UID": "metadata.uid", "AIRLOOP_POD_IP": "status.podIP"}
    return [
        *(k8s.V1EnvVar(name=name, value=value) for name, value in plain.items()),
        *(
            k8s.V1EnvVar(name=name, value_from=k8s.V1EnvVarSource(field_ref=k8s.V1ObjectFieldSelector(field_path=path)))
            for name, path in own.items()
        ),
    ]


def _more() -> k8s.V1Pod:
    """Return what the operator has no arguments for."""
    container = k8s.V1Container(name=CONTAINER, working_dir=str(INSIDE))
    # Else the step is process 1, which hears no SIGTERM: each end would take the whole grace period.
    spec = k8s.V1PodSpec(containers=[container], share_process_namespace=True, enable_service_links=False)
    return k8s.V1Pod(metadata=k8s.V1ObjectMeta(), spec=spec)


def _confined(uid: int, gid: int) -> dict[str, Any]:
    seccomp = k8s.V1SeccompProfile(type="RuntimeDefault")
    return {
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=uid != 0,
            run_as_user=uid,
            run_as_group=gid,
            fs_group=gid,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=seccomp,
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
            read_only_root_filesystem=True,
            run_as_non_root=uid != 0,
            seccomp_profile=seccomp,
        ),
    }


def _volumes(workspace: Workspace, shared: Path | None) -> dict[str, list[Any]]:
    volumes = [k8s.V1Volume(name="scratch", empty_dir=k8s.V1EmptyDirVolumeSource())]
    mounts = [k8s.V1VolumeMount(name="scratch", mount_path=SCRATCH)]
    mounts += [k8s.V1VolumeMount(name="handed-in", mount_path=str(INSIDE), read_only=True)]
    if shared is None:
        return {"volumes": volumes, "volume_mounts": mounts}
    claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=workspace.kubernetes.claim)
    volumes += [k8s.V1Volume(name="store", persistent_volume_claim=claim)]
    mounts += [k8s.V1VolumeMount(name="store", mount_path=str(shared))]
    secrets = workspace.home / "secrets"
    if secrets.is_relative_to(shared):
        # Tokens and keys that no step needs.
        volumes += [k8s.V1Volume(name="hidden", empty_dir=k8s.V1EmptyDirVolumeSource())]
        mounts += [k8s.V1VolumeMount(name="hidden", mount_path=str(secrets), read_only=True)]
    return {"volumes": volumes, "volume_mounts": mounts}
