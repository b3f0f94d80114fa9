"""One look at ledger, descriptions and store, kept for some seconds, however often and by how many it is asked for."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airloop.errors import AirloopError, DataError
from airloop.exporter.counting import Counting
from airloop.exporter.describing import rules_of
from airloop.exporter.facts import Column, Facts, Pipeline, Rules
from airloop.overview import asking
from airloop.overview.described import Descriptions
from airloop.refs import DriftRef

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

FRESH_S = 10.0
"""How long a look is good for."""
MOST_COLUMNS = 50
"""Most columns of a pipeline that are shown: those that matter most to its model."""


class Look:
    """Looks at most every ``fresh_s`` seconds; what does not answer is told as such and spoils nothing else."""

    def __init__(self, workspace: Workspace, *, fresh_s: float = FRESH_S) -> None:
        self._workspace, self._fresh_s = workspace, fresh_s
        self._described = Descriptions(workspace.pipelines)
        self._counting = Counting()
        self._columns: dict[str, tuple[str, tuple[Column, ...]]] = {}
        self._lock = threading.Lock()
        self._facts: Facts | None = None
        self._looked_at = 0.0
        self._is_up: dict[str, bool] = {}

    def facts(self) -> Facts:
        """Return what is known now."""
        with self._lock:
            if self._facts is None or time.monotonic() - self._looked_at >= self._fresh_s:
                self._facts = self._look()
                self._looked_at = time.monotonic()
            return self._facts

    def _look(self) -> Facts:
        started = time.monotonic()
        is_up = {"ledger": True, "pipelines": True, "store": True}
        rules: dict[str, Rules | None] = {}
        pipelines: list[Pipeline] = []
        counts: Counter[tuple[str, str, str]] = Counter()
        try:
            described = self._described.all()
            rules = {name: None if one.spec is None else rules_of(one.spec) for name, one in described.items()}
        except (AirloopError, OSError) as error:
            self._lost(is_up, "pipelines", error)
        try:
            pipelines, counts = self._ask(rules)
        except AirloopError as error:
            self._lost(is_up, "ledger", error)
            pipelines = [Pipeline(name, each) for name, each in rules.items()]
        pipelines = [self._with_columns(pipeline, is_up) for pipeline in pipelines]
        self._is_up = is_up
        return Facts(tuple(pipelines), counts, is_up, time.monotonic() - started)

    def _ask(self, rules: dict[str, Rules | None]) -> tuple[list[Pipeline], Counter[tuple[str, str, str]]]:
        with self._workspace.ledger.reading() as connection:
            counts = self._counting.look(connection, datetime.now(UTC))
            champions: dict[str, list[tuple[Champion, datetime]]] = {}
            for champion, since in asking.live(connection):
                champions.setdefault(champion.pipeline, []).append((champion, since))
            names = sorted({*rules, *champions, *(name for name, _, _ in counts)})
            last, unanswered = asking.last(connection, names), asking.unanswered(connection, names)
        pipelines = [
            Pipeline(name, rules.get(name), tuple(champions.get(name, ())), last[name], name in unanswered)
            for name in names
        ]
        return pipelines, counts

    def _with_columns(self, pipeline: Pipeline, is_up: dict[str, bool]) -> Pipeline:
        entry = pipeline.last.get("drift")
        if entry is None:
            return pipeline
        known = self._columns.get(pipeline.name)
        if known is None or known[0] != entry.run_id:
            try:
                known = entry.run_id, _columns(self._workspace, entry)
            except DataError as error:
                log.warning("%s: the columns of its last window are not shown: %s", pipeline.name, error)
                known = entry.run_id, ()
            except (AirloopError, OSError) as error:
                self._lost(is_up, "store", error)
                return pipeline
            self._columns[pipeline.name] = known
        return Pipeline(**vars(pipeline) | {"columns": known[1]})

    def _lost(self, is_up: dict[str, bool], source: str, error: Exception) -> None:
        is_up[source] = False
        tell: Callable[..., None] = log.warning if self._is_up.get(source, True) else log.debug
        tell("%s: %s", source, error)


def _columns(workspace: Workspace, entry: Entry) -> tuple[Column, ...]:
    """Return the columns of a scored window, the most important first. Raises DataError and Unreachable."""
    from airloop.monitoring.drift import load_drift

    ref = DriftRef.model_validate(
        {name: entry.payload[name] for name in DriftRef.model_fields if name in entry.payload}
    )
    found = sorted(load_drift(workspace, ref).columns, key=lambda one: (-one.is_prediction, -one.importance, one.name))
    return tuple(
        Column(one.name, "prediction" if one.is_prediction else "input", one.distance, one.importance)
        for one in found[:MOST_COLUMNS]
    )
