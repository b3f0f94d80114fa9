"""How a model server runs in a pod: the one place that says what it may do, reach and write.

The Kubernetes target runs releases with it and verification proves bundles with it, so what was verified is what ships.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airloop.cluster.confined import CONFINED, GRACE_S, LEAVE_S, PORT, SHADOW_PORT, pod_security, probes, resources
from airloop.cluster.names import labels
from airloop.errors import ImageError
from airloop.serving import placing

if TYPE_CHECKING:
    from airloop.serving.tokens import Tokens
    from airloop.spec.model import Serving
    from airloop.workspace import Workspace

CONTAINER = "server"
SCRATCH_LIMIT = "64Mi"
JOURNAL_LIMIT = "1Gi"
"""Of what was answered and is not in the store yet."""


@dataclass(frozen=True)
class PodServer:
    """What runs in one pod; ``bundle`` is a digest, ``image`` a reference by digest in a registry."""

    name: str
    pipeline: str
    version: str
    bundle: str
    image: str


@dataclass(frozen=True)
class Log:
    """What a server needs in order to keep a prediction log."""

    is_kept: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()


def pod_spec(
    workspace: Workspace,
    serving: Serving,
    server: PodServer,
    granted: Tokens,
    *,
    role: Literal["server", "verification"] = "server",
) -> dict[str, Any]:
    """Return the ``spec`` of a server's pod.

    One under verification keeps no prediction log and gets no credentials; all else is as in production. A folder for
    the log is made here. Raises ImageError when nodes cannot pull the image, or the log has no place in the cluster.
    """
    settings, is_live = workspace.kubernetes, role == "server"
    log = _log(workspace, server.pipeline) if is_live and serving.log_predictions else Log()
    spec: dict[str, Any] = {
        "serviceAccountName": settings.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": pod_security(*placing.owner_of(workspace)),
        "containers": [_container(workspace, serving, server, granted, log, is_live=is_live)],
        "volumes": [_empty("scratch", SCRATCH_LIMIT), _empty("home", JOURNAL_LIMIT), *log.volumes],
    }
    if is_live:
        spec["topologySpreadConstraints"] = [_spread(workspace, server.pipeline)]
    if settings.pull_secret:
        spec["imagePullSecrets"] = [{"name": settings.pull_secret}]
    return spec


def image_for(workspace: Workspace, reference: str) -> str:
    """Return what the cluster's nodes call an image of ``Workspace.registry``; other images stay as they are.

    Raises ImageError for an image that is in no registry, or is not named by its digest.
    """
    name, found, digest = reference.partition("@sha256:")
    if not found or len(digest) != 64 or "/" not in name:
        raise ImageError(
            f"image {reference!r}: a cluster's nodes pull images by digest from a registry, HOST/NAME@sha256:…. "
            "Set AIRLOOP_REGISTRY and package the bundle again"
        )
    ours, theirs = workspace.registry, workspace.kubernetes.registry
    is_ours = bool(ours and theirs) and reference.startswith(f"{ours}/")
    return f"{theirs}{reference.removeprefix(ours)}" if is_ours else reference


def _container(
    workspace: Workspace, serving: Serving, server: PodServer, granted: Tokens, log: Log, *, is_live: bool
) -> dict[str, Any]:
    from airloop.serving.tokens import hashes_of

    arguments = ["--bundle", placing.BUNDLE, "--digest", server.bundle, "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104  # the pod's own
    # Hashes of the tokens: nothing that `kubectl describe` may not show.
    told = hashes_of(granted) | placing.proof_of(workspace, server.bundle) | log.environment
    ports = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
    if workspace.kubernetes.gateway:
        # The same for champion and candidate: who gets copies changes, and a pod never does.
        told[placing.SHADOW_VARIABLE] = str(SHADOW_PORT)
        ports.append({"name": "shadow", "containerPort": SHADOW_PORT, "protocol": "TCP"})
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image_for(workspace, server.image),
        "imagePullPolicy": "IfNotPresent",
        "args": arguments if log.is_kept else [*arguments, "--no-log"],
        "env": [{"name": name, "value": value} for name, value in sorted(told.items())],
        "ports": ports,
        "resources": resources(serving),
        "securityContext": CONFINED,
        "volumeMounts": [_mount("scratch", placing.SCRATCH), _mount("home", placing.HOME), *log.mounts],
        # What a server said last is in its status then, where diagnosis finds it.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "lifecycle": {"preStop": {"exec": {"command": ["python", "-c", f"import time; time.sleep({LEAVE_S})"]}}},
        **probes(),
    }
    secret = workspace.kubernetes.secret
    if secret and is_live:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return container


def _log(workspace: Workspace, pipeline: str) -> Log:
    folder, claim = placing.folder_of(workspace), workspace.kubernetes.claim
    if folder is None:
        return Log(True, {"AIRLOOP_STORE": workspace.store_url})
    if not claim:
        raise ImageError(
            f"the store {workspace.store_url} is a folder that no pod sees, and {pipeline}'s servers could not write "
            "the prediction log: set AIRLOOP_STORE to a URL that pods reach, AIRLOOP_KUBERNETES_CLAIM to the "
            "PersistentVolumeClaim that holds the store, or serving.log_predictions to false"
        )
    placing.make_log(folder / "predictions" / pipeline, placing.owner_of(workspace))
    inside = f"predictions/{pipeline}"
    return Log(
        True,
        {"AIRLOOP_STORE": placing.STORE},
        ({"name": "store", "persistentVolumeClaim": {"claimName": claim}},),
        (_mount("store", f"{placing.STORE}/{inside}") | {"subPath": inside},),
    )


def _spread(workspace: Workspace, pipeline: str) -> dict[str, Any]:
    """Return the wish, no more, that a pipeline's servers be on different nodes."""
    found = {name: value for name, value in labels(workspace, "server", pipeline).items() if name.startswith("airloop")}
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": found},
    }


def _empty(name: str, limit: str) -> dict[str, Any]:
    return {"name": name, "emptyDir": {"sizeLimit": limit}}


def _mount(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "mountPath": path}
