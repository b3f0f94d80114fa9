"""The two command lines that drive the stack: Compose and Docker, in errors that say what to do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from airloop.compose import settings
from airloop.errors import AirloopError

COMMAND_S = 3600.0
"""Longest that a build, a backup or a start may take."""
LAST_LINES = 25


class ComposeFailed(AirloopError):
    """Compose or Docker could not do it; the message has their own last lines."""


@dataclass(frozen=True)
class Engine:
    """The project in ``folder`` with the settings in ``env_file``, on the engine that Docker's own settings name."""

    folder: Path
    env_file: Path

    @cached_property
    def settings(self) -> dict[str, str]:
        """What is in the file of settings, completed where something is missing."""
        settings.make(self.env_file)
        return settings.read(self.env_file)

    @property
    def prefix(self) -> str:
        """How the names of all that the stack makes begin."""
        return self.settings[settings.PREFIX]

    def compose(self, *words: str, quietly: bool = True, **given: Any) -> str:
        """Run Compose and return what it printed. Raises ComposeFailed."""
        files = ("--project-directory", str(self.folder), "-f", str(self.folder / "docker-compose.yaml"))
        command = [*self._compose_command, *files, "--env-file", str(self.env_file), *words]
        return self._run(
            command, quietly=quietly, environment={"AIRLOOP_CONFIGURATION": self._configuration()}, **given
        )

    def beside(self, module: str, *words: str, **given: Any) -> str:
        """Run ``python -m module`` in a container beside the services and return what it printed on stdout."""
        return self.compose("run", "--rm", "-T", "airloop", "python", "-m", module, *words, **given)

    def docker(self, *words: str, **given: Any) -> str:
        """Run Docker and return what it printed. Raises ComposeFailed."""
        return self._run(["docker", *words], **given)

    def containers(self, **labels: str) -> list[str]:
        """Return the ids of the stack's containers that Compose did not make, for example ``role="server"``."""
        wanted = {"dev.airloop.stack": self.prefix, **{f"dev.airloop.{name}": value for name, value in labels.items()}}
        filters = [word for name, value in wanted.items() for word in ("--filter", f"label={name}={value}")]
        return self.docker("ps", "--all", "--quiet", *filters).split()

    def inspect(self, containers: Sequence[str]) -> list[dict[str, Any]]:
        """Return what Docker knows of containers."""
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *containers)) if containers else []
        return found

    def _configuration(self) -> str:
        """Return what changes with the files that services mount: Compose itself does not see that they changed."""
        files = sorted([*(self.folder / "docker").glob("*.conf"), *(self.folder / "docker").glob("*.yml")])
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]

    @cached_property
    def _compose_command(self) -> list[str]:
        if shutil.which("docker") is None:
            raise ComposeFailed("there is no `docker` command: install Docker and its Compose plugin")
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)  # noqa: S607
        if not asked.returncode:
            return ["docker", "compose"]
        if (old := shutil.which("docker-compose")) is None:
            raise ComposeFailed("there is no Compose: install Docker's Compose plugin (or docker-compose 1.29)")
        return [old]

    def _run(
        self, command: list[str], *, quietly: bool = True, stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | int = subprocess.PIPE, environment: dict[str, str] | None = None,
    ) -> str:  # fmt: skip
        # What is in the file counts, not what a shell happens to export; Docker's own settings stay.
        env = {name: value for name, value in os.environ.items() if name not in self.settings} | (environment or {})
        done = subprocess.run(  # noqa: S603
            command, cwd=self.folder, env=env, stdin=stdin or subprocess.DEVNULL,
            stdout=stdout if quietly else None, stderr=subprocess.PIPE if quietly else None,
            timeout=COMMAND_S, check=False,
        )  # fmt: skip
        if done.returncode:
            said = b"\n".join((done.stdout or b"", done.stderr or b"")).decode(errors="replace").strip()
            tail = "\n".join(said.splitlines()[-LAST_LINES:])
            raise ComposeFailed(f"`{_shown(command)}` ended with code {done.returncode}\n{tail}".rstrip())
        return (done.stdout or b"").decode(errors="replace") if stdout is subprocess.PIPE else ""


def _shown(command: list[str]) -> str:
    """Return what a person would have typed: without the project's folder and files."""
    ours = command.index("--env-file") + 2 if "--env-file" in command else 1
    return " ".join([Path(command[0]).name, *command[ours:]])[:200]
