"""Where a pipeline's requests go, and everything that answers them: whatever target it is released to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airloop.release.kubernetes import KubernetesTarget
from airloop.release.targets import target_of
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.spec import Pipeline


def address(workspace: Workspace, pipeline: Pipeline) -> str:
    """Return the URL of the server, or of the gateway, that answers a pipeline's requests."""
    endpoint = target_of(workspace, pipeline.spec).endpoint(pipeline.name)
    return endpoint.removesuffix(f"/v2/models/{pipeline.name}/infer")


def flush_predictions(workspace: Workspace, pipeline: Pipeline) -> None:
    """Have all that answered a pipeline's requests write them to the prediction log; return once they are there.

    Raises Unreachable and Refusal.
    """
    if pipeline.spec.release.target == "docker":
        _flush_containers(workspace, pipeline.name)
        return
    if pipeline.spec.release.target == "kubernetes":
        KubernetesTarget(workspace, pipeline.spec).flush(pipeline.name)
        return
    from airloop.serving.client import ServerClient
    from airloop.serving.tokens import read_or_make

    with ServerClient(workspace.server_url, read_or_make(workspace.home).admin) as server:
        server.flush()


def _flush_containers(workspace: Workspace, name: str) -> None:
    from airloop import engine
    from airloop.gateway import Gateway

    with engine.connected() as client:
        gateway = Gateway(workspace, client)
        for upstream in gateway.route(name).upstreams:
            with gateway.server(upstream.server) as server:
                server.flush()
