"""Who may change a pipeline on a target now.

A lease ends when its time is over, or at once when its owner was a process of this machine that is gone.
It keeps two rollouts from pulling at one target; it is not what makes releases safe: that is ``promote``.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from airloop.errors import LostRace
from airloop.ledger.rows import Lease
from airloop.ledger.tables import leases


def take(
    connection: sa.Connection, pipeline: str, target: str, run_id: str, *, seconds: float, seize: bool = False
) -> Lease:
    """Give the lease to ``run_id`` when it is free, over, or the run's own. Raises LostRace naming the holder."""
    key = _key(pipeline, target)
    # Postgres needs the row locked, SQLite has the whole file locked already and ignores the request.
    held = connection.execute(sa.select(leases).where(key).with_for_update()).one_or_none()
    now = datetime.now(UTC)
    if held is not None and not (seize or held.run_id == run_id or held.expires_at <= now or _is_gone(held.owner)):
        raise LostRace(f"{pipeline} on {target}: run {held.run_id!r} is releasing (process: {held.owner})")
    token = 1 if held is None else held.token + 1
    values = {"run_id": run_id, "token": token, "owner": _me(), "expires_at": now + timedelta(seconds=seconds)}
    if held is not None:
        connection.execute(leases.update().where(key).values(values))
    else:
        try:
            connection.execute(leases.insert().values(pipeline=pipeline, target=target, **values))
        except sa.exc.IntegrityError:
            raise LostRace(f"{pipeline} on {target}: another run began to release at the same moment") from None
    return Lease(pipeline, target, run_id, token)


def holder(connection: sa.Connection, pipeline: str, target: str) -> str:
    """Return the run that has the lease, "" where it is free or over."""
    held = connection.execute(sa.select(leases).where(_key(pipeline, target))).one_or_none()
    if held is None or held.expires_at <= datetime.now(UTC) or _is_gone(held.owner):
        return ""
    return str(held.run_id)


def renew(connection: sa.Connection, lease: Lease, *, seconds: float) -> None:
    """Move the end of the lease to ``seconds`` from now. Raises LostRace when another holder has it."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    if not connection.execute(leases.update().where(_mine(lease)).values(expires_at=until)).rowcount:
        key = _key(lease.pipeline, lease.target)
        holder = connection.scalar(sa.select(leases.c.run_id).where(key))
        raise LostRace(f"{lease.pipeline} on {lease.target}: run {holder!r} took over from run {lease.run_id!r}")


def give_back(connection: sa.Connection, lease: Lease) -> None:
    """Let the lease be over now; the row stays, so that tokens keep rising."""
    connection.execute(leases.update().where(_mine(lease)).values(expires_at=datetime.now(UTC)))


def _key(pipeline: str, target: str) -> sa.ColumnElement[bool]:
    return sa.and_(leases.c.pipeline == pipeline, leases.c.target == target)


def _mine(lease: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(_key(lease.pipeline, lease.target), leases.c.token == lease.token)


def _me() -> str:
    return f"{socket.gethostname()} pid {os.getpid()} started {_started(os.getpid())}"


def _is_gone(owner: str) -> bool:
    host, _, process = owner.partition(" pid ")
    pid, _, started = process.partition(" started ")
    if host != socket.gethostname() or not pid.isdecimal() or not Path("/proc/self").exists():
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Return when a process began (clock ticks since boot), empty where it is gone or the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
