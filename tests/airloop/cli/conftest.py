from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from airloop.cli import main
from airloop.workspace import Workspace


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON line on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def airloop(tmp_path, monkeypatch, capsys):
    """Return a function that runs ``python -m airloop …`` in this process, with empty homes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path / "pipelines"))
    for name in ("STORE", "LEDGER", "MLFLOW", "SERVER"):
        monkeypatch.delenv(f"AIRLOOP_{name}", raising=False)
    (tmp_path / "pipelines").mkdir()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        written = capsys.readouterr()
        return Answer(int(ended.value.code or 0), written.out, written.err)

    yield run
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def workspace(airloop):
    """Return the workspace that the commands use."""
    return Workspace.from_environment()
