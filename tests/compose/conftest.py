"""The stack of ``docker-compose.yaml`` under a name and on ports of its own, once for all tests here."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airloop.compose import settings, stack
from airloop.compose.engine import Engine
from airloop.laptop import ports
from airloop.laptop.airflow_api import AirflowApi

PROJECT = Path(__file__).resolve().parents[2]
BASES = ("nginx:1.28", "postgres:16", "registry:2")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that give the stack other workers after those of the stack as it is."""
    items.sort(key=lambda item: item.path.name == "test_celery.py")


@dataclass
class Running:
    """The running stack, and what tests ask of it."""

    engine: Engine
    api: AirflowApi
    said: list[str]

    def cli(self, *words: str) -> Any:
        """Run Airloop's command line beside the stack and return the JSON that it prints."""
        return json.loads(self.engine.beside("airloop", *words))

    def inside(self, service: str, *words: str) -> str:
        """Run a command in a service and return what it printed."""
        return self.engine.compose("exec", "-T", service, *words)

    def url(self, variable: str) -> str:
        """Return where a published port answers."""
        return f"http://127.0.0.1:{self.engine.settings[variable]}"


@pytest.fixture(scope="session")
def has_compose() -> None:
    """Skip where there is no Compose or a base image is missing; in CI fail."""
    why = ""
    if shutil.which("docker") is None:
        why = "there is no docker command"
    elif subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        why = "" if shutil.which("docker-compose") else "there is no Compose"
    for image in () if why else BASES:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
            why = f"the Docker engine has no {image}: docker pull {image}"
    if why:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


@pytest.fixture(scope="session")
def make_engine(has_compose: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Engine]:
    """Make settings with a name and free ports of their own."""

    def make() -> Engine:
        name = f"airloop-t-{secrets.token_hex(4)}"
        file = tmp_path_factory.mktemp("compose") / "env"
        chosen = {settings.PREFIX: name, **{variable: str(ports.any_free()) for variable in settings.PORTS}}
        file.write_text("".join(f"{variable}={value}\n" for variable, value in chosen.items()), encoding="utf-8")
        settings.make(file)
        return Engine(PROJECT, file)

    return make


@pytest.fixture(scope="session")
def running(make_engine: Callable[[], Engine]) -> Iterator[Running]:
    """The stack, up and healthy; nothing of it is left on the engine in the end."""
    engine, said = make_engine(), []
    try:
        stack.up(engine, said.append)
        url = f"http://127.0.0.1:{engine.settings['AIRLOOP_AIRFLOW_PORT']}"
        with AirflowApi(url, "admin", engine.settings["AIRLOOP_AIRFLOW_PASSWORD"]) as api:
            yield Running(engine, api, said)
    finally:
        stack.down(engine, said.append, erase=True)
        pulled = f"127.0.0.1:{engine.settings['AIRLOOP_REGISTRY_PORT']}/models/*"
        named = [word for name in (f"{engine.prefix}/*", pulled) for word in ("--filter", f"reference={name}")]
        # By name: another name of the same image, the base that all tests share, stays.
        shown = '{{.Repository}}{{if ne .Tag "<none>"}}:{{.Tag}}{{else}}@{{.Digest}}{{end}}'
        if made := engine.docker("image", "ls", "--digests", "--format", shown, *named).split():
            engine.docker("image", "rm", "--force", *made)
        for kind in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
            assert engine.docker(*kind, "--quiet", "--filter", f"name={engine.prefix}") == ""
