"""The very image that will ship, in a pod of the cluster that it will ship to; the pod is gone afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airloop import cluster, images
from airloop.cluster import server_pod
from airloop.serving.tokens import Tokens
from airloop.verification import confinement, pods_left
from airloop.verification.running import Facts, Running, Silent
from airloop.verification.shipping import refuse_unless_of
from airloop.verification.watched_pod import WatchedPod

if TYPE_CHECKING:
    from airloop.bundle import Bundle
    from airloop.cluster import Cluster
    from airloop.spec.model import Serving
    from airloop.workspace import Workspace

PLACED_S = 300.0
"""Longest wait for the pod to be placed and its image to be there."""
PATIENCE_S = 60.0
"""Longest silence of the API server that is sat out, as while it is started again."""


@contextmanager
def running_pod(
    workspace: Workspace,
    serving: Serving,
    bundle: Bundle,
    image: str,
    *,
    placed_s: float = PLACED_S,
    patience_s: float = PATIENCE_S,
) -> Iterator[Running]:
    """Give a server that runs ``image`` by its digest, with production's limits; its pod is gone when the block ends.

    The cluster has ``placed_s`` seconds to place the pod and to have its image there, and ``patience_s`` to answer
    again when its API server has fallen silent.

    When we are killed the cluster ends it after ``pods_left.DEADLINE_S``, and a later verification removes it. Raises
    BundleError, with the last lines of its log, when it does not come up, ImageError when the image is missing or is
    not this bundle's, ClusterRefused when the cluster takes no such pod, and Unreachable when registry or cluster do
    not answer.
    """
    there = images.pullable(workspace, image)
    refuse_unless_of(bundle, image, there.config)
    megabytes = images.find(workspace, image).megabytes
    with cluster.connected(workspace, patience_s=patience_s) as connection:
        pods_left.sweep(connection, workspace)
        granted = Tokens(secrets.token_urlsafe(16), secrets.token_urlsafe(16))
        with _pod(connection, workspace, serving, bundle, image, granted) as pod:
            ready_at = pod.wait(granted.admin, placed_s)
            seen = pod.look_inside()
            start_s = max(0.0, seen.age_s - (time.monotonic() - ready_at))

            def facts() -> Facts:
                return _facts(pod.look_inside(), megabytes)

            with connection.door(pod.name, granted.admin) as server:
                url = server.url
            try:
                yield Running(url, granted.admin, start_s, facts, door=lambda: connection.door(pod.name, granted.admin))
            except Silent as error:
                raise pod.cause(error) from error


@contextmanager
def _pod(
    connection: Cluster, workspace: Workspace, serving: Serving, bundle: Bundle, image: str, granted: Tokens
) -> Iterator[WatchedPod]:
    name = cluster.name_of(workspace, bundle.pipeline, "verify", secrets.token_hex(4))
    server = server_pod.PodServer(name, bundle.pipeline, bundle.version, bundle.digest, image)
    try:
        connection.apply(manifest(workspace, serving, server, granted))
        yield WatchedPod(connection, name, serving)
    finally:
        pods_left.remove(connection, name)


def manifest(workspace: Workspace, serving: Serving, server: server_pod.PodServer, granted: Tokens) -> dict[str, Any]:
    """Return the pod in which a server is verified: production's, that ends when its server does."""
    spec = server_pod.pod_spec(workspace, serving, server, granted, role="verification")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": server.name,
            "labels": cluster.labels(workspace, "verification", server.pipeline, version=server.version),
            "annotations": cluster.annotations(bundle=server.bundle, image=server.image),
        },
        "spec": {**spec, "restartPolicy": "Never", "activeDeadlineSeconds": pods_left.DEADLINE_S},
    }


def _facts(seen: confinement.Seen, image_mb: float) -> Facts:
    return Facts(
        memory_mb=seen.memory_bytes / 1e6,
        image_mb=image_mb,
        user=str(seen.users[1]),
        writable=seen.writable,
        problems=confinement.problems_in_pod(seen),
    )
