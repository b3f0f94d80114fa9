"""A Dask scheduler of a training's own. It starts no workers, carries rows and calls, and notices who is gone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airloop.trainers.distributed_process import SETTINGS, security
from airloop.trainers.distributed_workers import Joining

if TYPE_CHECKING:
    from distributed import Client, Scheduler


@contextmanager
def scheduler_at(host: str) -> Iterator[tuple[Client, Scheduler, Joining]]:
    """Give a scheduler of our own at ``host``, with a key that nobody else has."""
    import dask
    from distributed import Client, Scheduler, Security, SpecCluster

    made = Security.temporary()
    cert, key = made.tls_worker_cert, made.tls_worker_key
    ours = security(cert, key)
    options = {"host": host, "port": 0, "protocol": "tls", "security": ours, "dashboard": False}
    scheduler = {"cls": Scheduler, "options": options | {"dashboard_address": f"{host}:0"}}
    with (
        dask.config.set(SETTINGS),
        _quiet(),
        SpecCluster(workers={}, scheduler=scheduler, security=ours) as cluster,
        Client(cluster, security=ours, set_as_default=False) as client,
    ):
        yield client, cluster.scheduler, Joining(cluster.scheduler_address, cert, key)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own log out of the training's, which tells the same in its own words."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
