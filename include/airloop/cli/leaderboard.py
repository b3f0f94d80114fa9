"""``leaderboard``: every version ever judged, whoever trained it, and how good it was on its own holdout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from airloop import clock
from airloop.cli.arguments import AsJson, Name
from airloop.cli.screen import colour, console, emit, when
from airloop.errors import nearest
from airloop.reports import wording
from airloop.spec import Spec, find
from airloop.spec.metrics import main_metric, metrics_of
from airloop.spec.words import METRICS
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry, Ledger

MOST = 10_000
"""Entries of a kind that are read, the newest."""
MADE_BY = {"verdict": "run", "backtest": "backtest"}
"""Kind of the ledger's entry → who asked for the verdict. A run's, which also is a backfill's, goes before."""


@dataclass(frozen=True)
class Row:
    """A version; ``value`` is None where the metric was not measured."""

    version: str
    as_of: datetime | None
    verdict: str
    against: str
    made_by: str
    value: float | None
    lower: float | None
    upper: float | None
    live: str
    """``live``, ``was live`` or empty."""


def add_to(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("leaderboard")(_leaderboard)


def _leaderboard(
    name: Name,
    metric: Annotated[str, typer.Option(help="Default: the one that the champion is compared in.")] = "",
    best: Annotated[bool, typer.Option("--best", help="Best first. Default: newest data first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Lines to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show every version that was judged, by runs, backfills and backtests, with a metric on its holdout."""
    workspace = Workspace.from_environment()
    spec = find(name, workspace).spec
    chosen = _metric(spec, metric)
    rows = _sorted(_rows(workspace.ledger, spec, chosen), chosen if best else None)
    if as_json:
        emit({"pipeline": name, "metric": chosen, "versions": [vars(row) | {"as_of": _iso(row)} for row in rows]})
        return
    screen = console()
    if not rows:
        screen.print(f"{name}: no version was judged yet; `python -m airloop run {name}` or `backtest {name}` does")
        return
    screen.print(_table(rows[:limit], chosen))
    if len(rows) > limit:
        screen.print(f"and {len(rows) - limit:,} more; --limit {len(rows)} shows all")
    screen.print(
        Text("Each on its own holdout: weeks differ, so only a backtest compares versions on the same rows.", "dim")
    )


def _metric(spec: Spec, given: str) -> str:
    allowed = metrics_of(spec.model.task)
    if given and given not in allowed:
        hint = nearest(given, allowed)
        raise typer.BadParameter(f"--metric {given!r} is no metric of a {spec.model.task} model.{hint}")
    return given or main_metric(spec)


def _rows(ledger: Ledger, spec: Spec, metric: str) -> list[Row]:
    entries = [entry for kind in MADE_BY for entry in ledger.entries(spec.name, kind, limit=MOST)]
    newest: dict[str, Entry] = {}
    for entry in entries:
        newest.setdefault(str(entry.payload.get("version", "")), entry)
    champions = ledger.champions(spec.name, spec.release.target)
    return [_row(version, entry, metric, champions) for version, entry in newest.items()]


def _row(version: str, entry: Entry, metric: str, champions: Sequence[Champion]) -> Row:
    payload: Any = entry.payload
    value, lower, upper = payload.get("metrics", {}).get(metric, (None, None, None))
    return Row(
        version=version,
        as_of=entry.as_of,
        verdict=str(payload.get("outcome", "")),
        against=str(payload.get("champion_version") or ""),
        made_by=MADE_BY[entry.kind],
        value=value,
        lower=lower,
        upper=upper,
        live=_live(version, champions),
    )


def _live(version: str, champions: Sequence[Champion]) -> str:
    if champions and champions[0].version == version:
        return "live"
    return "was live" if any(champion.version == version for champion in champions) else ""


def _sorted(rows: list[Row], metric: str | None) -> list[Row]:
    """Return the rows, the best in ``metric`` first (those without a value last), else those with the newest data."""
    if metric is None:
        return sorted(rows, key=lambda row: (row.as_of.timestamp() if row.as_of else 0.0, row.version), reverse=True)
    sign = -1 if METRICS[metric].more_is_better else 1
    return sorted(rows, key=lambda row: (row.value is None, sign * (row.value or 0.0)))


def _table(rows: Sequence[Row], metric: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("version", "as of", "verdict", "against", metric, "95 % interval", "judged by", ""):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.version,
            when(row.as_of),
            colour(row.verdict),
            row.against or "no champion",
            "-" if row.value is None else wording.number(row.value),
            _interval(row),
            row.made_by,
            Text(row.live, style="bold green" if row.live == "live" else "dim"),
        )
    return table


def _interval(row: Row) -> str:
    if row.lower is None or row.upper is None:
        return ""
    return f"{wording.number(row.lower)} to {wording.number(row.upper)}"


def _iso(row: Row) -> str | None:
    return clock.iso(row.as_of) if row.as_of else None
