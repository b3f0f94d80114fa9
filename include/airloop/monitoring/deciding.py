"""The one decision on a window: from the ledger's facts, by the policy, into the ledger, with the window's page."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airloop import clock, digest
from airloop.errors import DataError
from airloop.monitoring import past, policy
from airloop.monitoring.past import Past
from airloop.monitoring.policy import Decision
from airloop.monitoring.violations import WindowFacts
from airloop.monitoring.window import Window
from airloop.refs import DecisionRef, DriftRef, LabelsArrived, Level, PerformanceRef, WindowRef

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "decision"
"""The ledger's entries, one for each window; the store keeps the same under ``decisions``."""
MOST_DETAILS = 2
"""Reasons of a level that a decision repeats; the window's page has all."""


@dataclass(frozen=True)
class Found:
    """What monitoring found in a window."""

    window: WindowRef
    drift: DriftRef
    performance: PerformanceRef
    labels: LabelsArrived

    @property
    def name(self) -> str:
        """The window's name."""
        return Window(self.window.start, self.window.end).name

    @property
    def facts(self) -> WindowFacts:
        """What the policy looks at."""
        return WindowFacts(
            window=Window(self.window.start, self.window.end),
            drift=self.drift.level,
            performance=self.performance.level,
            rows=self.window.rows,
            labelled=self.performance.labelled,
            version=self.window.version,
            source=self.labels.source,
        )

    def details(self) -> Iterator[str]:
        """Say what stands behind the levels and the state of the source, so that a decision explains itself."""
        for name, found in (("drift", self.drift), ("performance", self.performance)):
            if found.level is not Level.OK and found.reasons:
                yield f"{name} {found.level}: {'; '.join(found.reasons[:MOST_DETAILS])}"
        if self.labels.source != "fresh":
            yield from self.labels.reasons[:MOST_DETAILS]


def decide(
    workspace: Workspace,
    pipeline: Pipeline,
    *,
    window: WindowRef,
    drift: DriftRef,
    performance: PerformanceRef,
    labels: LabelsArrived,
    as_of: datetime,
    run_id: str,
    is_binding: bool = True,
) -> DecisionRef:
    """Decide on a window, publish its page and record the decision; return what stands.

    A window has one decision: a retry, a late run and a second run at once get the one that stands, whatever they know.
    One that does not bind (a backfill's) is made as of then, and not recorded. A source that cannot be read is a reason
    to wait; raised are SourceChanged and Unreachable, which a retry can mend.
    """
    found = Found(window, drift, performance, labels)
    standing = workspace.ledger.entry(pipeline.name, KIND, found.name) if is_binding else None
    if standing is not None:
        return _ref(standing.payload)
    target = pipeline.spec.release.target
    known = past.before(workspace.ledger, pipeline.name, target, found.facts.window, as_of=as_of, is_binding=is_binding)
    new_labels, found = _new_labels(workspace, pipeline, found, known, as_of)
    decision = policy.decide(
        (found.facts, *known.windows),
        retrain=pipeline.spec.monitor.retrain,
        as_of=as_of,
        live=known.live,
        decided=known.decided,
        candidates=known.candidates,
        new_labels=new_labels,
    )
    decision = replace(decision, reasons=(*decision.reasons, *found.details()))
    ref = _published(workspace, pipeline, found, decision, as_of, is_binding)
    if not is_binding:
        return ref
    payload = ref.model_dump(mode="json") | {"run_id": run_id, "facts": _plain(found.facts)}
    return _ref(workspace.ledger.record(KIND, pipeline.name, found.name, payload, as_of=as_of).payload)


def _new_labels(
    workspace: Workspace, pipeline: Pipeline, found: Found, known: Past, as_of: datetime
) -> tuple[int | None, Found]:
    """Return how many labels of what a retraining would see have become known since the live version's data.

    None where nobody asks, or nothing tells when a label became known; then those of the windows are counted. A source
    that cannot be read has no such number, and counts as broken.
    """
    from airloop import data
    from airloop.data.windows import Windows

    rules = pipeline.spec.data
    is_timed = any((rules.event_time, rules.recorded_at, rules.label.known_at))
    if known.live is None or not is_timed or not {found.drift.level, found.performance.level} & {Level.WARN, Level.ACT}:
        return None, found
    start = Windows.of(rules, as_of).train_start or as_of
    try:
        now, then = (
            sum(partition.labelled for partition in data.observe(workspace, pipeline, start, as_of, known_until))
            for known_until in (as_of, min(known.live.data_cut_off, as_of))
        )
    except DataError as error:
        if error.retryable:
            raise
        log.warning("%s: new labels cannot be counted: %s", pipeline.name, error)
        reasons = (str(error), *(reason for reason in found.labels.reasons if str(error) not in reason))
        return None, replace(found, labels=found.labels.model_copy(update={"source": "broken", "reasons": reasons}))
    return max(now - then, 0), found


def _published(
    workspace: Workspace, pipeline: Pipeline, found: Found, decision: Decision, as_of: datetime, is_binding: bool
) -> DecisionRef:
    """Write the window's page and the decision to the store."""
    from airloop.monitoring import page

    given = {name: getattr(found, name) for name in ("window", "drift", "performance", "labels")}
    report = page.publish(workspace, pipeline, **given, decision=decision)
    value = {
        "pipeline": pipeline.name,
        "window": found.name,
        "action": str(decision.action),
        "as_of": clock.iso(as_of),
        "reasons": list(decision.reasons),
        "report": report.removeprefix(f"{workspace.store.url}/"),
        "is_binding": is_binding,
        "made_from": {name: getattr(found, name).digest for name in ("window", "drift", "performance")},
    }
    name = digest.of_value(value)
    return DecisionRef(
        digest=name,
        uri=workspace.store.put_json("decisions", name, value),
        window=found.name,
        action=decision.action,
        as_of=as_of,
        reasons=decision.reasons,
        report=report,
        is_binding=is_binding,
    )


def _plain(facts: WindowFacts) -> dict[str, Any]:
    plain = asdict(facts)
    del plain["window"]
    return plain


def _ref(payload: Mapping[str, Any]) -> DecisionRef:
    return DecisionRef.model_validate({name: payload[name] for name in DecisionRef.model_fields})
