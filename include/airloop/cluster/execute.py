"""Running a command in a container of a pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airloop.cluster.answers import answering
from airloop.errors import Unreachable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient


def execute(api: ApiClient, pod_path: str, container: str, command: Sequence[str], timeout_s: float) -> tuple[int, str]:
    """Return the exit code and what was printed, standard error last. Raises Unreachable when it takes too long."""
    # The generated method has no way to tell what a refused handshake said.
    from kubernetes.stream.ws_client import websocket_call

    headers: dict[str, str] = {}
    api.update_params_for_auth(headers, [], ["BearerToken"])
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), ("command", list(command))]
    url = f"{api.configuration.host}{pod_path}/exec"
    with answering():
        running = websocket_call(
            api.configuration, "GET", url, query_params=query, headers=headers, _preload_content=False
        )
    try:
        running.run_forever(timeout=timeout_s)
        if running.is_open():
            raise Unreachable(f"{pod_path}: {command[0]} was not done within {timeout_s:g} s")
        printed = running.read_stdout(timeout=0) + running.read_stderr(timeout=0)
        return int(running.returncode), printed
    finally:
        running.close()
        # Which leaves the socket open where the other side has said goodbye first.
        running.sock.shutdown()
