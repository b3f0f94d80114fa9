"""What all operators of steps share: where they run, what they hand on, and how they say what was decided."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from textwrap import shorten
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseOperator, SkipMixin

from airloop.refs import Handed
from airloop_airflow import context as run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec import Pipeline
    from airloop.workspace import Workspace
    from airloop_airflow.containers import StepContainer
    from airloop_airflow.pods import StepPod

R = TypeVar("R", bound=Handed)
HEADLINE = 100
"""Most characters of a decision on the run's page."""


def result_of(task: BaseOperator) -> str:
    """Return the template of a task's ref as JSON.

    A template and not ``task.output``: that would draw an arrow from every ref to its reader and hide the chain.
    """
    return f"{{{{ ti.xcom_pull(task_ids='{task.task_id}') | tojson }}}}"


class StepOperator(BaseOperator):
    """What all steps share: the pipeline's name, where it runs, and what the run page links to.

    :param pipeline: name of the pipeline.
    """

    outcome: str | None = None
    """What to tell the spec's notifiers once the task has ended: released, held, rejected or rolled_back."""
    headline = ""
    """What was decided, in a few words; Airflow shows it beside the task in the run's list."""
    place_of_step: StepContainer | StepPod | None = None
    """What the step runs in where that is not this process."""
    came_back: Mapping[str, Any] | None = None
    """What the trigger said that watched the step's pod, where it did that in the worker's place."""

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        # The one text of a task that shows on the run's page, where a person looks first, and that a task may set.
        super().__init__(map_index_template="{{ task.headline }}", **kwargs)
        self.pipeline = pipeline
        self.ref: Handed | None = None

    def place(self, context: Context) -> tuple[Workspace, Pipeline]:
        """Return the workspace and the pipeline, the first two arguments of every step."""
        workspace = run.workspace()
        return workspace, run.pipeline(context, self.pipeline, workspace)

    def carry_out(self, context: Context, step: Callable[..., R], gives: type[R], **given: Handed | datetime) -> R:
        """Return what ``step`` gives, carried out where the spec's ``runs_on`` says: here, in a container or a pod."""
        workspace, pipeline = self.place(context)
        where = getattr(pipeline.spec.runs_on, step.__name__)
        if where.on == "worker":
            return step(workspace, pipeline, **given)
        from airloop.steps import elsewhere

        asked: dict[str, Any] = {"workspace": workspace, "limits": where, "context": context}
        if where.on == "docker":
            from airloop_airflow.containers import StepContainer

            errand = elsewhere.Errand(step.__name__, pipeline, given)
            self.place_of_step = StepContainer(errand=errand, **asked)
        else:
            from airloop_airflow.pods import StepPod

            errand = elsewhere.Errand(step.__name__, pipeline, given, elsewhere.TERMINATION_MESSAGE)
            self.place_of_step = StepPod(errand=errand, came_back=self.came_back, **asked)
        return gives.model_validate(self.place_of_step.carry_out(context))

    def come_back(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Go on after a trigger has watched the step's pod: do the task again, which finds the pod and its outcome."""
        self.came_back = event
        # Airflow takes the wrapped method for a task that is run inside another one, and warns.
        return inspect.unwrap(type(self).execute)(self, context)

    def on_kill(self) -> None:
        """End the step's container or pod, where it has one."""
        if self.place_of_step:
            self.place_of_step.on_kill()

    def hand_on(self, ref: Handed) -> dict[str, Any]:
        """Keep the ref for the links and return it as JSON for the tasks that follow.

        By way of text, where NaN and infinities are words: Airflow refuses them as numbers.
        """
        self.ref = ref
        # Airflow shows them on the last tab of a task's page only; in the log, its first, they can be clicked as well.
        for link in self.operator_extra_links:
            if address := link.get_link(self, ti_key=None):  # type: ignore[arg-type]
                self.log.info("%s: %s", link.name, address)
        result: dict[str, Any] = json.loads(ref.model_dump_json())
        return result

    def say(self, decision: str) -> None:
        """Write what was decided to the log and, shortened, to the run's page."""
        self.headline = shorten(decision, width=HEADLINE, placeholder=" …")
        self.log.info("%s", decision)

    def say_with_reasons(self, decided: str, reasons: Iterable[str]) -> None:
        """Write what was decided, and why, to the log and, shortened, to the run's page."""
        self.say(": ".join(filter(None, (decided, "; ".join(reasons)))))


class DecidingOperator(StepOperator, SkipMixin):
    """A step after which the run may be over, well and truly.

    :param pipeline: name of the pipeline.
    """

    inherits_from_skipmixin = True

    def end_run_well(self, context: Context, ref: Handed, why: str) -> dict[str, Any]:
        """Skip all that follows, so that the run ends as a success, and say why in the log.

        Skipping leaves ``execute`` by an exception: the result is pushed first, because nothing returns.
        """
        result = self.hand_on(ref)
        context["ti"].xcom_push("return_value", result)
        self.say(why)
        self.log.info("What follows is skipped, and the run ends well.")
        self.skip(context["ti"], context["task"].get_flat_relatives(upstream=False))
        return result
