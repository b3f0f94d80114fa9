"""Tells the people that a spec names how a run ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.spec import Spec

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tell:
    """A callback that runs the spec's notifiers whose ``on`` holds what happened.

    A task that ended with a decision says which (``outcome``); one that failed without is ``failed``.
    """

    spec: Spec
    otherwise: str | None = None

    def __call__(self, context: Context) -> None:
        """Run every notifier that wants to know; one that fails does not keep the others from running."""
        from importlib import import_module

        outcome = getattr(context["task"], "outcome", None) or self.otherwise
        for notify in self.spec.notify:
            if outcome not in notify.on:
                continue
            try:
                module, _, name = notify.notifier.rpartition(".")
                getattr(import_module(module), name)(**notify.args)(context)
            except Exception:
                log.exception("notifier %s could not tell that the run was %s", notify.notifier, outcome)


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
