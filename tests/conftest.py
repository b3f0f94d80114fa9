"""Airflow makes its home when it is imported: a scratch one here, and nothing of this machine's settings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BASE_IMAGE = "python:3.11-slim-bookworm"
AIRFLOW_HOME = tempfile.mkdtemp(prefix="airloop-tests-")
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)

for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "AIRLOOP_"))]:
    if name != "AIRLOOP_DEMO_HOME":  # For tests/browser, which copies it.
        del os.environ[name]
os.environ |= {
    "OMP_WAIT_POLICY": "PASSIVE",
    "AIRFLOW_HOME": AIRFLOW_HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
}


@pytest.fixture(scope="session", autouse=True)
def _shipped_pipelines_stay() -> Iterator[None]:
    """Tests describe pipelines of their own: what a newcomer finds beside the code is never theirs."""
    before = _shipped_pipelines()
    yield
    assert _shipped_pipelines() == before


def _shipped_pipelines() -> dict[Path, bytes]:
    files = (path for path in (PROJECT / "include" / "pipelines").rglob("*") if path.suffix != ".pyc")
    return {path: path.read_bytes() for path in files if path.is_file()}


@cache
def _no_engine() -> str:
    """Return why tests on a Docker engine cannot run, empty where they can."""
    import docker
    import requests

    try:
        with closing(docker.from_env(timeout=60)) as client:
            client.images.get(BASE_IMAGE)
    except docker.errors.ImageNotFound:
        return f"the Docker engine has no {BASE_IMAGE}: docker pull {BASE_IMAGE}"
    except (docker.errors.DockerException, requests.RequestException) as error:
        return f"no Docker engine answers: {error}"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a ``docker`` test where there is no engine; in CI there must be one, so it fails there."""
    if item.get_closest_marker("docker") and (why := _no_engine()):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
