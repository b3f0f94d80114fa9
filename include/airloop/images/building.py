"""``docker build`` through the engine's API, with errors that say which step failed and what it said."""

from __future__ import annotations

import re
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airloop.engine import answering
from airloop.errors import ImageError, Unreachable
from airloop.images import archive
from airloop.images.wheelhouse import LAST_LINES

if TYPE_CHECKING:
    import docker

BUILT_FOR = "dev.airloop.built-for"
"""Label of all stages of a build, by which those that are not the result are found and removed."""
_STEP = re.compile(r"^Step \d+/\d+ : (.*)$")
_QUOTED = re.compile(r"^The command '.*' returned", re.DOTALL)
"""What the engine says of a step that failed, with the command in it: those words are the Dockerfile's."""
_DISK = re.compile(r"no space left|disk quota|input/output error|i/o error", re.IGNORECASE)
"""What a command, too, says of the engine's disk."""
_ENGINE = re.compile(r"connection refused|timeout|EOF", re.IGNORECASE)
"""What means trouble in the engine's mouth only: a command has no network to lose."""


def build(
    client: docker.DockerClient,
    dockerfile: str,
    files: Mapping[str, archive.Content],
    *,
    tag: str,
    key: str,
    arguments: Mapping[str, str] | None = None,
) -> str:
    """Build ``dockerfile`` without a network, ``files`` beside it; return the image's id, ``sha256:…``.

    Stages carry ``key`` as a label, so that those which are not the result are removed afterwards. Raises ImageError
    with the failing step and its last lines, and Unreachable when the engine stops answering or its disk is full:
    then trying again can help.
    """
    try:
        with tempfile.TemporaryFile() as context:
            archive.write(context, {**files, "Dockerfile": dockerfile.encode()})
            context.seek(0)
            with answering():
                stream = client.api.build(
                    fileobj=context,
                    custom_context=True,
                    network_mode="none",
                    buildargs={**(arguments or {}), "BUILT_FOR": key},
                    tag=tag,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                return _result(stream, tag)
    finally:
        # Another build that ends just now may have removed one already.
        with suppress(Unreachable, ImageError):
            remove_stages(client, key)


def remove_stages(client: docker.DockerClient, key: str) -> None:
    """Remove images that the build ``key`` left without a name. The engine keeps one that is another's parent."""
    from docker import errors

    with answering():
        for image in client.images.list(filters={"dangling": True, "label": f"{BUILT_FOR}={key}"}):
            with suppress(errors.APIError):
                client.images.remove(image.id, noprune=False)


def _result(stream: Iterable[dict[str, Any]], what: str) -> str:
    step, lines, image = "sending its files", deque[str](maxlen=LAST_LINES), ""
    for item in stream:
        if "error" in item:
            deque(stream, maxlen=0)  # the engine closes the connection at its end
            said = "\n".join([*lines, item["error"].strip()])
            kind = Unreachable if _may_pass(_QUOTED.sub("", item["error"]), lines) else ImageError
            raise kind(f"{what}: cannot be built: step `{step}` failed:\n{said}")
        image = (item.get("aux") or {}).get("ID", image)
        for line in str(item.get("stream", "")).splitlines():
            found = _STEP.match(line)
            if found:
                step = found[1]
                lines.clear()
            elif line.strip():
                lines.append(line.rstrip())
    if not image:
        raise Unreachable(f"{what}: the Docker engine stopped in step `{step}` without a word; try again")
    return image


def _may_pass(error: str, lines: Iterable[str]) -> bool:
    return bool(_ENGINE.search(error) or any(_DISK.search(line) for line in (error, *lines)))


def quoted(value: str) -> str:
    """Return ``value`` as a Dockerfile wants a text: quotes, backslashes and dollars escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'
