"""A person's yes or no before a release, where the spec asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from airloop import clock
from airloop.spec import Spec
from airloop_airflow import context as run
from airloop_airflow import links

if TYPE_CHECKING:
    from airflow.sdk import Context

_BODY = """\
{%- set verdict = ti.xcom_pull(task_ids='judge_candidate') -%}
{%- set model = ti.xcom_pull(task_ids='train_model') -%}
{%- set known_at = task.told(ti.xcom_pull(task_ids='take_snapshot').as_of) -%}
**{{ verdict.outcome }}** for version **{{ model.version }}**, trained on what was known at {{ known_at }}.
The champion is {{ verdict.champion_version or 'none yet' }}.

{% for reason in verdict.reasons %}- {{ reason }}
{% endfor %}
[Open the report]({{ task.report_page(verdict.report) }})

{% set pause = task.paused() %}{% if pause -%}
**Now {{ pause }}.** Whatever you answer, nothing goes live until somebody resumes them.

{% endif -%}
Approve: the model is packaged, verified and goes live on {{ params.target }}. Reject, or no answer: the champion stays.
The answer stands in the ledger with your name, and with the comment where you leave one.
"""
LONGEST_COMMENT = 500


class ApproveRelease(ApprovalOperator):
    """Wait for a person; no answer in time means no. A dry run asks nobody.

    The answer is written to the ledger before anything follows from it. Where the ledger is silent the task is tried
    again, and that asks again.

    :param spec: the pipeline's spec; its ``release`` section says who may approve and how long it waits.
    """

    def __init__(self, *, spec: Spec, params: ParamsDict | None = None, **kwargs: Any) -> None:
        # Airflow hands the DAG's fields in, and leaves them out of the form again: they are not the task's own.
        fields = params or ParamsDict()
        fields["comment"] = _comment()
        super().__init__(
            subject=f"Release {spec.name} {{{{ ti.xcom_pull(task_ids='train_model').version }}}}?",
            body=_BODY,
            defaults=self.REJECT,
            response_timeout=spec.release.approval_timeout,
            assigned_users=[{"id": user, "name": user} for user in spec.release.approvers] or None,
            ignore_downstream_trigger_rules=True,
            params=fields,
            **kwargs,
        )
        self.pipeline = spec.name

    @staticmethod
    def report_page(uri: str) -> str:
        """Return where a browser reads the report; called by the template."""
        return links.artifact(uri)

    @staticmethod
    def told(instant: str) -> str:
        """Return an instant as people read it; called by the template."""
        return clock.told(clock.parse(instant))

    def paused(self) -> str:
        """Return that releases are paused, and by whom; "" where they are not. Called by the template."""
        from airloop.ledger import pausing

        pause = run.workspace().ledger.paused(self.pipeline)
        return pausing.told(pause) if pause else ""

    def execute(self, context: Context) -> Any:
        """Wait for the answer, unless nothing goes live anyway."""
        if run.asked_for(context, "dry_run"):
            self.log.info("Dry run: nothing goes live, so nobody is asked")
            return None
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer to the ledger; then go on, or skip what follows, as the answer says."""
        if "error" not in event:
            self.note(context, event)
        return super().execute_complete(context, event)

    def note(self, context: Context, event: Mapping[str, Any]) -> None:
        """Write the answer to the ledger, once, with the name of who gave it."""
        from airloop import steps

        ti, by = context["ti"], (event.get("responded_by_user") or {}).get("name", "")
        steps.note_answer(
            run.workspace(),
            self.pipeline,
            answer=steps.NO_ANSWER if event.get("timedout") else event["chosen_options"][0],
            by=by,
            comment=((event.get("params_input") or {}).get("comment") or "").strip(),
            verdict=ti.xcom_pull(task_ids="judge_candidate")["digest"],
            version=ti.xcom_pull(task_ids="train_model")["version"],
            run_id=context["run_id"],
            at=event["responded_at"],
        )


def _comment() -> Param:
    # Of a type that may be empty: Airflow shuts both buttons until every field that needs a value has one.
    kind: dict[str, Any] = {"type": ["null", "string"], "maxLength": LONGEST_COMMENT}
    return Param(None, title="Comment", description="For those who ask later why.", source="task", **kind)


def approvals(spec: Spec) -> list[ApproveRelease]:
    """Return the task that asks a person, or nothing where the spec asks for none."""
    return [ApproveRelease(task_id="approve_release", spec=spec)] if spec.release.approval == "required" else []


def approver(spec: Spec) -> str:
    """Return the template of the name of the person who said yes; empty where nobody is asked."""
    if spec.release.approval == "none":
        return ""
    return "{{ ((ti.xcom_pull(task_ids='approve_release') or {}).get('responded_by_user') or {}).get('name', '') }}"
