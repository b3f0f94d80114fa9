"""Rows by SQL, through a connection that Airflow or the environment knows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airloop.data.sources import Listing, Span
from airloop.data.sources.urls import sqlalchemy_url
from airloop.data.windows import Interval
from airloop.errors import DataError, Unreachable

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, TextClause

    from airloop.data.raw import Raw


class Query:
    """A query, run once per partition with ``:start``, ``:end`` and ``:as_of`` bound (UTC)."""

    def __init__(self, file: Path, conn_id: str, connection: Callable[[str], str]) -> None:
        self.file = file
        self.conn_id = conn_id
        self._connection = connection
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def spans(self, intervals: Sequence[Interval]) -> Iterator[Span]:
        """Yield one span per interval."""
        for interval in intervals:
            yield Span(interval, (interval,), f"{self.file.name} over {interval}")

    def list(self, span: Span) -> Listing:
        """Return the query's file; whether its rows changed can only be told by asking for them."""
        return Listing((self.file.name,), None)

    def read(self, span: Span, listing: Listing, as_of: datetime) -> Iterator[Raw]:
        """Yield the query's rows. Raises DataError for wrong SQL and Unreachable when the database does not answer."""
        from sqlalchemy import exc

        from airloop.data import raw

        bounds = {"start": span.covers.start, "end": span.covers.end, "as_of": as_of}
        try:
            with self._open().connect() as connection:
                result = connection.execute(self._statement(bounds), self._values(bounds, connection))
                names, rows = list(result.keys()), result.fetchall()
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
            raise self._failure(error) from error
        except exc.SQLAlchemyError as error:
            raise DataError(f"{self.file.name}: {_first_line(error)}") from error
        if rows:
            yield raw.of_rows(self.file.name, names, rows)

    def nearest(self, instant: datetime) -> datetime | None:
        """Return None: a query tells nothing about rows it was not asked for."""
        return None

    def close(self) -> None:
        """End the connections to the database."""
        if self._engine is not None:
            self._engine.dispose()

    def _open(self) -> Engine:
        # Partitions are read by several threads; they share one pool of connections.
        with self._lock:
            if self._engine is None:
                self._engine = self._make_engine()
            return self._engine

    def _make_engine(self) -> Engine:
        from sqlalchemy import create_engine, exc

        url = sqlalchemy_url(self._connection(self.conn_id), self.conn_id)
        try:
            return create_engine(url, pool_pre_ping=True)
        except exc.NoSuchModuleError as error:
            raise DataError(f"connection {self.conn_id!r}: no SQLAlchemy dialect for {url.drivername!r}") from error
        except ModuleNotFoundError as error:
            raise DataError(
                f"connection {self.conn_id!r}: {url.drivername} needs the package {error.name!r}; install it"
            ) from error

    def _statement(self, bounds: dict[str, datetime | None]) -> TextClause:
        from sqlalchemy import DateTime, bindparam, text

        statement = text(self.file.read_text(encoding="utf-8"))
        named = statement.compile().params
        unknown = sorted(set(named) - set(bounds))
        if unknown:
            raise DataError(f"{self.file.name}: unknown parameters {unknown}. Known: as_of, end, start.")
        return statement.bindparams(*(bindparam(name, type_=DateTime(timezone=True)) for name in named))

    def _values(self, bounds: dict[str, datetime | None], connection: Connection) -> dict[str, datetime | None]:
        # Only Postgres compares instants; the others compare clocks, which UTC without an offset is.
        zoned = connection.dialect.name == "postgresql"
        return {name: value if zoned or value is None else value.replace(tzinfo=None) for name, value in bounds.items()}

    def _failure(self, error: Exception) -> DataError | Unreachable:
        """Tell wrong SQL from a database that does not answer; SQLite reports both as one class."""
        if getattr(getattr(error, "orig", None), "sqlite_errorname", "") == "SQLITE_ERROR":
            return DataError(f"{self.file.name} on connection {self.conn_id!r}: {_first_line(error)}")
        return Unreachable(
            f"connection {self.conn_id!r}: {_first_line(error)}. Check that the database is up, then retry"
        )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
