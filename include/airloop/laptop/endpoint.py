"""A request that works when it is pasted, and what the live model answers to it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.laptop.control import Stack
from airloop.laptop.stack import out
from airloop.serving.tokens import INFER_VARIABLE, read_or_make
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.spec import Pipeline


def tell_endpoint(workspace: Workspace, pipeline: Pipeline, running: Stack, bundle: str) -> None:
    """Print a request, kept in a file, and the answer of the live ``bundle``."""
    from airloop.release import address
    from airloop.serving.client import ServerClient

    row = _golden_row(workspace, bundle)
    with ServerClient(address(workspace, pipeline), read_or_make(workspace.home).infer) as client:
        inputs = [
            {"name": each["name"], "datatype": each["datatype"], "shape": [1], "data": [row[each["name"]]]}
            for each in client.metadata(pipeline.name)["inputs"]
        ]
        answer = client.infer(pipeline.name, row)
    request = workspace.home / "example_request.json"
    request.write_text(json.dumps({"inputs": inputs}, indent=1), encoding="utf-8")
    url = f"{running.server_url}/v2/models/{pipeline.name}/infer"
    out.print(f"  endpoint      {url}")
    out.print(f"  its answer    {json.dumps(answer['outputs'])}", markup=False)
    out.print("  ask it yourself:\n")
    curl = _curl_of_compose(url, request) if running.shown_airflow else _curl(workspace, url, request)
    out.print(curl, markup=False)


def _golden_row(workspace: Workspace, digest: str) -> dict[str, Any]:
    """Return the first row that the bundle was verified with."""
    from airloop.bundle import open_bundle

    return {name: values[0] for name, values in open_bundle(workspace, digest).golden.inputs.items()}


def _curl(workspace: Workspace, url: str, request: Path) -> str:
    """Return the command that sends ``request``; the token is read when it runs and shows nowhere."""
    file = shlex.quote(str(workspace.home / "secrets" / "infer.token"))
    token = f"${INFER_VARIABLE}" if os.environ.get(INFER_VARIABLE) else f"$(cat {file})"
    return f'curl -s -H "Authorization: Bearer {token}" -d @{shlex.quote(str(request))} {url}'


def _curl_of_compose(url: str, request: Path) -> str:
    """Return the same for a stack of containers: the request lies in a volume, the token in ``.env``."""
    token = f"$(sed -n s/^{INFER_VARIABLE}=//p .env)"
    body = f"docker compose run --rm -T airloop cat {request}"
    return f'{body} | curl -s -H "Authorization: Bearer {token}" -d @- {url}'
