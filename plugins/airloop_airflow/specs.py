"""Which pipelines a DAG file makes DAGs of."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import get_parsing_context

from airloop.errors import SpecError
from airloop.spec import BrokenPipeline, Pipeline, Spec, load, load_all
from airloop.workspace import Workspace


def read_all() -> tuple[list[Spec], list[BrokenPipeline]]:
    """Return the specs that can be read and the pipelines whose spec cannot.

    A task's process reads the one pipeline that it runs: with hundreds of them that is most of its start.
    """
    folder = Workspace.from_environment().pipelines
    dag_id = get_parsing_context().dag_id
    found = load_all(folder) if dag_id is None else [_load(folder / dag_id.partition(".")[0])]
    specs = [each.spec for each in found if isinstance(each, Pipeline)]
    return specs, [each for each in found if isinstance(each, BrokenPipeline)]


def _load(folder: Path) -> Pipeline | BrokenPipeline:
    try:
        return load(folder)
    except SpecError as error:
        return BrokenPipeline(folder.name, folder, error)


def broken_page(broken: BrokenPipeline) -> str:
    """Return the doc page (Markdown) of a DAG whose pipeline cannot be read."""
    return (
        f"# {broken.name} cannot be read\n\n```text\n{broken.error}\n```\n\n"
        "Mend the file; this page and the DAG's tasks come back with the next parse. "
        f"`python -m airloop check {broken.name}` says the same without Airflow. Other pipelines are not affected."
    )
