"""The image for steps that run in containers: the project's code and its locked packages, without Airflow."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from airloop.bundle.locked import XGBOOST, closure
from airloop.engine import connected
from airloop.errors import ImageError, Unreachable
from airloop.images import bases, code, packages
from airloop.images.facts import name_of
from airloop.images.lock import pins
from airloop.images.needs import refuse_without_registry
from airloop.workspace import PROJECT, Workspace

NAME = "airloop/steps"
REPOSITORY = "steps"
PACKAGES_NAME = "airloop/steps-packages"
DOCKERFILE = "docker/train.Dockerfile"
NOT_THERE = ("apache-airflow", "pytest", *XGBOOST)
POSTGRES = "psycopg[binary]"
VARIABLE = "AIRLOOP_STEPS_IMAGE"


def steps(workspace: Workspace, *, pushed: bool = False) -> str:
    """Return the reference of the image in which steps run, made where the engine does not have it (a minute or two).

    It runs ``python -m airloop`` as user 10001. With ``pushed`` it is the registry's, for pods. ``AIRLOOP_STEPS_IMAGE``
    names another one, by its digest, and then nothing is made or asked. Raises ImageError when it cannot be built,
    naming the step; Unreachable when engine, registry, or where wheels come from, does not answer.
    """
    if given := os.environ.get(VARIABLE):
        return _by_digest(given)
    if not pushed:
        return _made(workspace).base.reference
    refuse_without_registry(workspace, "kubernetes")
    from airloop.images import pushing

    recent = pushing.tag_for(code.of_steps(), pins(roots(PROJECT)))
    try:
        return pushing.published(workspace, REPOSITORY, recent, lambda: _made(workspace)).base.reference
    except Unreachable as error:
        raise Unreachable(f"{error}. Or name the image for steps, by its digest, with {VARIABLE}") from error


def roots(project: Path) -> list[str]:
    """Return what the project needs, less Airflow; the ledger's Postgres driver and the XGBoost that are here."""
    said = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [line for line in said["project"]["dependencies"] if not line.startswith(NOT_THERE)]
    xgboost = next((name for name in XGBOOST if closure([name])), XGBOOST[0])
    return [*(line.partition(";")[0] for line in needed), xgboost, POSTGRES]


def _made(workspace: Workspace) -> bases.Made:
    """Return the image on the engine."""
    wanted = pins(roots(PROJECT))
    with bases.alone(), connected(bases.BUILD_S) as client:
        below = packages.with_packages(workspace, client, wanted, DOCKERFILE, PACKAGES_NAME)
        return bases.with_code(client, below, code.of_steps(), NAME)


def _by_digest(reference: str) -> str:
    if not name_of(reference):
        raise ImageError(f"{VARIABLE}: {reference!r} is not by digest; write for example registry/steps@sha256:…")
    return reference
