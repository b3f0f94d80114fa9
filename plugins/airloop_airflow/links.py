"""The buttons on a task's page: its report, Data Docs, training run, window or endpoint.

Airflow asks for a link once, in the task's own process when the task has ended, and keeps the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from airloop.refs import DecisionRef, ModelRef, ReleaseRef, VerdictRef

if TYPE_CHECKING:
    from airloop.refs import Handed

PAGES = "/airloop"
"""Where the plugin's pages are, below Airflow's own address."""


def page(path: str) -> str:
    """Return the address of one of the plugin's pages."""
    from airflow.sdk import conf

    return conf.get("api", "base_url", fallback="").rstrip("/") + PAGES + path


def artifact(uri: str) -> str:
    """Return the address at which a browser may read ``uri``, a file in the store.

    Airflow's pages come over HTTP, from where browsers follow no link to a file.
    """
    from airloop_airflow.context import workspace

    store = f"{workspace().store.url}/"
    return page(f"/artifacts/{uri.removeprefix(store)}") if uri.startswith(store) else uri


class RefLink(BaseOperatorLink):
    """A link made from the ref that the task handed on; empty where there is none."""

    name = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address, or an empty text where the task has nothing to show."""
        return self.address(operator.ref) if operator.ref else ""

    def address(self, ref: Handed) -> str:
        """Return the address for a ref."""
        raise NotImplementedError


class Report(RefLink):
    """The report of a judgement."""

    name = "Report"

    def address(self, ref: Handed) -> str:
        """Return the report's page."""
        return artifact(ref.report) if isinstance(ref, VerdictRef) else ""


class WindowReport(RefLink):
    """The page about a window of production: its drift, its performance and what was decided."""

    name = "Window report"

    def address(self, ref: Handed) -> str:
        """Return the window's page."""
        return artifact(ref.report) if isinstance(ref, DecisionRef) else ""


class DataDocs(BaseOperatorLink):
    """Great Expectations' pages about a snapshot, also where it was refused and there is no ref."""

    name = "Data Docs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the index page, or an empty text where there are no expectations."""
        return artifact(operator.docs) if operator.docs else ""


class TrainingRun(RefLink):
    """What MLflow knows about a training."""

    name = "MLflow run"

    def address(self, ref: Handed) -> str:
        """Return the run's page."""
        return page(f"/runs/{ref.run_id}") if isinstance(ref, ModelRef) else ""


class Endpoint(RefLink):
    """Where the model answers."""

    name = "Endpoint"

    def address(self, ref: Handed) -> str:
        """Return the model's address."""
        return ref.endpoint if isinstance(ref, ReleaseRef) else ""
