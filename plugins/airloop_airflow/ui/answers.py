"""How values and errors become answers: JSON of the shapes, and plain words with the right status."""

from __future__ import annotations

import logging
from html import escape
from typing import Any

import msgspec
from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from airloop.errors import AirloopError, LedgerError, SpecError, UnknownName

log = logging.getLogger(__name__)

AS_IT_SAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
"""A browser guesses no type, and tells no other site which page it comes from."""

NOT_KEPT = {**AS_IT_SAYS, "Cache-Control": "no-store"}
"""What a person may see differs from person to person, and from second to second."""


def answer(value: Any, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, dict(NOT_KEPT), "application/json")


def refusal(status: int, detail: str) -> Response:
    """Return why something is not answered."""
    return answer({"detail": detail}, status)


def status_of(error: AirloopError) -> int:
    """Return the status of an error that Airloop raised on purpose."""
    if isinstance(error, UnknownName):
        return 404
    if error.retryable or isinstance(error, LedgerError):
        return 503
    return 409 if isinstance(error, SpecError) else 400


def _log_in(page: str) -> Response:
    """Return where to log in, for somebody who followed a link."""
    url = escape(get_auth_manager().get_url_login(next_url=page))
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>Log in</title>"
    return HTMLResponse(f'{head}<p><a href="{url}">Log in to Airflow</a> to read this page.', 401, NOT_KEPT)


def answer_errors(app: FastAPI) -> None:
    """Make ``app`` answer every error in plain words, never with a traceback."""

    @app.exception_handler(AirloopError)
    def told(_request: Request, error: AirloopError) -> Response:
        return refusal(status_of(error), str(error))

    @app.exception_handler(AnyHTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 401 and "text/html" in request.headers.get("accept", ""):
            return _log_in(str(request.url))
        return refusal(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    def misspelt(_request: Request, error: RequestValidationError) -> Response:
        return refusal(
            400, "; ".join(f"{one['loc'][-1]}: {one['msg']}, not {one['input']!r}" for one in error.errors())
        )

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return refusal(500, "something went wrong here; the log of Airflow's API server says what")
