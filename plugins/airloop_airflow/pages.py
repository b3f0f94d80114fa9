"""Everything below ``/airloop`` of Airflow's web server.

Only for users who are logged in: Airflow does not protect a plugin's pages by itself.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI

from airloop_airflow.ui import answers, api, one_pipeline, pausing, reports, shell
from airloop_airflow.ui.imports import imported

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
answers.answer_errors(app)
for part in (api, one_pipeline, pausing, reports):
    app.include_router(part.router, dependencies=[Depends(imported)])
app.include_router(shell.router)
