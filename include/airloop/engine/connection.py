"""Talking to a Docker engine: where ``DOCKER_HOST`` says, and in errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airloop.errors import ImageError, Unreachable
from airloop.workspace import Workspace

if TYPE_CHECKING:
    import docker

TIMEOUT_S = 60.0
"""Longest wait for one answer of the engine."""
LABEL = "dev.airloop"
"""Everything that this project makes on an engine carries labels that begin like this."""


@contextmanager
def connected(timeout_s: float = TIMEOUT_S) -> Iterator[docker.DockerClient]:
    """Give a client of the engine that ``DOCKER_HOST`` names (default: this machine's). Raises Unreachable."""
    import docker

    with answering():
        client = docker.from_env(timeout=timeout_s)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def answering() -> Iterator[None]:
    """Turn what docker-py raises into Unreachable (nobody answers, it failed) or ImageError (an image is missing)."""
    import requests
    import urllib3
    from docker import errors

    try:
        yield
    except errors.ImageNotFound as error:
        raise ImageError(f"the Docker engine does not have the image: {error.explanation}") from error
    except errors.APIError as error:
        raise Unreachable(f"the Docker engine does not do it: {error.explanation or error}") from error
    except (errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Unreachable(
            f"the Docker engine does not do it: {error}. Is it running, and does DOCKER_HOST name it?"
        ) from error


def labels(workspace: Workspace, role: str, **more: str) -> dict[str, str]:
    """Return the labels of something that has ``role`` in this workspace's stack; ``more`` become dev.airloop.*."""
    named = {"stack": workspace.prefix, "role": role, **more}
    return {f"{LABEL}.{name}": value for name, value in named.items()}
