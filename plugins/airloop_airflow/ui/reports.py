"""Reports, Data Docs and training runs, as pages of their own that others link to and embed.

A report belongs to the pipelines whose ledger names it; who may see none of them may not read it. What no entry names,
such as a report from before it was written down, is for those who may see every pipeline that Airflow knows: where all
see all, as in most places, nobody is ever refused.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from airloop_airflow import training_page
from airloop_airflow.context import workspace
from airloop_airflow.ui import access
from airloop_airflow.ui.access import Name
from airloop_airflow.ui.answers import AS_IT_SAYS
from airloop_airflow.ui.asking import onlooking

router = APIRouter()

READABLE = frozenset({"reports", "validations", "verdicts"})
"""Kinds of artifacts that are pages. Rows, models and prediction logs are not for a browser."""

ISOLATED = {**AS_IT_SAYS, "Content-Security-Policy": "sandbox allow-scripts allow-popups; frame-ancestors 'self'"}
"""A report quotes data; as a page of its own origin it cannot act as the user who reads it."""


@router.get("/artifacts/{kind}/{name}/{path:path}")
def read_artifact(kind: str, name: Name, path: str, user: GetUserDep) -> FileResponse:
    """Return a file of a report or of Data Docs; 404 for anything else."""
    if kind not in READABLE:
        raise HTTPException(404, f"no pages are kept in {kind!r}; there are {', '.join(sorted(READABLE))}")
    _refuse_strangers(user, kind, name)
    try:
        folder = workspace().store.folder(kind, name).resolve()
    except FileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    return FileResponse(_file_in(folder, path), headers=ISOLATED)


@router.get("/runs/{run_id}")
def read_training(run_id: Name, user: GetUserDep) -> Response:
    """Return what MLflow knows about a training: its own page where there is a server, else a plain one."""
    url = workspace().mlflow_url
    sees_all = access.sees_all(user)
    try:
        training, pipeline = training_page.read(url, run_id)
    except training_page.Unknown as error:
        raise HTTPException(*((404, str(error)) if sees_all else _hidden(f"run {run_id}"))) from None
    if not sees_all and not access.may(user, pipeline):
        raise HTTPException(*_hidden(f"run {run_id}"))
    if url.startswith(("http://", "https://")):
        return RedirectResponse(f"{_shown(url)}/#/experiments/{training.info.experiment_id}/runs/{run_id}")
    return HTMLResponse(training_page.page(training), headers=ISOLATED)


def _refuse_strangers(user: GetUserDep, kind: str, name: str) -> None:
    """Raise 403 for an artifact of no pipeline that the user may see, whether it is there or not."""
    from airloop.overview.belonging import belongs

    if not access.sees_all(user) and not belongs(onlooking(), access.visible(user), kind, name):
        raise HTTPException(*_hidden(f"page {kind}/{name}"))


def _shown(url: str) -> str:
    """Return a server's address without the name and the password that it may be asked with."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def _hidden(what: str) -> tuple[int, str]:
    return 403, f"you may not see the pipeline that the {what} belongs to, or there is none"


def _file_in(folder: Path, path: str) -> Path:
    """Return the file at ``path``; 404 where it is missing or outside of ``folder``."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise HTTPException(404, f"there is no page {path!r}")
    return file
