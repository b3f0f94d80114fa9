"""Airloop in Airflow: thin operators, forms, links and retries around ``airloop``. No rule of the domain lives here."""
