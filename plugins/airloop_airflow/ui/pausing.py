"""Pausing a pipeline's releases and letting them go on: the one act that is the ledger's and no DAG's.

Only by POST with a JSON body. The session's cookie is ``SameSite=Lax``, so another site's form does not carry it. Nor
can a form send ``application/json``, and a script of another site must ask first (CORS) and is refused.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import APIRouter, Depends, HTTPException, Request, params
from fastapi.responses import Response

from airloop.overview.shapes import Pause
from airloop_airflow.context import workspace
from airloop_airflow.ui.access import Edited
from airloop_airflow.ui.answers import answer
from airloop_airflow.ui.asking import Home

router = APIRouter(prefix="/api/pipelines/{name}")

MOST_BYTES = 4096


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """What a person sends."""

    reason: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]


async def reason(request: Request, name: Edited) -> str:
    """Return why the person does it; 415 for anything but JSON, 400 for anything but a reason.

    What is longer than any reason, or does not say how long it is (411, 413), is not read at all.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, 'send JSON: {"reason": "…"} with Content-Type: application/json')
    if not (length := request.headers.get("content-length", "")).isdecimal():
        raise HTTPException(411, "reason: send it in one piece, with Content-Length")
    if int(length) > MOST_BYTES:
        raise HTTPException(413, f"reason: 3 to 500 characters, not {length} bytes")
    try:
        asked = msgspec.json.decode(await request.body(), type=Asked)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"reason: 3 to 500 characters and nothing else ({error})") from None
    if len(stripped := asked.reason.strip()) < 3:
        raise HTTPException(400, f"reason: 3 to 500 characters, not {asked.reason!r}")
    return stripped


def logged(event: str) -> params.Depends:
    """Return what writes an act to Airflow's audit log, as one on the DAG that trains, before it is done."""
    write = action_logging(event=event)

    def log(
        request: Request, session: SessionDep, user: GetUserDep, name: Edited, _home: Home, _reason: Reason
    ) -> None:
        # Airflow takes the DAG from a path parameter of this name.
        request.path_params["dag_id"] = f"{name}.train"
        # In this thread: the commit may wait for a lock whose holder needs the server's event loop to let go of it.
        asyncio.run(write(request, session, user))

    return params.Depends(log)


Reason = Annotated[str, Depends(reason)]


@router.post("/pause", dependencies=[logged("airloop.pause")])
def pause(name: Edited, home: Home, user: GetUserDep, why: Reason) -> Response:
    """Pause the pipeline's releases: the champion answers alone until somebody lets them go on."""
    standing = workspace().ledger.pause(name, by=user.get_name(), reason=why)
    return answer(Pause(by=standing.payload["by"], reason=standing.payload["reason"], since=standing.recorded_at))


@router.post("/resume", dependencies=[logged("airloop.resume")])
def resume(name: Edited, home: Home, user: GetUserDep, why: Reason) -> Response:
    """Let the pipeline's releases go on."""
    workspace().ledger.resume(name, by=user.get_name(), reason=why)
    return answer(None)
