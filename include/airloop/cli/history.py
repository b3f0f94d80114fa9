"""``history`` and ``explain``: what was live when, what was found in production, and why, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from airloop.cli import evidence, windows
from airloop.cli.arguments import AsJson, Name
from airloop.cli.pause import plain
from airloop.cli.screen import colour, console, emit, when
from airloop.errors import ReleaseRefused
from airloop.spec import find
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from airloop.ledger import Entry
    from airloop.release import Explanation, Row


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("history")(_history)
    app.command("explain")(_explain)


def _history(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, help="Newest lines to show.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was in production, what was judged and what was watched, the newest first."""
    from airloop import release
    from airloop.monitoring import records

    workspace = Workspace.from_environment()
    spec = find(name, workspace).spec
    rows = release.history(workspace, name)[:limit]
    verdicts = workspace.ledger.entries(name, "verdict", limit=limit)
    watched = records.records(workspace.ledger, name, limit)
    pause = workspace.ledger.paused(name)
    if as_json:
        production = [vars(row.champion) | {"until": row.until} for row in rows]
        judged = {"verdicts": [vars(entry) for entry in verdicts], "windows": [one.plain() for one in watched]}
        emit({"pipeline": name, "production": production, "pause": plain(pause), **judged})
        return
    screen = console()
    screen.print(_production(rows) if rows else f"{name} was never released")
    _show_pause(pause, screen)
    for difference in release.differences(workspace, name, release.target_of(workspace, spec)) if rows else ():
        screen.print(Text(f"! {difference}", style="yellow"))
    if verdicts:
        screen.print()
        screen.print(_judged(verdicts))
    if watched:
        screen.print()
        screen.print(windows.table_of(watched))


def _explain(
    name: Name,
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="[VERSION|'#GENERATION'|WINDOW]",
            help="Default: what is live now. A window is named by an instant within it, or by both ends: START/END.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a version is, or was, in production, or why it is not; or what was found in a window, and decided."""
    from airloop import release
    from airloop.monitoring import records
    from airloop.overview import facts

    workspace = Workspace.from_environment()
    find(name, workspace)
    watched = records.record_of(workspace.ledger, name, version) if version and "-" in version else None
    if watched is not None:
        if as_json:
            emit({"window": watched.plain()})
        else:
            windows.show(watched, workspace.ledger.champions(name), console())
        return
    pause = workspace.ledger.paused(name)
    try:
        explanation = release.explain(workspace, name, version)
    except ReleaseRefused:
        verdicts = facts.verdicts_on(workspace.ledger, name, version)
        if not verdicts:
            raise
        _never_live(name, verdicts, pause, as_json)
        return
    if as_json:
        champion = vars(explanation.champion)
        entries = [vars(entry) for entry in explanation.entries]
        found = {"statement": explanation.statement, "chain": evidence.plain(explanation.chain), "pause": plain(pause)}
        emit({"champion": champion, "lineage": explanation.lineage, "entries": entries} | found)
        return
    screen = console()
    _show_pause(pause, screen)
    _show(explanation, screen)


def _show_pause(pause: Entry | None, screen: Console) -> None:
    from airloop.ledger import pausing

    if pause is not None:
        screen.print(Text(f"! {pausing.refusal(pause)}", style="yellow"))


def _never_live(name: str, verdicts: Sequence[Entry], pause: Entry | None, as_json: bool) -> None:
    if as_json:
        entries = [vars(entry) for entry in verdicts]
        emit({"champion": None, "lineage": {}, "entries": entries, "pause": plain(pause)})
        return
    screen = console()
    for entry in verdicts:
        screen.print(f"[bold]{name}[/] version {entry.payload.get('version', '?')} was never live.")
        _show_entry(entry, screen)
    _show_pause(pause, screen)


def _production(rows: Sequence[Row]) -> Table:
    table = _table("In production", "generation", "target", "version", "from", "until", "data up to", "how", "why")
    for row in rows:
        champion = row.champion
        table.add_row(
            f"#{champion.generation}",
            champion.target,
            champion.version,
            when(champion.recorded_at),
            Text("live", style="bold green") if row.is_live else when(row.until),
            when(champion.data_cut_off),
            champion.kind.replace("_", " ") + (f" by {champion.by}" if champion.by else ""),
            "; ".join(champion.reasons),
        )
    return table


def _judged(verdicts: Sequence[Entry]) -> Table:
    table = _table("Judged", "version", "as of", "verdict", "against", "why")
    for entry in verdicts:
        payload = entry.payload
        table.add_row(
            str(payload.get("version", "")),
            when(entry.as_of),
            colour(str(payload.get("outcome", ""))),
            str(payload.get("champion_version") or "no champion"),
            "; ".join(_reasons(payload)),
        )
    return table


def _show(explanation: Explanation, screen: Console) -> None:
    champion = explanation.champion
    span = "is live" if explanation.until is None else f"was live until {when(explanation.until)}"
    screen.print(f"[bold]{champion.pipeline}[/] version [bold]{champion.version}[/] {span} on {champion.target}.")
    how = "A roll back" if champion.kind == "roll_back" else "A release"
    by = f" by {champion.by}" if champion.by else ""
    screen.print(f"{how}{by} made it generation #{champion.generation} at {when(champion.recorded_at)} UTC.")
    screen.print(f"It learned from data up to {when(champion.data_cut_off)} UTC.")
    if explanation.previous is not None:
        screen.print(f"It followed version {explanation.previous.version} (#{explanation.previous.generation}).")
    for reason in champion.reasons:
        screen.print(f"· {reason}")
    for entry in explanation.entries:
        _show_entry(entry, screen)
    if explanation.problem:
        screen.print(Text(f"Its bundle cannot be read: {explanation.problem}", style="red"))
    made_from = Table(title="Made from", title_justify="left", box=None, show_header=False, title_style="bold")
    for what, digest in sorted(explanation.lineage.items()):
        made_from.add_row(what, digest)
    screen.print(made_from)
    evidence.show_chain(explanation.chain, screen)


def _show_entry(entry: Entry, screen: Console) -> None:
    payload = entry.payload
    outcome = payload.get("outcome", {True: "passed", False: "failed"}.get(payload.get("passed", "")))
    screen.print()
    screen.print(Text(entry.kind.replace("_", " "), style="bold"), colour(str(outcome or "")), when(entry.recorded_at))
    for reason in _reasons(payload):
        screen.print(f"· {reason}")
    if payload.get("report"):
        screen.print(f"report: {payload['report']}")


def _reasons(payload: Mapping[str, Any]) -> list[str]:
    return [str(reason) for reason in payload.get("reasons", ())]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
