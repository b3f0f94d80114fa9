"""Hundreds of pipelines and years of their history, written in seconds: for tests and benchmarks of what is shown.

The first pipelines meet each of ``FATES`` in turn, so that a few of them show everything; most of the others are well.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from tests.pipeline_history import History

from airloop import clock
from airloop.ledger import Ledger
from airloop.ledger.tables import champions, entries

FATES = (
    "well", "decays", "drifts", "went back", "judged worse", "asks", "decays a little", "drifts a little",
    "stale", "paused", "too few rows", "held", "never released", "never judged", "broken",
)  # fmt: skip
"""How a pipeline's history ends: the first are worries, from the worst on; ``held`` is as well as ``well``."""
LIKELY = (140, 5, 6, 3, 2, 3, 6, 6, 3, 4, 4, 40, 6, 4, 3)
MODELS = (
    "churn", "credit_risk", "delivery_time", "demand", "fraud", "flight_delays", "lead_score", "lifetime_value",
    "no_show", "price", "refund", "search_rank", "spam", "stock_out", "ticket_route", "upsell",
)  # fmt: skip
PLACES = (
    "at", "au", "be", "br", "ca", "ch", "cz", "de", "dk", "es", "fi", "fr", "gb", "ie", "in", "it", "jp", "mx", "nl",
    "no", "pl", "pt", "se", "us", "za",
)  # fmt: skip
_SPEC = """\
name: {name}
description: "Made up, for tests and benchmarks: {what} in {place}."
owner: {owner}-team
tags: [{place}, made-up]
schedule: "0 18 * * MON"
data:
  source: {{path: "data/{name}/date={{date}}/*.parquet"}}
  event_time: at
  label: {{column: happened, known_at: known_at}}
model: {{task: binary}}
gates:
  - {{metric: roc_auc, min: 0.62}}
  - {{metric: log_loss, versus: champion, margin: 0.01, confidence: 0.95}}
  - {{latency_p99_ms: 25}}
release: {{target: {target}, approval: {approval}, rollout: {{steps: [10, 50, 100], min_requests: 200}}}}
monitor:
  schedule: "0 12 * * MON"
  window: 7d
  drift: {{method: psi, warn: 0.10, act: 0.25, min_rows: 500}}
  performance:
    - {{metric: roc_auc, warn: 0.02, act: 0.04}}
    - {{metric: log_loss, warn: 0.05, act: 0.10}}
  fresh_champion_within: {fresh}
"""
_ROWS = 5_000


def write(
    folder: Path,
    ledger_url: str,
    *,
    pipelines: int = 300,
    weeks: int = 104,
    seed: int = 0,
    until: datetime | None = None,
) -> list[str]:
    """Write descriptions below ``folder`` and what happened to them into the ledger; return their names, sorted.

    The last week ends on the Monday at or before ``until`` (default: now). The same arguments give the same history.
    """
    monday = clock.floor((until or datetime.now(UTC)) + timedelta(days=3), timedelta(weeks=1)) - timedelta(days=3)
    histories = [_history(number, seed) for number in range(pipelines)]
    for history in histories:
        _describe(folder, history)
        if history.fate not in ("never judged",):
            history.live_through(monday, weeks)
    _fill(ledger_url, histories)
    return sorted(history.name for history in histories)


def _history(number: int, seed: int) -> History:
    dice = random.Random(f"{seed} {number}")
    place, model = PLACES[number // len(MODELS) % len(PLACES)], MODELS[number % len(MODELS)]
    again = number // (len(MODELS) * len(PLACES))
    name = f"{model}_{place}" + (f"_{again}" if again else "")
    fate = FATES[number] if number < len(FATES) else dice.choices(FATES, LIKELY)[0]
    return History(name, dice.choices(("local", "docker", "kubernetes"), (8, 1, 1))[0], fate, dice)


def _describe(folder: Path, history: History) -> None:
    what, _, place = history.name.rpartition("_")
    approval = "required" if history.dice.random() < 0.2 else "none"
    fresh = "7d" if history.fate == "stale" else "540d"
    given = {"name": history.name, "what": what.replace("_", " "), "place": place, "target": history.target}
    text = _SPEC.format(**given, owner=what.partition("_")[0], approval=approval, fresh=fresh)
    if history.fate == "broken":
        text = text.replace("metric: roc_auc, min", "metric: auc_roc, min")
    (folder / history.name).mkdir(parents=True, exist_ok=True)
    (folder / history.name / "pipeline.yaml").write_text(text, encoding="utf-8")


def _fill(ledger_url: str, histories: list[History]) -> None:
    """Add all rows in the order of time, as several pipelines that live at once would have."""
    ledger = Ledger(ledger_url)
    ledger.entries("")  # makes the tables
    with ledger._engine.connect() as connection, connection.begin():
        for table, name in ((entries, "entries"), (champions, "champions")):
            rows = sorted(_all(histories, name), key=lambda row: (row["recorded_at"], row["pipeline"]))
            for start in range(0, len(rows), _ROWS):
                _insert(connection, table, rows[start : start + _ROWS])


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(sa.insert(table), rows)
        return
    # Each value as SQLAlchemy would write it, in a third of its time.
    names = [name for name in table.columns.keys() if name in rows[0]]
    marks = ", ".join("?" * len(names))
    columns = ", ".join(f'"{name}"' for name in names)
    text = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608
    connection.exec_driver_sql(text, [tuple(_plain(row[name]) for name in names) for row in rows])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _all(histories: list[History], name: str) -> Iterable[dict[str, Any]]:
    return itertools.chain.from_iterable(getattr(history, name) for history in histories)
