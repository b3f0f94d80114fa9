"""Airloop: takes one model's description from data to production and back. Imports no Airflow."""

__version__ = "0.1.0"
