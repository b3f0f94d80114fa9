"""What the page of one pipeline asks for, section by section, so that a broken one spoils no other.

Airflow's right to read ``NAME.train`` comes first, then whether there is such a pipeline.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query
from fastapi.responses import Response

from airloop_airflow.ui import access, airflow_facts
from airloop_airflow.ui.access import Seen
from airloop_airflow.ui.answers import answer
from airloop_airflow.ui.asking import Home, Word, watching, with_airflow

router = APIRouter(prefix="/api/pipelines/{name}")


@router.get("")
def pipeline(name: Seen, home: Home, user: GetUserDep) -> Response:
    """Return the head of a pipeline's page, with what the user may do."""
    from airloop.overview.describe import pipeline as describe

    found = describe(home, name, datetime.now(UTC))
    row = with_airflow(found.row, airflow_facts.look([name]))
    return answer(msgspec.structs.replace(found, row=row, rights=access.rights(user, name)))


@router.get("/time-line")
def time_line(name: Seen, home: Home, limit: Annotated[int, Query(ge=1, le=5000)] = 500) -> Response:
    """Return what happened to a pipeline."""
    from airloop.overview.time_line import time_line as told

    return answer(told(home, name, limit=limit))


@router.get("/leaderboard")
def leaderboard(name: Seen, home: Home, metric: Word = "") -> Response:
    """Return every version that was judged."""
    from airloop.overview.leaderboard import leaderboard as ranked

    return answer(ranked(home, name, metric))


@router.get("/candidate")
def candidate(name: Seen, home: Home, version: Word = "", run: Word = "") -> Response:
    """Return the last candidate, the one that is named, or that of a run; null where nothing was ever judged."""
    from airloop.overview.candidate import candidate as judged

    return answer(judged(home, name, version, run))


@router.get("/rollout")
def rollout(name: Seen, home: Home) -> Response:
    """Return the rollout as a ladder, with live numbers; null where nothing was ever rolled out."""
    from airloop.overview.ladder import ladder

    seen = watching().look(home, [name])
    return answer(ladder(home, name, seen[0] if seen else None))


@router.get("/validations")
def validations(name: Seen, home: Home) -> Response:
    """Return the validations of a pipeline's snapshots."""
    from airloop.overview.validations import validations as checked

    return answer(checked(home, name))


@router.get("/backtests")
def backtests(name: Seen, home: Home) -> Response:
    """Return a pipeline's walk-forward backtests."""
    from airloop.overview.backtests import backtests as walked

    return answer(walked(home, name))


@router.get("/lineage")
def lineage(name: Seen, home: Home, version: Word) -> Response:
    """Return what a version was made from."""
    from airloop.overview.lineage import lineage as made

    return answer(made(home, name, version))


@router.get("/why")
def why(
    name: Seen,
    home: Home,
    version: Word = "",
    generation: Annotated[int, Query(ge=0)] = 0,
    target: Word = "",
    window: Word = "",
    run: Word = "",
    task: Word = "",
) -> Response:
    """Return one answer in plain words: about a version, a release, a window, a run or a task."""
    from airloop.overview.why import why as because

    asked = {"version": version, "target": target, "window": window, "run": run, "task": task}
    return answer(because(home, name, generation=generation, **asked))


@router.get("/going-back")
def going_back(name: Seen, home: Home, to: Word = "") -> Response:
    """Return what a roll back would change."""
    from airloop.overview.going_back import going_back as back

    return answer(back(home, name, to))
