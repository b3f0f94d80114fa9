"""``leaderboard``: every version ever judged, whoever trained it, and how good it was on its own holdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from airloop import clock
from airloop.cli.arguments import AsJson, Name
from airloop.cli.screen import colour, console, emit, when
from airloop.errors import UnknownName
from airloop.overview.leaderboard import best_first, chosen_metric, newest_first, ranked
from airloop.overview.shapes import Ranked
from airloop.reports import wording
from airloop.spec import Spec, find
from airloop.workspace import Workspace


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
    found = ranked(workspace.ledger, spec, chosen)
    rows = best_first(found, chosen) if best else newest_first(found)
    if as_json:
        emit({"pipeline": name, "metric": chosen, "versions": [_plain(row) for row in rows]})
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
    try:
        return chosen_metric(spec, given)
    except UnknownName as error:
        raise typer.BadParameter(f"--metric {error}") from None


def _table(rows: Sequence[Ranked], metric: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("version", "as of", "verdict", "against", metric, "95 % interval", "judged by", ""):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row.version,
            when(row.as_of),
            colour(row.outcome),
            row.against or "no champion",
            "-" if row.value is None else wording.number(row.value),
            _interval(row),
            row.made_by,
            Text(row.live, style="bold green" if row.live == "live" else "dim"),
        )
    return table


def _interval(row: Ranked) -> str:
    if row.lower is None or row.upper is None:
        return ""
    return f"{wording.number(row.lower)} to {wording.number(row.upper)}"


def _plain(row: Ranked) -> dict[str, Any]:
    return {
        "version": row.version,
        "as_of": clock.iso(row.as_of) if row.as_of else None,
        "verdict": row.outcome,
        **{name: getattr(row, name) for name in ("against", "made_by", "value", "lower", "upper", "live")},
    }
