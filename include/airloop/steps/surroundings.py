"""What a step needs around it where it runs somewhere else: settings, folders of this machine, a network, a claim."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airloop.engine.folders import Folder, mounts_of
from airloop.errors import StepFailed
from airloop.spec.checkout import COMMIT, commit_of
from airloop.steps.elsewhere import INSIDE

if TYPE_CHECKING:
    import docker

    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

NETWORK = "AIRLOOP_DOCKER_NETWORK"
SOURCE = "data.source.path"
PASSED_ON = re.compile(
    r"(AWS|AZURE|FSSPEC|GOOGLE|GX|MLFLOW|OMP)_\w+|PYTHONWARNINGS|(https?|no|all)_proxy", re.IGNORECASE
)
"""Environment variables of this process that a step somewhere else is given as they are."""


def settings(workspace: Workspace, pipeline: Pipeline, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that a step of ``pipeline`` gets; there may be secrets among their values.

    Raises DataError for a connection that is unknown.
    """
    source = pipeline.spec.data.source
    connection = (
        {f"AIRFLOW_CONN_{source.conn_id.upper()}": workspace.connection(source.conn_id)} if source.conn_id else {}
    )
    return {
        **{name: value for name, value in environ.items() if PASSED_ON.fullmatch(name)},
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_STORE": workspace.store_url,
        "AIRLOOP_LEDGER": workspace.ledger_url,
        "AIRLOOP_MLFLOW": workspace.mlflow_url,
        "AIRLOOP_SERVER": workspace.server_url,
        "AIRLOOP_PREFIX": workspace.prefix,
        "AIRLOOP_PIPELINES": str(INSIDE / "pipelines"),
        COMMIT: commit_of(pipeline.folder),
        **connection,
    }


def folders(workspace: Workspace, pipeline: Pipeline) -> list[Folder]:
    """Return the folders of this machine that a step of ``pipeline`` reads or writes; those to write are made.

    None where the store, the ledger, MLflow and the source are all somewhere else: what is kept in ``AIRLOOP_HOME`` is
    then only a cache.
    """
    found = _needed(workspace, pipeline)
    written = [folder for folder in found if folder.is_writable]
    if written:
        written.append(Folder(workspace.home, "AIRLOOP_HOME"))
    for folder in written:
        folder.path.mkdir(parents=True, exist_ok=True)
    return list(_without_nested([*written, *(folder for folder in found if not folder.is_writable)]))


def _needed(workspace: Workspace, pipeline: Pipeline) -> list[Folder]:
    """Return the folders that the settings and the source name."""
    places = {
        "AIRLOOP_STORE": _folder(workspace.store_url),
        "AIRLOOP_LEDGER": _folder_of_database(workspace.ledger_url),
        "AIRLOOP_MLFLOW": _folder_of_database(workspace.mlflow_url),
    }
    found = [Folder(path, setting) for setting, path in places.items() if path is not None]
    source = pipeline.spec.data.source.path
    if source is not None and "://" not in source and not Path(source).is_absolute():
        found.append(Folder(workspace.home, "AIRLOOP_HOME"))
    elif source is not None and (path := _folder(_without_pattern(source))) is not None:
        found.append(Folder(path, SOURCE, is_writable=False))
    return found


def shared(workspace: Workspace, pipeline: Pipeline) -> Path | None:
    """Return the folder that pods of ``pipeline``'s steps find in the claim; None where they reach all by URL.

    Raises StepFailed where they need a folder, and there is no claim or the folder is not in it.
    """
    needed = _needed(workspace, pipeline)
    store, claim = _folder(workspace.store_url), workspace.kubernetes.claim
    for folder in needed:
        if claim and store is not None and folder.path.is_relative_to(store):
            continue
        held = (
            f"the claim {claim!r} holds AIRLOOP_STORE, {workspace.store_url}, and what lies in it"
            if claim
            else ("no claim is named that holds the store (AIRLOOP_KUBERNETES_CLAIM)")
        )
        raise StepFailed(
            f"{folder.setting} is the folder {folder.path}, which a pod cannot see: {held}. Give a URL that pods "
            "reach (s3://…, Postgres, an MLflow server), or a folder in the claim"
        )
    return store if needed else None


def mounts(client: docker.APIClient, workspace: Workspace, pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the mounts of a step's container: ``folders``, without the tokens and keys that no step needs.

    Raises StepFailed where the engine cannot see a folder.
    """
    found = mounts_of(client, folders(workspace, pipeline))
    secrets = workspace.home / "secrets"
    if secrets.is_dir() and any(secrets.is_relative_to(mount["Target"]) for mount in found):
        found.append({"Type": "tmpfs", "Target": str(secrets), "ReadOnly": True})
    return found


def network(workspace: Workspace, pipeline: Pipeline, environ: Mapping[str, str]) -> str:
    """Return the network of a step's container: what ``AIRLOOP_DOCKER_NETWORK`` names.

    Without it none at all where everything that the step needs is a folder, else the engine's usual one.
    """
    if chosen := environ.get(NETWORK, ""):
        return chosen
    databases = (workspace.ledger_url, workspace.mlflow_url)
    source = pipeline.spec.data.source
    is_local = (
        _folder(workspace.store_url) is not None
        and all(_folder_of_database(url) is not None for url in databases)
        and source.path is not None
        and _folder(source.path) is not None
    )
    return "none" if is_local else "bridge"


def _folder(url: str) -> Path | None:
    scheme, separated, rest = url.partition("://")
    if not separated:
        return Path(url)
    return Path(rest) if scheme in ("file", "local") else None


def _folder_of_database(url: str) -> Path | None:
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+).*", url)
    return Path(match[1]).parent if match else None


def _without_pattern(path: str) -> str:
    """Return the folder above the first part of ``path`` that holds a placeholder or a wildcard, or above its file."""
    fixed = re.split(r"[*?\[{]", path, maxsplit=1)[0]
    return fixed.rpartition("/")[0] or "/"


def _without_nested(folders: list[Folder]) -> Iterator[Folder]:
    """Leave out those that lie in another one that is at least as writable."""
    for number, folder in enumerate(folders):
        others = [other for other in folders if other is not folder and folder.path.is_relative_to(other.path)]
        if not any(
            other.is_writable >= folder.is_writable and (other.path != folder.path or folders.index(other) < number)
            for other in others
        ):
            yield folder
