"""A worker's process: ``python -m airloop.trainers.distributed_process [FILE]``.

``FILE``, or the first line of the standard input, is JSON: ``scheduler`` (address), ``name``, ``host`` (address that it
listens at), ``cert`` and ``key`` (PEM, of all who take part). In a pod ``name`` and ``host`` are its ``AIRLOOP_WORKER``
and ``AIRLOOP_POD_IP``. Without ``FILE`` the process ends when the input does, which the kernel sees to even if whoever
started it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Security

START_S = 60
"""Longest wait for the scheduler."""
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # A task whose worker died fails at once; the training decides what then happens.
    "distributed.scheduler.allowed-failures": 0,
    # Rounds hold no lock of Python's, but loading many trees does for a while.
    "distributed.scheduler.worker-ttl": "10 minutes",
    "distributed.admin.tick.limit": "1 minute",
}
"""Of Dask: no pages, and nothing tried again behind our back."""


def security(cert: str, key: str) -> Security:
    """Return Dask's settings for encrypted connections among those that have ``cert`` and ``key`` (PEM), alone."""
    from distributed import Security

    roles = ("client", "scheduler", "worker")
    pairs = {f"tls_{role}_cert": cert for role in roles} | {f"tls_{role}_key": key for role in roles}
    return Security(require_encryption=True, tls_ca_file=cert, **pairs)


async def serve(given: dict[str, Any], folder: str) -> None:
    """Work for the scheduler until it lets go; everything that is written is in ``folder``."""
    import dask
    from distributed import Worker

    tempfile.tempdir = folder
    with dask.config.set(SETTINGS):
        async with Worker(
            given["scheduler"],
            name=given["name"],
            host=given["host"],
            nthreads=1,
            memory_limit=0,
            dashboard_address=f"{given['host']}:0",
            local_directory=folder,
            security=security(given["cert"], given["key"]),
            death_timeout=START_S,
        ) as worker:
            await worker.finished()


def _end_with(stream: int, folder: str) -> None:
    while os.read(stream, 1024):
        continue
    # Whoever would have removed it was killed.
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def main() -> None:
    own = {"name": os.environ.get("AIRLOOP_WORKER"), "host": os.environ.get("AIRLOOP_POD_IP")}
    with tempfile.TemporaryDirectory(prefix="airloop-worker-", ignore_cleanup_errors=True) as folder:
        if len(sys.argv) > 1:
            text = Path(sys.argv[1]).read_text(encoding="utf-8")
        else:
            text = sys.stdin.readline()
            threading.Thread(target=_end_with, args=(sys.stdin.fileno(), folder), daemon=True).start()
        asyncio.run(serve(own | json.loads(text), folder))


if __name__ == "__main__":
    main()
