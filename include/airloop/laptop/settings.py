"""Everything the stack's processes are told, as one environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airloop.laptop import ports, secret_files
from airloop.workspace import PROJECT, Workspace

USER = "admin"
ON_SQLITE = Path(__file__).parent / "airflow_on_sqlite"
"""Where Airflow finds ``airflow_local_settings``."""


@dataclass(frozen=True)
class Settings:
    """Where the stack lives, where it answers, and how to get in."""

    home: Path
    airflow_port: int
    server_port: int
    user: str
    password: str
    execution_port: int
    environment: dict[str, str]

    @property
    def airflow_url(self) -> str:
        """Airflow's address."""
        return f"http://{ports.HOST}:{self.airflow_port}"

    @property
    def execution_url(self) -> str:
        """Where Airflow's tasks tell how they fare."""
        return _execution_url(self.execution_port)

    @property
    def server_url(self) -> str:
        """The model server's address."""
        return f"http://{ports.HOST}:{self.server_port}"


def prepare(environ: Mapping[str, str] | None = None) -> Settings:
    """Choose ports, make secrets and return the settings. Raises PortTaken."""
    env = os.environ if environ is None else environ
    workspace = Workspace.from_environment(env)
    airflow_port = ports.choose(env, "AIRLOOP_AIRFLOW_PORT", 8080, "Airflow")
    server_port = ports.choose(env, "AIRLOOP_SERVER_PORT", 8800, "the model server")
    execution_port = ports.any_free()
    users = env.get("AIRLOOP_AIRFLOW_USERS") or f"{USER}:admin"
    names = tuple(user.partition(":")[0] for user in users.split(","))
    secrets = secret_files.read_or_make(workspace.home, names, env)
    environment = {
        **_inherited(env),
        **_airloop(workspace, server_port),
        **_airflow(workspace.home, airflow_port, execution_port, users, secrets),
    }
    password = secrets.passwords[names[0]]
    return Settings(workspace.home, airflow_port, server_port, names[0], password, execution_port, environment)


def _execution_url(port: int) -> str:
    return f"http://{ports.HOST}:{port}/execution/"


def _inherited(env: Mapping[str, str]) -> dict[str, str]:
    """Return what the processes take from the shell: all but another Airflow's settings.

    Without bytecode every process would compile all it imports; Airflow starts three times slower then.
    """
    kept = {
        name: value
        for name, value in env.items()
        if name != "PYTHONDONTWRITEBYTECODE"
        and (not name.startswith("AIRFLOW_") or name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_")))
    }
    local = f"{ports.HOST},localhost"
    proxies = {name: f"{kept[name]},{local}" if kept.get(name) else local for name in ("NO_PROXY", "no_proxy")}
    return {**kept, **proxies}


def _airloop(workspace: Workspace, server_port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join(map(str, (PROJECT / "include", PROJECT / "plugins", ON_SQLITE))),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_STORE": workspace.store_url,
        "AIRLOOP_LEDGER": workspace.ledger_url,
        "AIRLOOP_MLFLOW": workspace.mlflow_url,
        "AIRLOOP_SERVER": f"http://{ports.HOST}:{server_port}",
        "AIRLOOP_PIPELINES": str(workspace.pipelines),
        # Airflow writes the warnings of its own dependencies into every task's log.
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
        # Threads that wait for each other sleep: spinning, they make a fit ten times slower where cores are few.
        "OMP_WAIT_POLICY": "PASSIVE",
        # Tools that would report their use to their makers.
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Process titles would be written over the environment by which we find our own processes again.
        "SPT_NOENV": "1",
    }


def _airflow(home: Path, port: int, execution_port: int, users: str, secrets: secret_files.Secrets) -> dict[str, str]:
    url = f"http://{ports.HOST}:{port}"
    folder = home / "airflow"
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # LocalExecutor forks this many workers at once, whether or not there is work.
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": secrets.keys["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(secrets.passwords_file),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": _execution_url(execution_port),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "AIRFLOW__API__HOST": ports.HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.keys["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.keys["jwt_secret"],
        # SQLite waits for a lock instead of failing with it; a task waits for a web server that is still warming up.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db?timeout=60",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # The pause between two looks at what can run next: most of a short task's time.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "20",
        # Libraries that tell every task's log how they work inside.
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "alembic=WARNING great_expectations=WARNING httpx=WARNING",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.any_free()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.any_free()),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
