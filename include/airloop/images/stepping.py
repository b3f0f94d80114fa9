"""The image for steps that run in containers: the project's code and its locked packages, without Airflow."""

from __future__ import annotations

import tomllib
from pathlib import Path

from airloop.bundle.locked import XGBOOST, closure
from airloop.engine import connected
from airloop.images import bases, code, packages
from airloop.images.lock import pins
from airloop.workspace import PROJECT, Workspace

NAME = "airloop/steps"
PACKAGES_NAME = "airloop/steps-packages"
DOCKERFILE = "docker/train.Dockerfile"
NOT_THERE = ("apache-airflow", "pytest", *XGBOOST)
POSTGRES = "psycopg[binary]"


def steps(workspace: Workspace) -> str:
    """Return the reference of the image in which steps run, made where the engine does not have it (a minute or two).

    It runs ``python -m airloop`` as user 10001. Raises ImageError when it cannot be built, naming the step;
    Unreachable when the engine, or where wheels come from, does not answer.
    """
    wanted = pins(roots(PROJECT))
    with bases.alone(workspace), connected(bases.BUILD_S) as client:
        below = packages.with_packages(workspace, client, wanted, DOCKERFILE, PACKAGES_NAME)
        return bases.with_code(client, below, code.of_steps(), NAME).base.reference


def roots(project: Path) -> list[str]:
    """Return what the project needs, less Airflow; the ledger's Postgres driver and the XGBoost that are here."""
    said = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [line for line in said["project"]["dependencies"] if not line.startswith(NOT_THERE)]
    xgboost = next((name for name in XGBOOST if closure([name])), XGBOOST[0])
    return [*(line.partition(";")[0] for line in needed), xgboost, POSTGRES]
