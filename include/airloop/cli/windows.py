"""Windows and the decisions on them, as ``history`` and ``explain`` show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from airloop.cli.screen import colour, when

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry
    from airloop.monitoring.records import Record


def table_of(records: Sequence[Record]) -> Table:
    """Return the windows, one a line: what came, what moved, what was decided and why."""
    table = Table(title="Watched", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in ("window", "rows", "version", "drift", "performance", "decision", "why"):
        table.add_column(column, overflow="fold", justify="right" if column == "rows" else "left")
    for record in records:
        drift, performance = record.levels
        decision = record.decision
        table.add_row(
            _span(record),
            f"{record.rows:,}",
            record.version,
            colour(drift),
            colour(performance),
            colour(str(decision.payload["action"])) if decision else Text("none", style="dim"),
            _why(decision),
        )
    return table


def _why(decision: Entry | None) -> str:
    """Return the first reason; ``explain`` tells all of them."""
    if decision is None:
        return "a look at the past, or cut off"
    first, *more = map(str, decision.payload["reasons"])
    return f"{first} (and {len(more)} more)" if more else first


def show(record: Record, champions: Sequence[Champion], screen: Console) -> None:
    """Print everything that is known of one window; ``champions`` are all of the pipeline, the newest first."""
    from airloop.overview.why_window import NOTHING_DECIDED, answer_to

    by = f", most answered by version {record.version}" if record.version else ""
    screen.print(f"[bold]{_span(record)}[/]: {record.rows:,} predictions{by}")
    for name, entry in (("drift", record.drift), ("performance", record.performance)):
        if entry is not None:
            _show_level(name, entry, screen)
    decision = record.decision
    if decision is None:
        screen.print(f"\n{NOTHING_DECIDED}.")
        return
    screen.print()
    screen.print(Text("decision", style="bold"), colour(str(decision.payload["action"])), "as of", when(decision.as_of))
    for reason in decision.payload["reasons"]:
        screen.print(f"· {reason}")
    screen.print(f"decided by run {decision.payload.get('run_id', '?')} at {when(decision.recorded_at)} UTC")
    if decision.payload["action"] == "RETRAIN":
        screen.print(answer_to(record, champions))
    screen.print(f"report: {decision.payload['report']}")


def _show_level(name: str, entry: Entry, screen: Console) -> None:
    screen.print()
    screen.print(Text(name, style="bold"), colour(str(entry.payload["level"])))
    for reason in entry.payload["reasons"]:
        screen.print(f"· {reason}")


def _span(record: Record) -> str:
    return f"{when(record.window.start)} to {when(record.window.end)}".replace(" 00:00", "")
