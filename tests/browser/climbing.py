"""A release that climbs: handwritten digits on a model server of its own, with steps that few requests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml
from tests.browser.site import PROJECT, until

from airloop.laptop import ports
from airloop.ledger import Ledger
from airloop.release.local import LocalTarget
from airloop.release.target import Observed
from airloop.workspace import Workspace

DIGITS = "handwritten_digits"
STEPS = [25, 60, 100]
NEEDED = 20
"""Requests to the candidate before a step is judged."""
# What a loaded machine does to the slowest of a few requests is not what is looked at.
ROLLOUT = {"steps": STEPS, "min_requests": NEEDED, "step_timeout": "120s", "max_latency_ratio": 1000}


@dataclass
class Climbing:
    """A home in which digits are released, and its server."""

    home: Path
    server: str = field(default_factory=lambda: f"http://127.0.0.1:{ports.any_free()}")

    @property
    def pipelines(self) -> Path:
        return self.home / "pipelines"

    @property
    def ledger_file(self) -> Path:
        return self.home / "ledger.db"

    @property
    def workspace(self) -> Workspace:
        return Workspace.from_environment(self._environ)

    @property
    def ledger(self) -> Ledger:
        return self.workspace.ledger

    def seen(self) -> Observed:
        """Return what the server serves now, with its counts."""
        return LocalTarget(self.workspace).observe(DIGITS)

    @property
    def _environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")]),
            "AIRLOOP_HOME": str(self.home),
            "AIRLOOP_PIPELINES": str(self.pipelines),
            "AIRLOOP_LEDGER": f"sqlite:///{self.ledger_file}",
            "AIRLOOP_SERVER": self.server,
        }

    def describe(self, *, rounds: int) -> None:
        """Write the example's description, with steps to climb; other rounds make another model."""
        source = PROJECT / "include" / "pipelines" / DIGITS
        folder = self.pipelines / DIGITS
        folder.mkdir(parents=True, exist_ok=True)
        spec = yaml.safe_load((source / "pipeline.yaml").read_text(encoding="utf-8"))
        spec["model"]["rounds"] = rounds
        spec["release"]["rollout"] = ROLLOUT
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        (folder / "expectations.yaml").write_bytes((source / "expectations.yaml").read_bytes())

    @contextmanager
    def running(self, module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Give a command that runs; it ends with the block. What it says is in the home's logs."""
        log = self.home / "logs" / f"{words[0] if words else module}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            command = [sys.executable, "-m", module, *words]
            process = subprocess.Popen(command, env=self._environ, stdout=out, stderr=out, cwd=PROJECT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def run(self, module: str, *words: str) -> None:
        """Run a command to its end."""
        with self.running(module, *words) as process:
            assert process.wait(120) == 0, words

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the model server."""
        with self.running("airloop", "serve") as process:
            until(lambda: process.poll() is not None or self._is_ready(), "the model server answers")
            assert process.poll() is None, "the model server ended"
            yield

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.server}/v2/health/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
