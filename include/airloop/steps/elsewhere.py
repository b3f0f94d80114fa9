"""A step that runs somewhere else, in a container or a pod: what is handed in, and what comes out.

Both ends are here. Who asks hands in a command, files and settings; ``python -m airloop <step>`` reads them there and
leaves one small JSON file with the step's ref, or with its error.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from airloop import clock, digest, errors
from airloop.errors import AirloopError, StepFailed, StepInterrupted
from airloop.refs import Handed
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.store import Store

INSIDE = PurePosixPath("/airloop")
"""Where what is handed in lies at the other end."""
RESULT = PurePosixPath("/tmp/result.json")  # noqa: S108  # the container's own
TERMINATION_MESSAGE = PurePosixPath("/dev/termination-log")
"""Where a kubelet looks for what a container says at its end: the place of the result in a pod."""
ROOM = "AIRLOOP_RESULT_ROOM"
"""Most bytes of the result, where its place takes no more: a pod's termination message."""
KIND = "handed_on"
"""Where the store keeps refs for which there was no room, under the digest of their JSON."""
SETTINGS = "AIRLOOP_SETTINGS"
"""Names a JSON file of more environment variables, so that secrets among them need not be in a container's own."""


@dataclass(frozen=True)
class Errand:
    """One call of a step, as somebody else is to make it; ``given`` are the step's arguments by name."""

    step: str
    pipeline: Pipeline
    given: Mapping[str, Handed | datetime]
    result: PurePosixPath = RESULT

    @property
    def command(self) -> list[str]:
        """The command line at the other end."""
        words = ["python", "-m", "airloop", self.step, self.pipeline.name, "--result", str(self.result)]
        words += ["--target", self.pipeline.spec.release.target]
        if self._refs:
            words += ["--refs", f"@{INSIDE / 'refs.json'}"]
        for name, value in self.given.items():
            if isinstance(value, datetime):
                words += [f"--{name.replace('_', '-')}", clock.iso(value)]
        return words

    @property
    def digest(self) -> str:
        """Names the call: the same step with the same refs, instants and files of its pipeline."""
        return digest.of_value([self.command, digest.of_bytes(self.archive({}))])

    def archive(self, settings: Mapping[str, str]) -> bytes:
        """Return a tar of ``files`` to unpack at ``INSIDE``; equal for equal content."""
        from airloop.images import archive

        return archive.layer(self.files(settings))

    def files(self, settings: Mapping[str, str]) -> dict[str, bytes | Path]:
        """Return what is to lie at ``INSIDE``, by its path there: the pipeline's files, the refs and the settings.

        Hidden files and bytecode stay out.
        """
        files: dict[str, bytes | Path] = dict(_files(self.pipeline.folder, f"pipelines/{self.pipeline.name}"))
        files["refs.json"] = json.dumps(self._refs).encode()
        files["settings.json"] = json.dumps(dict(settings), sort_keys=True).encode()
        return files

    @property
    def _refs(self) -> dict[str, Any]:
        return {name: json.loads(ref.model_dump_json()) for name, ref in self.given.items() if isinstance(ref, Handed)}


def take_settings(environ: dict[str, str] | os._Environ[str]) -> None:
    """Add the variables that were handed in by a file to ``environ``; nothing where none were."""
    if file := environ.pop(SETTINGS, ""):
        environ.update(json.loads(Path(file).read_text(encoding="utf-8")))


@contextmanager
def leaving(file: Path | None) -> Iterator[Callable[[Handed], None]]:
    """Give a function that keeps the step's ref in ``file``; what the block raises is kept there, too, and raised.

    A file is written whole or not at all. Without one nothing is kept.
    """
    room = int(os.environ.get(ROOM) or 0)

    def leave(content: dict[str, Any]) -> None:
        if file is not None and room:
            # The file is a mount: it can be written to, but not replaced.
            file.write_text(fitting(content, room), encoding="utf-8")
        elif file is not None:
            scratch = file.with_name(f".{file.name}")
            scratch.write_text(json.dumps(content), encoding="utf-8")
            scratch.replace(file)

    try:
        yield lambda ref: leave({"ref": json.loads(ref.model_dump_json())})
    except Exception as error:
        leave({"error": {"kinds": _kinds(error), "message": str(error), "docs": getattr(error, "docs", "")}})
        raise


def fitting(content: dict[str, Any], room: int) -> str:
    """Return ``content`` as JSON of at most ``room`` bytes: a long message is cut, a long ref put into the store."""
    text = json.dumps(content)
    if len(text) > room and "error" in content:
        error = content["error"]
        message = error["message"][:room]
        while len(text) > room and message:
            message = message[: len(message) * 9 // 10]
            text = json.dumps({"error": {**error, "message": f"{message} … (the log has all of it)"}})
    elif len(text) > room:
        name = digest.of_bytes(text.encode())
        with Workspace.from_environment().store.writing(KIND, name) as folder:
            (folder / "result.json").write_text(text, encoding="utf-8")
        text = json.dumps({"stored": name})
    return text


def whole(text: str, store: Store) -> str:
    """Return what ``fitting`` was given, from the store where it was put there."""
    name = json.loads(text).get("stored")
    return (store.folder(KIND, name) / "result.json").read_text(encoding="utf-8") if name else text


def unpacked(archive: Iterable[bytes] | None) -> str | None:
    """Return the one file in a tar that comes in pieces, as text; None where there is none."""
    if archive is None:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as tar:
        (entry,) = tar.getmembers()
        stream = tar.extractfile(entry)
        return stream.read().decode() if stream else None


def result(text: str, heals: Callable[[list[str]], bool]) -> dict[str, Any]:
    """Return the ref that ``leaving`` kept, as JSON. Raises the error that it kept.

    Airloop's errors keep their class. Others become StepFailed, or StepInterrupted where ``heals`` says so of the
    dotted names of the error's class and of those that it is derived from.
    """
    left = json.loads(text)
    if "ref" in left:
        ref: dict[str, Any] = left["ref"]
        return ref
    kinds, message = left["error"]["kinds"], left["error"]["message"]
    known = (getattr(errors, kind.removeprefix("airloop.errors."), None) for kind in kinds if "airloop.errors" in kind)
    ours: type[AirloopError] | None = next((kind for kind in known if kind), None)
    if ours is errors.ValidationBlocked:
        raise errors.ValidationBlocked(message, left["error"]["docs"])
    if ours is not None:
        raise ours(message)
    raise (StepInterrupted if heals(kinds) else StepFailed)(f"{kinds[0].removeprefix('builtins.')}: {message}")


def _kinds(error: Exception) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]


def _files(folder: Path, inside: str) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part[0] == "." or part == "__pycache__" for part in parts):
            yield "/".join((inside, *parts)), path
