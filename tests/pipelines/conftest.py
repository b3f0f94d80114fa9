from __future__ import annotations

from pathlib import Path

import pytest

from airloop.spec import load
from airloop.workspace import PROJECT, Workspace

PIPELINES = PROJECT / "include" / "pipelines"


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def workspace(home) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(home)})


@pytest.fixture(scope="session")
def pipeline():
    """Return an example by its name."""
    return lambda name: load(PIPELINES / name)
