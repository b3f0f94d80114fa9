"""Everything below ``/airloop`` of Airflow's web server.

Only for users who are logged in: Airflow does not protect a plugin's pages by itself.
"""

from __future__ import annotations

from fastapi import FastAPI

from airloop_airflow.ui import answers, api, one_pipeline, pausing, reports, shell

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
answers.answer_errors(app)
for part in (api, one_pipeline, pausing, reports, shell):
    app.include_router(part.router)
