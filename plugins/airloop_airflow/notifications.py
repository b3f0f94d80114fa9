"""Tells the people that a spec names what happened, each thing once in a while."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from airloop.spec import Spec
from airloop_airflow import alert, cool_down, notifiers
from airloop_airflow import context as run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airloop.spec.model import Event, Notify
    from airloop_airflow.alert import Alert

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tell:
    """A callback that tells what a task's end means.

    A task says so itself, in ``outcome`` (one event) or ``outcomes`` (several); one that failed without a word is
    ``failed``. A backfill looks back, and tells nobody.
    """

    spec: Spec
    otherwise: Event | None = None

    def __call__(self, context: Context) -> None:
        """Run every notifier that wants to know."""
        if "dag_run" in context and run.only_looks_back(context):
            return
        for event in self._events(context["task"]):
            if any(event in notify.on for notify in self.spec.notify):
                tell(self.spec, alert.of_task(self.spec.name, event, context), context)

    def _events(self, task: Any) -> Iterator[Event]:
        outcome = getattr(task, "outcome", None)
        said = [*([outcome] if outcome else []), *getattr(task, "outcomes", ())]
        if not said and self.otherwise:
            said = [self.otherwise]
        yield from dict.fromkeys(said)


def tell(spec: Spec, told: Alert, context: Context | dict[str, Any]) -> None:
    """Run the notifiers whose ``on`` has the alert's event, except those that told the same within their cool-down.

    One that fails does not keep the others from telling, and is logged.
    """
    ledger = run.workspace().ledger
    for notify in spec.notify:
        if told.event not in notify.on:
            continue
        turn = cool_down.take_turn(ledger, told.pipeline, told.event, notify)
        if turn is not None and not _is_told(notify, told, context):
            cool_down.give_back(ledger, turn, notify)


def _is_told(notify: Notify, told: Alert, context: Context | dict[str, Any]) -> bool:
    try:
        notifiers.build(notify)(cast("Any", {**context, "alert": told}))
    except Exception as error:
        # Notifiers are anyone's code, and what they raise must not become the task's failure.
        log.error("notifier %s could not tell %s: %s", notify.notifier, told.event, error, exc_info=_worth(error))
        return False
    return True


def _worth(error: Exception) -> bool:
    """Return whether the stack of an error says more than its text; of our own it does not."""
    from airloop.errors import AirloopError

    return not isinstance(error, AirloopError)


def callbacks(spec: Spec) -> dict[str, Any]:
    """Return the callbacks of every task of a pipeline; none where the spec names no notifier."""
    if not spec.notify:
        return {}
    ended = [Tell(spec)]
    return {
        "on_success_callback": ended,
        "on_skipped_callback": ended,
        "on_failure_callback": [Tell(spec, otherwise="failed")],
    }
