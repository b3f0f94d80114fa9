"""The questions put to the ledger about many pipelines at once: as many statements for one as for hundreds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airloop.ledger import Champion, Entry
from airloop.ledger.tables import Instant, champions, entries

LAST = ("verdict", "drift", "performance", "decision")
"""Kinds whose newest entry is shown."""
_dated = entries.alias("dated")
_LONG_AGO = sa.literal(datetime(1970, 1, 1, tzinfo=UTC), Instant)


def live(connection: sa.Connection) -> list[tuple[Champion, datetime]]:
    """Return what is live on each target, with the instant at which that release first went live."""
    return recent(connection, None, 1)


def recent(
    connection: sa.Connection, pipelines: Collection[str] | None, generations: int
) -> list[tuple[Champion, datetime]]:
    """Return the last ``generations`` on each target, the newest first, each with the instant at which that release
    first went live; of ``pipelines`` (None: all).
    """
    first, latest = champions.alias(), _latest(pipelines)
    released_as = sa.func.coalesce(champions.c.restores, champions.c.generation)
    is_first = sa.and_(
        first.c.pipeline == champions.c.pipeline,
        first.c.target == champions.c.target,
        first.c.generation == released_as,
    )
    is_recent = champions.c.generation > latest.c.generation - generations
    query = (
        sa.select(champions, first.c.recorded_at.label("first_live"))
        .join(latest, sa.and_(_same_place(latest), is_recent))
        .join(first, is_first)
        .order_by(champions.c.pipeline, champions.c.target, champions.c.generation.desc())
    )
    return [(Champion.of(row._mapping), row.first_live) for row in connection.execute(query)]


def last(connection: sa.Connection, pipelines: Collection[str]) -> dict[str, dict[str, Entry]]:
    """Return for each pipeline the entry with the newest ``as_of`` of each kind in LAST, where there is one."""
    asked = _listed(pipelines, "asked")
    newest_of = (sa.select(_nth(asked.c.key, kind, 1, _dated.c.id).label("id")).select_from(asked) for kind in LAST)
    ids = sa.union_all(*newest_of).subquery()
    found: dict[str, dict[str, Entry]] = {name: {} for name in pipelines}
    for row in connection.execute(sa.select(entries).join(ids, entries.c.id == ids.c.id)):
        found[row.pipeline][row.kind] = Entry(*row)
    return found


def newest(
    connection: sa.Connection, pipelines: Collection[str], kind: str, limit: int, **said: type[Any]
) -> list[sa.Row[Any]]:
    """Return ``pipeline``, ``subject`` and what is asked for in ``said`` (key of the payload → type) of the ``limit``
    entries of a kind with the newest ``as_of`` for each pipeline, the oldest first; more where several are as new.
    """
    asked = _listed(pipelines, "asked")
    oldest = sa.func.coalesce(_nth(asked.c.key, kind, limit, _dated.c.as_of), _LONG_AGO)
    since = sa.select(asked.c.key.label("pipeline"), oldest.label("as_of")).cte("since")
    query = (
        sa.select(entries.c.pipeline, entries.c.subject, *(_said(key, kind_) for key, kind_ in said.items()))
        .join(since, sa.and_(entries.c.pipeline == since.c.pipeline, entries.c.as_of >= since.c.as_of))
        .where(entries.c.kind == kind)
    )
    return list(connection.execute(query.order_by(entries.c.pipeline, entries.c.as_of, entries.c.id)))


def unanswered(connection: sa.Connection, pipelines: Collection[str]) -> dict[str, str]:
    """Return the pipelines whose newest decision to retrain no run answers, each with the window that it is about.

    One that the live version has overtaken, because it has learned from data as new as that, needs no answer.
    """
    asked, decision, claim = _listed(pipelines, "asked"), entries.alias("decision"), entries.alias("claim")
    latest = _latest(pipelines)
    until = (
        sa.select(champions.c.pipeline, sa.func.max(champions.c.data_cut_off).label("at"))
        .join(latest, sa.and_(_same_place(latest), champions.c.generation == latest.c.generation))
        .group_by(champions.c.pipeline)
        .cte("until")
    )
    answered = sa.exists().where(
        claim.c.pipeline == decision.c.pipeline, claim.c.kind == "retraining", claim.c.subject == decision.c.subject
    )
    learned = sa.select(until.c.at).where(until.c.pipeline == asked.c.key).scalar_subquery()
    since = sa.select(asked.c.key.label("pipeline"), sa.func.coalesce(learned, _LONG_AGO).label("at")).cte("since")
    query = (
        sa.select(decision.c.pipeline, decision.c.subject, answered.label("is_answered"))
        .join(since, sa.and_(decision.c.pipeline == since.c.pipeline, decision.c.as_of > since.c.at))
        .where(decision.c.kind == "decision", decision.c.payload["action"].as_string() == "RETRAIN")
        .order_by(decision.c.as_of, decision.c.id)
    )
    newest = {row.pipeline: row for row in connection.execute(query)}
    return {name: row.subject for name, row in newest.items() if not row.is_answered}


def since_verdict(
    connection: sa.Connection, pipelines: Collection[str], kinds: Collection[str]
) -> dict[str, list[Entry]]:
    """Return the entries of ``kinds`` that came after each pipeline's newest verdict, the oldest first."""
    asked = _listed(pipelines, "asked")
    verdict = _nth(asked.c.key, "verdict", 1, _dated.c.id).label("id")
    since = sa.select(asked.c.key.label("pipeline"), verdict).cte("since")
    query = (
        sa.select(entries)
        .join(since, sa.and_(entries.c.pipeline == since.c.pipeline, entries.c.id > since.c.id))
        .where(entries.c.kind.in_(kinds))
        .order_by(entries.c.id)
    )
    found: dict[str, list[Entry]] = {}
    for row in connection.execute(query):
        found.setdefault(row.pipeline, []).append(Entry(*row))
    return found


