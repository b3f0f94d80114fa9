"""What people are told: what happened to which pipeline, why, and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airloop_airflow import links

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec.model import Event

WORDS: dict[Event, str] = {
    "released": "released",
    "held": "held back",
    "rejected": "rejected",
    "rolled_back": "rolled back",
    "failed": "a run failed",
    "act": "production has moved or got worse",
    "stale": "the source is silent",
    "no_traffic": "nobody asks the model",
    "retrain": "a retraining was asked for",
    "no_fresh_champion": "no fresh champion",
}
"""What happened, in the words of a message."""
LONGEST_REASON = 600
"""Most characters of one reason in a message; the rest is in the log."""


@dataclass(frozen=True)
class Alert:
    """One thing worth telling; templates of notifiers read it as ``alert``."""

    pipeline: str
    event: Event
    version: str = ""
    """The version it is about; empty where it is about none."""
    reasons: tuple[str, ...] = ()
    link: str = ""
    """Address of the run's page."""
    report: str = ""
    """Address of the report; empty where there is none."""

    @property
    def title(self) -> str:
        """One line, for example ``flight_delays: rejected (version 7)``."""
        about = f" (version {self.version})" if self.version else ""
        return f"{self.pipeline}: {WORDS[self.event]}{about}"

    @property
    def text(self) -> str:
        """The whole message: the title, the reasons and the links, a line each."""
        places = [f"{name}: {url}" for name, url in (("Report", self.report), ("Run", self.link)) if url]
        return "\n".join([self.title, *(f"- {reason}" for reason in self.reasons), *places])


def of_task(pipeline: str, event: Event, context: Context) -> Alert:
    """Return the alert on a task that has ended: its version, reasons and report are those of its ref."""
    task = context["task"]
    ref = getattr(task, "ref", None)
    report = getattr(ref, "report", "")
    return Alert(
        pipeline,
        event,
        version=getattr(task, "version", "") or getattr(ref, "version", ""),
        reasons=_reasons(task, ref, context),
        link=run_page(task.dag_id, context["run_id"]),
        report=links.artifact(report) if report else "",
    )


def run_page(dag_id: str, run_id: str) -> str:
    """Return the address of a run's page in Airflow."""
    from airflow.sdk import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{quote(run_id, safe='')}"


def _reasons(task: Any, ref: Any, context: Context) -> tuple[str, ...]:
    """Return why: what went wrong, else what the ref says, else the task's headline."""
    error = context.get("exception")
    if error is not None and getattr(ref, "reasons", None) is None:
        return (_short(f"{task.task_id}: {error}"),)
    found = getattr(ref, "reasons", ()) or ((task.headline,) if getattr(task, "headline", "") else ())
    return tuple(map(_short, found)) or (f"task {task.task_id}",)


def _short(reason: str) -> str:
    return shorten(reason, width=LONGEST_REASON, placeholder=" …")
