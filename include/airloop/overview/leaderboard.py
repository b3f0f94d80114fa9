"""The leaderboard: every version that was ever judged, whoever trained it, and how good it was on its own holdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from airloop.errors import UnknownName, nearest
from airloop.overview.shapes import Leaderboard, Ranked
from airloop.spec import Spec, find
from airloop.spec.metrics import main_metric, metrics_of
from airloop.spec.words import METRICS

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry, Ledger
    from airloop.workspace import Workspace

MOST = 10_000
"""Entries of a kind that are read, the newest."""
SHOWN = 500
"""Versions on the page."""
MADE_BY: dict[str, Literal["run", "backtest"]] = {"verdict": "run", "backtest": "backtest"}
"""Kind of the ledger's entry → who asked for the verdict. A run's, which also is a backfill's, goes before."""


def leaderboard(workspace: Workspace, name: str, metric: str = "") -> Leaderboard:
    """Return the versions of a pipeline with their ``metric`` (default: the one that decides), the newest data first.

    Raises UnknownName for a metric that models of this task do not have, SpecError and Unreachable.
    """
    spec = find(name, workspace).spec
    chosen = chosen_metric(spec, metric)
    rows = newest_first(ranked(workspace.ledger, spec, chosen, most=2 * SHOWN))
    return Leaderboard(
        metric=chosen,
        metrics=tuple(metrics_of(spec.model.task)),
        more_is_better=METRICS[chosen].more_is_better,
        rows=tuple(rows[:SHOWN]),
        left_out=max(workspace.ledger.count_versions(name, MADE_BY) - SHOWN, 0),
    )


def chosen_metric(spec: Spec, given: str) -> str:
    """Return ``given``, or the metric that the champion is compared in. Raises UnknownName for one that is none."""
    allowed = metrics_of(spec.model.task)
    if given and given not in allowed:
        raise UnknownName(f"{given!r} is no metric of a {spec.model.task} model.{nearest(given, allowed)}")
    return given or main_metric(spec)


def ranked(ledger: Ledger, spec: Spec, metric: str, most: int = MOST) -> list[Ranked]:
    """Return each version of the newest ``most`` verdicts of a kind once, in no order."""
    newest: dict[str, Entry] = {}
    for entry in (entry for kind in MADE_BY for entry in ledger.entries(spec.name, kind, limit=most)):
        newest.setdefault(str(entry.payload.get("version", "")), entry)
    champions = ledger.champions(spec.name, spec.release.target)
    return [_ranked(version, entry, metric, champions) for version, entry in newest.items()]


def newest_first(rows: Sequence[Ranked]) -> list[Ranked]:
    """Return the rows, those with the newest data first."""
    return sorted(rows, key=_age, reverse=True)


def _age(row: Ranked) -> tuple[float, int, str]:
    """Return what is the greater the newer a row is; of the same data the higher number is the newer version."""
    since = row.as_of.timestamp() if row.as_of else 0.0
    return since, int(row.version) if row.version.isdecimal() else 0, row.version


def best_first(rows: Sequence[Ranked], metric: str) -> list[Ranked]:
    """Return the rows, the best in ``metric`` first, those without a value last."""
    sign = -1 if METRICS[metric].more_is_better else 1
    return sorted(rows, key=lambda row: (row.value is None, sign * (row.value or 0.0)))


def _ranked(version: str, entry: Entry, metric: str, champions: Sequence[Champion]) -> Ranked:
    payload: Any = entry.payload
    value, lower, upper = payload.get("metrics", {}).get(metric, (None, None, None))
    return Ranked(
        version=version,
        as_of=entry.as_of,
        outcome=str(payload.get("outcome", "")),
        against=str(payload.get("champion_version") or ""),
        made_by=MADE_BY[entry.kind],
        value=value,
        lower=lower,
        upper=upper,
        live=_live(version, champions),
    )


def _live(version: str, champions: Sequence[Champion]) -> Literal["live", "was live", ""]:
    if champions and champions[0].version == version:
        return "live"
    return "was live" if any(champion.version == version for champion in champions) else ""
