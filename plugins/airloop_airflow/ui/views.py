"""Where the pages appear in Airflow's UI: in the navigation, and as a tab of DAGs, runs and tasks.

Every process of Airflow that shows its plugins reads this, so it imports nothing but Airflow's settings.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf

IN_PLACE = {
    "dag": "dag_id={DAG_ID}",
    "dag_run": "dag_id={DAG_ID}&run_id={RUN_ID}",
    "task": "dag_id={DAG_ID}&task_id={TASK_ID}",
    "task_instance": "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}",
}
"""Pages of Airflow, and what each tells about itself. Airflow fills in the braces."""


def external_views() -> list[dict[str, Any]]:
    """Return the entry in the navigation and the tabs."""
    ui = f"{urlsplit(conf.get('api', 'base_url', fallback='')).path.rstrip('/')}/airloop/ui/"
    icons = {"icon": f"{ui}assets/airloop.svg", "icon_dark_mode": f"{ui}assets/airloop-dark.svg"}
    models = {"name": "Models", "href": ui, "destination": "nav", "url_route": "airloop", **icons}
    tabs = [
        {"name": "Airloop", "href": f"{ui}at?{query}", "destination": place, "url_route": f"airloop-{place}", **icons}
        for place, query in IN_PLACE.items()
    ]
    return [models, *tabs]
