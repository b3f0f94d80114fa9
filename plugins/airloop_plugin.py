"""What Airflow finds in the plugins folder: pages for reports, a deadline, and workers that start warm.

Every process of Airflow, each task too, runs this file: properties import what they need when they are read.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.plugins_manager import AirflowPlugin


class AirloopPlugin(AirflowPlugin):
    """Airloop's extensions of Airflow."""

    name = "airloop"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The pages under ``/airloop``, reports and training runs among them, for users who are logged in."""
        from airloop_airflow.pages import app

        return [{"app": app, "url_prefix": "/airloop", "name": "Airloop"}]

    @property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Where the pages appear in Airflow's UI."""
        from airloop_airflow.ui.views import external_views

        return external_views()

    @property
    def deadline_references(self) -> list[Any]:  # type: ignore[override]
        """The champion's age, which a deadline counts from."""
        from airloop_airflow.deadlines import FreshChampion

        return [FreshChampion]

    @property
    def listeners(self) -> list[Any]:  # type: ignore[override]
        """The hook that imports heavy libraries once, before the workers fork, where the stack asks for it."""
        if os.environ.get("AIRLOOP_WARM_WORKERS") != "1":
            return []
        from airloop_airflow import warm_workers

        return [warm_workers]
