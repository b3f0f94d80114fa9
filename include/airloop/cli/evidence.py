"""The chain behind a release on the screen: what each link names, and whether it still holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from airloop.evidence import Link

STYLES = {"holds": "green", "gone": "yellow", "unknown": "yellow", "broken": "bold red"}


def show_chain(chain: Sequence[Link], screen: Console) -> None:
    """Print the chain, a line for each link and for each thing that is said of it."""
    screen.print()
    if not chain:
        screen.print("No signed statement is kept of this release: it was made before there were any.")
        return
    table = Table(title="Evidence", title_justify="left", title_style="bold", box=None, show_header=False)
    for column in ("link", "state", "what"):
        table.add_column(column, overflow="fold")
    for link in chain:
        table.add_row(link.name, Text(link.state, style=STYLES[link.state]), _what(link))
        for line in link.says:
            table.add_row("", "", Text(line, style="dim"))
        if link.problem:
            table.add_row("", "", Text(link.problem, style=STYLES[link.state]))
    screen.print(table)


def plain(chain: Sequence[Link]) -> list[dict[str, Any]]:
    """Return the chain for JSON."""
    return [asdict(link) for link in chain]


def _what(link: Link) -> str:
    is_digest = len(link.what) == 64 and " " not in link.what
    return link.what[:12] if is_digest else link.what
