"""Airflow and the model server on this machine: start, watch, stop, and a demo from flight data to a live model."""
