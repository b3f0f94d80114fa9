"""Pages below ``/airloop`` of Airflow's web server: reports and Data Docs from the store, and training runs.

Only for users who are logged in: Airflow does not protect a plugin's pages by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, HTTPException
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from airloop.workspace import Workspace
from airloop_airflow import training_page

READABLE = frozenset({"reports", "validations", "verdicts"})
"""Kinds of artifacts that are pages. Rows, models and prediction logs are not for a browser."""

ISOLATED = {"Content-Security-Policy": "sandbox allow-scripts allow-popups", "X-Content-Type-Options": "nosniff"}
"""A report quotes data; as a page of its own origin it cannot act as the user who reads it."""

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

Name = Annotated[str, InPath(pattern=r"^[0-9a-zA-Z_.-]{1,80}$")]


@app.get("/artifacts/{kind}/{name}/{path:path}")
def read_artifact(kind: str, name: Name, path: str, user: GetUserDep) -> FileResponse:
    """Return a file of a report or of Data Docs; 404 for anything else."""
    if kind not in READABLE:
        raise HTTPException(404, f"no pages are kept in {kind!r}; there are {', '.join(sorted(READABLE))}")
    try:
        folder = Workspace.from_environment().store.folder(kind, name).resolve()
    except FileNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    return FileResponse(_file_in(folder, path), headers=ISOLATED)


@app.get("/runs/{run_id}")
def read_training(run_id: Name, user: GetUserDep) -> Response:
    """Return what MLflow knows about a training: its own page where there is a server, else a plain one."""
    url = Workspace.from_environment().mlflow_url
    try:
        training = training_page.read(url, run_id)
    except training_page.Unknown as error:
        raise HTTPException(404, str(error)) from None
    if url.startswith(("http://", "https://")):
        return RedirectResponse(f"{url.rstrip('/')}/#/experiments/{training.info.experiment_id}/runs/{run_id}")
    return HTMLResponse(training_page.page(training), headers=ISOLATED)


def _file_in(folder: Path, path: str) -> Path:
    """Return the file at ``path``; 404 where it is missing or outside of ``folder``."""
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise HTTPException(404, f"there is no page {path!r}")
    return file
