"""What the table of models costs the server: ``PYTHONPATH=include:. python benchmarks/models_page.py [--rounds 7]``.

The ledger has two years of history of each pipeline, made up with the keys that the steps really write. Each round asks
once in each way, so that all of them meet the same machine; times are medians, and what counts is their ratio:

- ``table``: what the page does, ``models()`` and its JSON, descriptions known from the request before;
- ``unindexed``: the same on a copy of the ledger without the index of the newest entries;
- ``one by one``: each pipeline asked on its own, the same answer;
- ``everything``: all entries and champions read and decoded, as without any thought; nothing is made of them.

``--first`` also measures the first request of a process, which reads every description. ``first_paint.py`` measures
what a person waits for in a browser.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa
from tests.many_pipelines import write

from airloop.ledger import Ledger
from airloop.ledger.tables import champions, entries
from airloop.overview.described import descriptions
from airloop.overview.models import models, row
from airloop.workspace import Workspace

GZIP_LEVEL = 5
"""Airflow's API server's."""


@dataclass
class Way:
    """One way to answer, and what it took each time."""

    name: str
    answer: Callable[[], bytes]
    seconds: list[float]
    size: int = 0

    def run(self) -> None:
        """Answer once."""
        started = time.perf_counter()
        self.size = len(self.answer())
        self.seconds.append(time.perf_counter() - started)

    @property
    def median_ms(self) -> float:
        """The usual time."""
        return 1e3 * statistics.median(self.seconds)


def prepared(folder: Path, pipelines: int, weeks: int) -> Workspace:
    """Return a workspace in ``folder`` with that many pipelines and weeks of their history."""
    home = folder / "home"
    home.mkdir()
    write(folder / "pipelines", f"sqlite:///{home}/ledger.db", pipelines=pipelines, weeks=weeks)
    places = {"AIRLOOP_HOME": str(home), "AIRLOOP_PIPELINES": str(folder / "pipelines")}
    return Workspace.from_environment(places).onlooking()


def unindexed(workspace: Workspace, folder: Path) -> Workspace:
    """Return the same workspace with a ledger that has no index of the newest entries."""
    shutil.copy(workspace.home / "ledger.db", folder / "unindexed.db")
    ledger = Ledger(f"sqlite:///{folder}/unindexed.db")
    with ledger.reading() as connection:
        engine = connection.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP INDEX newest_entries")
        connection.exec_driver_sql("COMMIT")
    return replace(workspace, ledger_url=ledger.url)


def table(workspace: Workspace) -> bytes:
    """Return what the page is sent."""
    return msgspec.json.encode(models(workspace, None, datetime.now(UTC)))


def one_by_one(workspace: Workspace, names: list[str]) -> bytes:
    """Return the rows, each asked for on its own."""
    return msgspec.json.encode([row(workspace, name, datetime.now(UTC)) for name in names])


def everything(workspace: Workspace) -> bytes:
    """Read the whole ledger."""
    with workspace.ledger.reading() as connection:
        read = [connection.execute(sa.select(one)).all() for one in (entries, champions)]
    return b" " * sum(map(len, read))


def statements(workspace: Workspace, answer: Callable[[], bytes]) -> int:
    """Return how many statements an answer takes."""
    counted = []
    with workspace.ledger.reading() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    answer()
    return len(counted)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=300)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--first", action="store_true", help="also the first request, which reads every description")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        workspace = prepared(folder, given.pipelines, given.weeks)
        measure(workspace, folder, given.rounds, is_first=given.first)


def measure(workspace: Workspace, folder: Path, rounds: int, *, is_first: bool) -> None:
    """Ask in every way, round by round, and print what each took."""
    names = sorted(path.name for path in workspace.pipelines.iterdir())
    bare = unindexed(workspace, folder)
    ways = [
        Way("table", lambda: table(workspace), []),
        Way("unindexed", lambda: table(bare), []),
        Way("one by one", lambda: one_by_one(workspace, names), []),
        Way("everything", lambda: everything(workspace), []),
    ]
    size = (workspace.home / "ledger.db").stat().st_size
    print(f"{len(names)} pipelines, a ledger of {size / 1e6:.0f} MB")
    first = Way("first request", ways[0].answer, [])
    first.run()
    for _ in range(rounds):
        for way in ways:
            way.run()
    if is_first:
        descriptions.cache_clear()
        first.run()
    tell([*ways, first], statements(workspace, ways[0].answer), statements(workspace, ways[2].answer))
    sent = table(workspace)
    small = len(gzip.compress(sent, GZIP_LEVEL))
    print(f"sent: {len(sent):,} bytes, {small:,} by gzip: {small / len(names):.0f} a row")


def tell(ways: list[Way], in_table: int, one_by_one: int) -> None:
    """Print times as ratios to the table's, and numbers of statements."""
    counts = {"table": in_table, "unindexed": in_table, "one by one": one_by_one, "everything": 3}
    for way in ways:
        ratio = way.median_ms / ways[0].median_ms
        print(f"{way.name:>14} {way.median_ms:8.0f} ms  {ratio:6.1f} x  {counts.get(way.name, in_table):5} statements")


if __name__ == "__main__":
    main()
