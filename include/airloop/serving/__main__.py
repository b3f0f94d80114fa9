"""``python -m airloop.serving``: the server alone, without the command line's other imports."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from airloop.errors import AirloopError
from airloop.serving import run
from airloop.serving.placing import SHADOW_VARIABLE


def main() -> int:
    """Serve until stopped; 1 with the reason on standard error when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m airloop.serving", description="Serve models over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8800)
    parser.add_argument("--descriptor", type=int, help="a listening socket inherited from the parent process")
    parser.add_argument("--until-closed", type=int, metavar="FD", help="stop when the other end of this pipe closes")
    parser.add_argument("--bundle", type=Path, metavar="FOLDER", help="serve this one bundle and nothing else")
    parser.add_argument("--digest", help="what the bytes of --bundle must be")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="listen on a Unix socket instead of a port")
    told = os.environ.get(SHADOW_VARIABLE) or None
    parser.add_argument("--shadow-port", type=int, default=told, help="where copies come, that are answered to nobody")
    parser.add_argument("--no-log", action="store_true", help="keep no prediction log")
    parser.add_argument("--no-recall", action="store_true", help="start empty instead of asking the ledger")
    given = parser.parse_args()
    if (given.bundle is None) != (given.digest is None):
        parser.error("--bundle and --digest belong together")
    only = (given.bundle, given.digest) if given.bundle else None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if given.until_closed is not None:
        threading.Thread(target=_stop_when_closed, args=[given.until_closed], daemon=True).start()
    try:
        run(
            given.host,
            given.port,
            logs=not given.no_log,
            recalls=not given.no_recall,
            descriptor=given.descriptor,
            path=given.socket,
            only=only,
            shadow_port=given.shadow_port,
        )
    except AirloopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _stop_when_closed(descriptor: int) -> None:
    """Wait until whoever started this server is gone; a server that is then too busy to stop is ended."""
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
