"""What the image for steps is made of."""

from __future__ import annotations

from importlib import metadata

import pytest

from airloop import images
from airloop.errors import ImageError
from airloop.images import code
from airloop.images.lock import pins
from airloop.images.stepping import roots
from airloop.workspace import PROJECT, Workspace


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


def test_an_image_for_steps_can_be_named_where_there_is_no_engine(tmp_path, monkeypatch):
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    named = f"registry.example.com/steps@sha256:{'0' * 64}"
    monkeypatch.setenv("AIRLOOP_STEPS_IMAGE", named)
    assert images.steps(workspace) == images.steps(workspace, pushed=True) == named
    monkeypatch.setenv("AIRLOOP_STEPS_IMAGE", "registry.example.com/steps:latest")
    with pytest.raises(ImageError, match=r"AIRLOOP_STEPS_IMAGE: 'registry.example.com/steps:latest' is not by digest"):
        images.steps(workspace)


def test_pods_want_a_registry_and_are_told_before_anything_is_made(tmp_path):
    workspace = Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})
    with pytest.raises(ImageError, match=r"kubernetes pulls images from a registry, and none is set: set AIRLOOP_REG"):
        images.steps(workspace, pushed=True)
    images.refuse_without_registry(workspace, "docker")
