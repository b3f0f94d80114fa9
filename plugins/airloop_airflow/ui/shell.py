"""The page itself: one document for every address below ``/airloop/ui``, and the files that it loads.

The document is for users who are logged in; script, style and pictures say nothing about anybody and are for everyone.
"""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, Response

from airloop_airflow.ui.answers import AS_IT_SAYS, NOT_KEPT

router = APIRouter(prefix="/ui")

STATIC = Path(__file__).parent / "static"
"""What ``make ui`` builds."""

ICONS = Path(__file__).parent / "icons"

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; object-src 'none'; frame-ancestors 'self'"
)

FOR_YEARS = {**AS_IT_SAYS, "Cache-Control": "public, max-age=31536000, immutable"}
ASK_AGAIN = {**AS_IT_SAYS, "Cache-Control": "no-cache"}

NOT_BUILT = """<!doctype html><html lang=en><meta charset=utf-8><title>Airloop</title>
<body style="font:15px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem">
<h1>These pages are not built</h1>
<p>This checkout lacks the script and style of Airloop's pages. <code>make ui</code> builds them; it needs Node.
Then restart Airflow's API server. Everything else of Airloop works without them.</p>"""

File = Annotated[str, InPath(pattern=r"^[0-9a-zA-Z_-][0-9a-zA-Z_.-]{0,80}$")]


@router.get("/assets/{file}")
def asset(file: File, v: str = "") -> Response:
    """Return a script, style or picture; kept by browsers for good where its address names its content."""
    for folder in (STATIC, ICONS):
        if (path := folder / file).is_file() and path.suffix != ".html":
            return FileResponse(path, headers=FOR_YEARS if v and v == _version(path) else ASK_AGAIN)
    raise HTTPException(404, f"there is no file {file!r}")


@router.get("/{path:path}")
def page(path: str, user: GetUserDep, request: Request) -> Response:
    """Return the document; its script reads from the address what to show."""
    headers = {**NOT_KEPT, "Content-Security-Policy": POLICY}
    if path.startswith("assets/"):
        raise HTTPException(404, f"there is no file {path.removeprefix('assets/')!r}")
    if not (STATIC / "index.html").is_file():
        return HTMLResponse(NOT_BUILT, 503, headers)
    # Airflow may live below a path of its own, which only the request knows.
    return HTMLResponse(_document(f"{request.scope.get('root_path', '')}/ui/assets/"), headers=headers)


def _document(assets: str) -> str:
    """Return the document, the files that it loads with the address and the version that they have here."""
    text = (STATIC / "index.html").read_text(encoding="utf-8")
    for file in STATIC.iterdir():
        text = text.replace(f'"assets/{file.name}"', f'"{escape(assets)}{file.name}?v={_version(file)}"')
    return text


def _version(path: Path) -> str:
    stat = path.stat()
    return _digest(path, stat.st_mtime_ns, stat.st_size)


@cache
def _digest(path: Path, _changed: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
