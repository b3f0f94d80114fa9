"""The command line: ``python -m airloop``. Results are JSON on stdout, everything for people is on stderr.

An error that Airloop raises on purpose is one message and exit code 2, never a traceback.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from airloop.cli import (
    backtest,
    history,
    images,
    laptop,
    leaderboard,
    metrics,
    monitor,
    pause,
    pipelines,
    replay,
    run,
    steps,
)
from airloop.cli.screen import complain, log_to_stderr
from airloop.errors import AirloopError
from airloop.steps import elsewhere

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _airloop(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False) -> None:
    """Take a model from data to production and back."""
    log_to_stderr(logging.DEBUG if verbose else logging.INFO)


for _room in (pipelines, run, pause, monitor, history, leaderboard, replay, backtest, laptop, metrics, images, steps):
    _room.add_to(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, or 2 for what a person can put right."""
    elsewhere.take_settings(os.environ)
    try:
        app(list(sys.argv[1:] if arguments is None else arguments), prog_name="python -m airloop")
    except AirloopError as error:
        complain(error)
        raise SystemExit(2) from None
