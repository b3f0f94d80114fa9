"""Airloop's pages inside Airflow's UI: routes, who may use them, what Airflow knows, and where the pages appear."""
