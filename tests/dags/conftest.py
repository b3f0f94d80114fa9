"""DAGs as Airflow reads them, made of pipelines that a test writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

SPEC = """\
name: {name}
data:
  source: {{path: "data/{name}/*.parquet"}}
  partition: none
  label: {{column: late}}
model: {{task: binary}}
gates: [{{metric: roc_auc, min: 0.6}}]
{more}
"""

Read = Callable[..., dict[str, object]]


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the DAG files read pipelines from."""
    monkeypatch.setenv("AIRLOOP_PIPELINES", str(tmp_path))
    return tmp_path


@pytest.fixture
def write(pipelines: Path) -> Callable[..., None]:
    """Write a pipeline's spec; ``more`` is added at its end."""

    def write_spec(name: str, more: str = "") -> None:
        (pipelines / name).mkdir()
        (pipelines / name / "pipeline.yaml").write_text(SPEC.format(name=name, more=more))

    return write_spec


@pytest.fixture
def read_dags(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read the DAG files; return dag_id → DAG. An import error fails the test."""

    def read(only: str | None = None) -> dict[str, object]:
        from airflow.dag_processing.dagbag import DagBag

        if only:
            monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", only)
        bag = DagBag(PROJECT / "dags")
        assert bag.import_errors == {}
        return dict(bag.dags)

    return read
