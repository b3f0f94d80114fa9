"""What every route needs: the workspace as an onlooker, the pipelines that one may see, one look at the targets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated

import msgspec
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Query

from airloop.errors import closest
from airloop.overview.shapes import InAirflow, ModelRow
from airloop.spec.load import names
from airloop.workspace import Workspace
from airloop_airflow.context import workspace
from airloop_airflow.ui import access
from airloop_airflow.ui.access import Seen

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from airloop.overview.live import Watching

Word = Annotated[str, Query(max_length=250)]


def onlooking() -> Workspace:
    """Return the workspace as pages see it: its ledger is read as it is, never brought up to date."""
    return workspace().onlooking()


@cache
def watching() -> Watching:
    """Return what looks at the targets: one for the process, since rates need the look before."""
    from airloop.overview.live import Watching

    return Watching()


def known(user: BaseUser) -> frozenset[str]:
    """Return the pipelines that there are and that the user may see."""
    return access.visible(user) & frozenset(names(workspace().pipelines))


def home(name: Seen, user: GetUserDep) -> Workspace:
    """Return the workspace; 404 where it has no pipeline ``name``, with a hint at nothing that the user may not see."""
    found = onlooking()
    if name not in names(found.pipelines):
        near = closest(name, known(user))
        raise HTTPException(404, f"there is no pipeline {name!r}.{f' Did you mean {near!r}?' if near else ''}")
    return found


Home = Annotated[Workspace, Depends(home)]


def with_airflow(row: ModelRow, facts: Mapping[str, InAirflow]) -> ModelRow:
    """Return a pipeline's row with what Airflow knows of it."""
    return msgspec.structs.replace(row, airflow=facts.get(row.name))
