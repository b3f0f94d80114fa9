"""The ledger for those who only look, such as pages: it changes nothing, and nobody waits long for it."""

from __future__ import annotations

import sqlalchemy as sa

from airloop.errors import Unreachable
from airloop.ledger import database, migrate
from airloop.ledger.ledger import Ledger
from airloop.ledger.tables import REVISION


class Onlooker(Ledger):
    """The ledger at ``url``, which is neither made nor migrated; where nobody has made it, it reads as empty.

    It waits ``wait_s`` seconds for a connection, or for a lock. Every method raises Unreachable when the database does
    not answer in that time, may not be changed, or has tables of an older Airloop, and LedgerError when a newer one has
    migrated it.
    """

    def __init__(self, url: str, wait_s: float = database.LOOK_TIMEOUT_S) -> None:
        super().__init__(url)
        self._wait_s = wait_s

    @property
    def _engine(self) -> sa.Engine:
        with self._lock:
            if self._ready is not None:
                return self._ready
            plain = database.engine_for(self.url)
            file = database.sqlite_file(plain)
            engine = database.onlooking(plain, self._wait_s)
            if (file is not None and not file.exists()) or _version(engine) is None:
                return database.empty_engine()
            self._ready = engine
            return engine


def _version(engine: sa.Engine) -> str | None:
    """Return the tables' version, None where there are none. Raises Unreachable for tables of an older Airloop."""
    with database.reading(engine) as connection:
        found = migrate.version_of(connection)
    if found not in (None, REVISION):
        raise Unreachable(
            f"ledger {engine.url.render_as_string(hide_password=True)}: its tables are being brought up to date "
            f"({found} → {REVISION}) by whoever changes it next: retry. The champion keeps serving."
        )
    return found