def pauses(connection: sa.Connection, pipelines: Collection[str]) -> dict[str, Entry]:
    """Return the pause of each pipeline whose releases are paused."""
    last_word = (
        sa.select(sa.func.max(entries.c.id))
        .where(entries.c.kind == "pause", entries.c.pipeline.in_(pipelines))
        .group_by(entries.c.pipeline)
    )
    found = (Entry(**row._mapping) for row in connection.execute(sa.select(entries).where(entries.c.id.in_(last_word))))
    return {entry.pipeline: entry for entry in found if entry.payload["is_paused"]}


def _listed(words: Collection[str], name: str) -> sa.TableValuedAlias:
    """Return ``words`` as the column ``key`` of a table: one parameter, however many they are."""
    given = sa.bindparam(name, dict.fromkeys(words, 0), type_=sa.JSON, unique=True)
    return sa.func.json_each(given).table_valued("key", name=name)


def _latest(pipelines: Collection[str] | None) -> sa.Subquery:
    """Return the highest generation of each of ``pipelines`` (None: all) on each target."""
    highest = sa.func.max(champions.c.generation).label("generation")
    query = sa.select(champions.c.pipeline, champions.c.target, highest)
    if pipelines is not None:
        query = query.where(champions.c.pipeline.in_(sa.select(_listed(pipelines, "some").c.key)))
    return query.group_by(champions.c.pipeline, champions.c.target).subquery()


def _same_place(latest: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(champions.c.pipeline == latest.c.pipeline, champions.c.target == latest.c.target)


def _nth(pipeline: Any, kind: Any, number: int, wanted: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """Return ``wanted`` of the entry with the newest ``as_of`` but ``number - 1``; NULL where there are fewer."""
    of_kind = sa.and_(_dated.c.pipeline == pipeline, _dated.c.kind == kind, _dated.c.as_of.is_not(None))
    newest_first = sa.select(wanted).where(of_kind).order_by(_dated.c.as_of.desc(), _dated.c.id.desc())
    return newest_first.limit(1).offset(number - 1).scalar_subquery()


def _said(key: str, kind: type[Any]) -> sa.Label[Any]:
    value = entries.c.payload[key]
    typed = value.as_float() if kind is float else value.as_string()
    return sa.label(key, typed)
