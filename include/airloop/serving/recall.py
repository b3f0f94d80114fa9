"""``python -m airloop.serving.recall LEDGER``: what the ledger says is live, as JSON on standard output.

A process of its own: the server asks once at its start and never loads a database library. The exit code is 1, with the
reason on standard error, when the ledger does not answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path

import msgspec

from airloop.errors import AirloopError, Unreachable
from airloop.serving.slot import Wanted

log = logging.getLogger(__name__)

TARGET = "local"
MOST_S = 60.0


async def champions(ledger_url: str) -> dict[str, Wanted]:
    """Return the champion of every pipeline on the local target. Raises Unreachable."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airloop.serving.recall"),
        env={**os.environ, "AIRLOOP_LEDGER": ledger_url},  # not an argument: a URL may hold a password
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, said = await asyncio.wait_for(process.communicate(), MOST_S)
    except TimeoutError:
        process.kill()
        raise Unreachable(f"the ledger did not answer within {MOST_S:g} s") from None
    if process.returncode:
        raise Unreachable((said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1])
    return msgspec.json.decode(told, type=dict[str, Wanted])


def read(ledger_url: str) -> dict[str, dict[str, str]]:
    """Return pipeline → bundle and version of its champion. Raises Unreachable, also where there is no ledger yet."""
    from airloop.ledger import Ledger

    path = ledger_url.removeprefix("sqlite:///")
    if path != ledger_url and not Path(path).exists():
        # A server never makes a ledger: an empty one would say that nothing is live.
        raise Unreachable(f"there is no ledger at {path}")
    ledger = Ledger(ledger_url)
    live = {name: ledger.live(name, TARGET) for name in ledger.pipelines(TARGET)}
    return {name: {"bundle": one.bundle, "version": one.version} for name, one in live.items() if one}


def main() -> int:
    """Print the champions."""
    try:
        sys.stdout.write(json.dumps(read(os.environ["AIRLOOP_LEDGER"])))
    except AirloopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
