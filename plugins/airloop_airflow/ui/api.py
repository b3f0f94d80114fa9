"""What the pages ask for about all pipelines: thin routes that see who asks, ask ``airloop.overview``, and answer.

Each is a plain function, so Starlette runs it in a thread of its pool.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from airloop.overview.shapes import Person
from airloop_airflow.ui import airflow_facts
from airloop_airflow.ui.answers import answer
from airloop_airflow.ui.asking import Word, known, onlooking, watching, with_airflow

router = APIRouter(prefix="/api")

AT_ONCE = 60
"""How many pipelines' live numbers one may ask for in one go."""


@router.get("/me")
def me(user: GetUserDep) -> Response:
    """Say who asks, and how many pipelines they may see."""
    return answer(Person(name=user.get_name(), may_see=len(known(user))))


@router.get("/models")
def models(user: GetUserDep) -> Response:
    """Return the table of models: one row for each pipeline that the user may see."""
    from airloop.overview.models import models as table_of

    names = known(user)
    table = table_of(onlooking(), names, datetime.now(UTC))
    facts = airflow_facts.look(names)
    rows = tuple(with_airflow(row, facts) for row in table.models)
    return answer(msgspec.structs.replace(table, models=rows))


@router.get("/live")
def live(user: GetUserDep, names: Annotated[str, Query(max_length=AT_ONCE * 81)] = "") -> Response:
    """Return what targets serve now of the pipelines in ``names``, without those that the user may not see."""
    asked = {name for name in names.split(",") if name}
    if len(asked) > AT_ONCE:
        raise HTTPException(400, f"names: at most {AT_ONCE} at once, not {len(asked)}")
    return answer(watching().look(onlooking(), sorted(asked & known(user))))


@router.get("/place")
def place(user: GetUserDep, dag_id: Word = "", run_id: Word = "", task_id: Word = "") -> Response:
    """Return what a page of Airflow is about; nothing for a DAG that is not ours, or that the user may not see."""
    from airloop.overview import placing

    found = placing.place(known(user), dag_id, run_id, task_id)
    return answer(placing.with_version(onlooking(), found, run_id) if found else None)
