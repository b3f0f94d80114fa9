"""The ledger itself: what was judged, what went live, and who may release now.

What is live is derived, never stored: the champion with the highest generation. A generation exists once (a unique
constraint), so putting a version live is a compare-and-swap: whoever inserts generation N + 1 first has released.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airloop import clock
from airloop.errors import LedgerError, LostRace
from airloop.ledger import database, leases, migrate, pausing, rules
from airloop.ledger.rows import Champion, Entry, Kind, Lease
from airloop.ledger.tables import champions, entries


class Ledger:
    """The ledger at one database ``url`` (SQLite or Postgres); opened, and migrated where needed, at first use.

    Every method raises Unreachable when the database does not answer and LedgerError when it cannot be read.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._ready: sa.Engine | None = None

    def live(self, pipeline: str, target: str) -> Champion | None:
        """Return the champion of a pipeline on a target, None before the first release."""
        with database.reading(self._engine) as connection:
            return _live(connection, pipeline, target)

    def previous(self, pipeline: str, target: str) -> Champion | None:
        """Return what was live before the release that is live now; roll backs count as what they put back."""
        history = self.champions(pipeline, target)
        if not history:
            return None
        return next((champion for champion in history if champion.generation == history[0].released_as - 1), None)

    def champions(self, pipeline: str, target: str | None = None) -> list[Champion]:
        """Return everything that ever went live, the newest first."""
        query = sa.select(champions).where(champions.c.pipeline == pipeline).order_by(champions.c.id.desc())
        if target is not None:
            query = query.where(champions.c.target == target)
        with database.reading(self._engine) as connection:
            return [Champion.of(row._mapping) for row in connection.execute(query)]

    def pipelines(self, target: str) -> list[str]:
        """Return the names of all pipelines that have a champion on ``target``, sorted."""
        query = sa.select(champions.c.pipeline).where(champions.c.target == target).distinct()
        with database.reading(self._engine) as connection:
            return sorted(connection.scalars(query))

    def promote(
        self,
        pipeline: str,
        target: str,
        *,
        bundle: str,
        version: str,
        data_cut_off: datetime,
        expected_generation: int,
        run_id: str,
        reasons: Iterable[str],
        kind: Kind = "release",
        by: str = "",
        restores: int | None = None,
        image: str = "",
    ) -> Champion:
        """Make ``bundle`` the champion if ``expected_generation`` (0: none) is still live; return the champion.

        Raises LostRace when it is not, ReleaseRefused by ``airloop.ledger.rules``, and while releases are paused.
        """
        wanted = Champion(
            pipeline=pipeline,
            target=target,
            generation=expected_generation + 1,
            bundle=bundle,
            version=version,
            data_cut_off=clock.in_utc(data_cut_off),
            kind=kind,
            run_id=run_id,
            by=by,
            reasons=tuple(reasons),
            restores=restores,
            recorded_at=datetime.now(UTC),
            image=image,
        )
        try:
            with database.writing(self._engine) as connection:
                pausing.wait_for_turn(connection, pipeline)
                history = _history(connection, pipeline, target)
                if history and history[0].bundle == bundle:
                    return history[0]
                rules.refuse_unless_allowed(wanted, history, pausing.standing(connection, pipeline))
                connection.execute(champions.insert().values(_values(wanted)))
        except sa.exc.IntegrityError as error:
            raise LostRace(f"{wanted.place}: another run released generation {wanted.generation} first") from error
        return wanted

    def refusal(
        self, pipeline: str, target: str, *, bundle: str, version: str, data_cut_off: datetime, run_id: str
    ) -> str:
        """Return why ``promote`` would refuse this release as things are now, empty when it would not."""
        with database.reading(self._engine) as connection:
            history, pause = _history(connection, pipeline, target), pausing.standing(connection, pipeline)
        return rules.refusal(history, pipeline, target, bundle, version, clock.in_utc(data_cut_off), run_id, pause)

    def pause(self, pipeline: str, *, by: str, reason: str) -> Entry:
        """Let no release of ``pipeline`` go live until somebody resumes them; return the pause that holds.

        Where releases are paused already, that is the one from before, so that all learn whose it is. Roll backs are
        allowed all the time. Raises LedgerError without a name or a reason.
        """
        with database.writing(self._engine) as connection:
            standing = pausing.change(connection, pipeline, is_paused=True, by=by, reason=reason)
        assert standing is not None  # noqa: S101
        return standing

    def resume(self, pipeline: str, *, by: str, reason: str = "") -> Entry | None:
        """Let releases go live again; return the entry that says so, None where they were not paused."""
        with database.writing(self._engine) as connection:
            return pausing.change(connection, pipeline, is_paused=False, by=by, reason=reason)

    def paused(self, pipeline: str) -> Entry | None:
        """Return the pause that holds (``by``, ``reason``), None where releases are not paused."""
        with database.reading(self._engine) as connection:
            return pausing.standing(connection, pipeline)

    def record(
        self,
        kind: str,
        pipeline: str,
        subject: str,
        payload: Mapping[str, Any],
        *,
        as_of: datetime | None = None,
        run_id: str = "",
    ) -> Entry:
        """Add an entry and return it, or the one with the same kind, pipeline, subject and run that is there already.

        So of several writers one wins, and all learn who. Raises LedgerError when ``payload`` is not JSON (NaN is not).
        """
        try:
            json.dumps(payload, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise LedgerError(f"{pipeline}: entry {kind!r} of {subject[:12]} is not JSON: {error}") from error
        values = {"kind": kind, "pipeline": pipeline, "subject": subject, "run_id": run_id, "payload": dict(payload)}
        try:
            with database.writing(self._engine) as connection:
                connection.execute(entries.insert().values(**values, as_of=as_of, recorded_at=datetime.now(UTC)))
        except sa.exc.IntegrityError:
            pass  # Another writer was first; what it wrote is read below.
        with database.reading(self._engine) as connection:
            return Entry(**connection.execute(sa.select(entries).where(_exactly(values))).one()._mapping)

    def entries(
        self,
        pipeline: str,
        kind: str | None = None,
        *,
        subject: str | None = None,
        run_id: str | None = None,
        limit: int = 100,
        **having: str,
    ) -> list[Entry]:
        """Return the newest ``limit`` entries, the newest first, of one kind, one subject or one run where given.

        ``having`` are texts that the payload must have, for example ``version="3"``.
        """
        query = sa.select(entries).where(entries.c.pipeline == pipeline)
        if kind is not None:
            query = query.where(entries.c.kind == kind)
        if subject is not None:
            query = query.where(entries.c.subject == subject)
        if run_id is not None:
            query = query.where(entries.c.run_id == run_id)
        query = query.where(*(entries.c.payload[key].as_string() == text for key, text in having.items()))
        with database.reading(self._engine) as connection:
            found = connection.execute(query.order_by(entries.c.id.desc()).limit(limit))
            return [Entry(**row._mapping) for row in found]

    def latest(
        self, pipeline: str, kind: str, *, until: datetime | None = None, limit: int = 100, **having: str
    ) -> list[Entry]:
        """Return the ``limit`` entries of ``kind`` with the newest ``as_of``, not after ``until``, the newest first.

        Unlike with ``entries`` it does not matter when they were recorded; those without an ``as_of`` are left out.
        ``having`` are texts that the payload must have, for example ``action="RETRAIN"``; also a ``run_id`` among
        them is the payload's, not the one under which the entry was recorded, which ``entries`` asks for.
        """
        query = sa.select(entries).where(entries.c.pipeline == pipeline, entries.c.kind == kind)
        query = query.where(entries.c.as_of.is_not(None))
        if until is not None:
            query = query.where(entries.c.as_of <= until)
        query = query.where(*(entries.c.payload[key].as_string() == text for key, text in having.items()))
        with database.reading(self._engine) as connection:
            found = connection.execute(query.order_by(entries.c.as_of.desc(), entries.c.id.desc()).limit(limit))
            return [Entry(**row._mapping) for row in found]

    def count_versions(self, pipeline: str, kinds: Iterable[str]) -> int:
        """Return how many versions the entries of these kinds are about; those that name none count as one."""
        version = sa.func.coalesce(entries.c.payload["version"].as_string(), "")
        query = sa.select(sa.func.count(version.distinct()))
        with database.reading(self._engine) as connection:
            asked = query.where(entries.c.pipeline == pipeline, entries.c.kind.in_(list(kinds)))
            return int(connection.scalar(asked) or 0)

    def entry(self, pipeline: str, kind: str, subject: str, *, run_id: str = "") -> Entry | None:
        """Return the one entry with this kind, subject and run, None where there is none."""
        values = {"kind": kind, "pipeline": pipeline, "subject": subject, "run_id": run_id}
        with database.reading(self._engine) as connection:
            found = connection.execute(sa.select(entries).where(_exactly(values))).one_or_none()
        return None if found is None else Entry(**found._mapping)

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection for one consistent look at ``ledger.tables`` by many questions."""
        return database.reading(self._engine)

    def take_lease(self, pipeline: str, target: str, run_id: str, *, seconds: float, seize: bool = False) -> Lease:
        """Return the right to change a pipeline on a target for ``seconds``; the run that has it gets it again.

        ``seize`` takes it from whoever has it. Raises LostRace naming the holder while that one is alive.
        """
        with database.writing(self._engine) as connection:
            return leases.take(connection, pipeline, target, run_id, seconds=seconds, seize=seize)

    def holder(self, pipeline: str, target: str) -> str:
        """Return which run is releasing, or rolling back, on a target now; "" where none is."""
        with database.reading(self._engine) as connection:
            return leases.holder(connection, pipeline, target)

    def renew_lease(self, lease: Lease, *, seconds: float) -> None:
        """Keep the lease for ``seconds`` from now. Raises LostRace when another holder has it."""
        with database.writing(self._engine) as connection:
            leases.renew(connection, lease, seconds=seconds)

    def give_lease_back(self, lease: Lease) -> None:
        """End the lease, unless another holder has it by now."""
        with database.writing(self._engine) as connection:
            leases.give_back(connection, lease)

    @property
    def _engine(self) -> sa.Engine:
        with self._lock:
            if self._ready is None:
                engine = database.engine_for(self.url)
                migrate.bring_up_to_date(engine)
                self._ready = engine
            return self._ready


def _exactly(values: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """Match the entry that ``values`` name: the unique constraint's columns."""
    return sa.and_(*(entries.c[name] == values[name] for name in ("pipeline", "kind", "subject", "run_id")))


def _live(connection: sa.Connection, pipeline: str, target: str) -> Champion | None:
    found = connection.execute(_of_target(pipeline, target).limit(1)).one_or_none()
    return None if found is None else Champion.of(found._mapping)


def _history(connection: sa.Connection, pipeline: str, target: str) -> list[Champion]:
    return [Champion.of(row._mapping) for row in connection.execute(_of_target(pipeline, target))]


def _of_target(pipeline: str, target: str) -> sa.Select[Any]:
    of_both = sa.and_(champions.c.pipeline == pipeline, champions.c.target == target)
    return sa.select(champions).where(of_both).order_by(champions.c.generation.desc())


def _values(champion: Champion) -> dict[str, Any]:
    return vars(champion) | {"reasons": list(champion.reasons)}
