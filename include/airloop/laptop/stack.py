"""``make up`` and ``make down``, as a person sees them in a terminal."""

from __future__ import annotations

import time

from rich.console import Console

from airloop.laptop import control
from airloop.laptop.control import Stack
from airloop.workspace import Workspace

out = Console(stderr=True, highlight=False, soft_wrap=True)


def up() -> None:
    """Start the stack, or find it running, and say where it is."""
    started = time.monotonic()
    running = control.up(report=say)
    if running.was_running:
        say("already running")
    else:
        say(f"up after {time.monotonic() - started:.0f} s")
    tell_where(running)
    out.print("  [dim]stop it with[/] make down")


def down() -> None:
    """Stop the stack."""
    was_running = control.down(Workspace.from_environment().home)
    say("stopped" if was_running else "nothing was running")


def say(what: str) -> None:
    """Print one line of progress."""
    out.print(f"[dim]·[/] {what}")


def tell_where(running: Stack) -> None:
    """Print the addresses and the login."""
    url = running.shown_airflow or running.airflow_url
    out.print(f"  Airflow       {url}   login [b]{running.user}[/] / [b]{running.password}[/]")
    out.print(f"  model server  {running.server_url}")
