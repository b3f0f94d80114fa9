"""What the image for steps is made of."""

from __future__ import annotations

from importlib import metadata

from airloop.images import code
from airloop.images.lock import pins
from airloop.images.stepping import roots
from airloop.workspace import PROJECT


def test_steps_have_all_that_the_project_needs_but_airflow():
    names = {pin.name for pin in pins(roots(PROJECT))}
    assert {"datasketches", "great-expectations", "mlflow-skinny", "pandas", "scikit-learn", "xgboost-cpu"} <= names
    assert not {name for name in names if name.startswith("apache-airflow") or name in ("pytest", "xgboost", "pip")}


def test_postgres_is_reached_where_its_driver_is_installed():
    installed = {found.metadata["Name"].lower() for found in metadata.distributions()}
    assert ("psycopg" in {pin.name for pin in pins(roots(PROJECT))}) == ("psycopg" in installed)


def test_the_whole_package_is_there_with_its_templates():
    names = set(code.of_steps())
    assert f"{code.INSIDE}/__main__.py" in names
    assert f"{code.INSIDE}/reports/base.html.j2" in names
    assert set(code.of_server()) < names
