"""Who may see and do what: Airflow's own rights on a pipeline's DAGs, asked each time, kept nowhere.

Whoever may read the DAG ``NAME.train`` sees the pipeline NAME. Rights are asked for before anything is looked up, so a
pipeline that somebody may not see and one that does not exist look alike to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException
from fastapi import Path as InPath
from sqlalchemy import select

from airloop.overview.shapes import Rights

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod

Part = Literal["train", "monitor", "rollback"]
"""The last word of the ids of a pipeline's DAGs."""

Name = Annotated[str, InPath(pattern=r"^[0-9a-zA-Z_.-]{1,80}$")]
"""A pipeline, an artifact or a run, as a part of an address."""


def visible(user: BaseUser) -> frozenset[str]:
    """Return the names of the pipelines that the user may see, as far as Airflow has read their DAGs."""
    return _pipelines(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def sees_all(user: BaseUser) -> bool:
    """Return whether the user may see every pipeline whose DAGs Airflow has read; not before it has read any."""
    with create_session() as session:
        known = _pipelines(session.scalars(select(DagModel.dag_id)))
    return bool(known) and visible(user) == known


def may(
    user: BaseUser,
    name: str,
    *,
    part: Part = "train",
    method: ResourceMethod = "GET",
    entity: DagAccessEntity | None = None,
) -> bool:
    """Return whether the user may do ``method`` with one DAG of the pipeline, or with an ``entity`` of it."""
    dag_id = f"{name}.{part}"
    team = DagModel.get_team_name(dag_id)
    if team is None and conf.getboolean("core", "multi_team") and DagModel.get_dagmodel(dag_id) is None:
        # A DAG of no team is everybody's; one that Airflow has not read must not look like that.
        return False
    details = DagDetails(id=dag_id, team_name=team)
    return get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user)


def rights(user: BaseUser, name: str) -> Rights:
    """Return what the user may do with a pipeline: start runs of its DAGs, and edit the one that trains."""
    run = DagAccessEntity.RUN
    return Rights(
        train=may(user, name, method="POST", entity=run),
        monitor=may(user, name, part="monitor", method="POST", entity=run),
        roll_back=may(user, name, part="rollback", method="POST", entity=run),
        pause=may(user, name, method="PUT"),
        answer=may(user, name, method="PUT", entity=DagAccessEntity.HITL_DETAIL),
    )


def _pipelines(dag_ids: Iterable[str]) -> frozenset[str]:
    return frozenset(dag_id.removesuffix(".train") for dag_id in dag_ids if dag_id.endswith(".train"))


def seen(name: Name, user: GetUserDep) -> str:
    """Return the pipeline's name; 403 for one that the user may not see."""
    if not may(user, name):
        raise HTTPException(403, f"you may not see the pipeline {name!r}, or there is none")
    return name


def edited(name: Name, user: GetUserDep) -> str:
    """Return the pipeline's name; 403 for one whose DAG the user may not edit."""
    if not may(user, seen(name, user), method="PUT"):
        raise HTTPException(403, f"you may not edit {name}.train, so you may not pause its releases or let them go on")
    return name


Seen = Annotated[str, Depends(seen)]
Edited = Annotated[str, Depends(edited)]
