"""Arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from airloop import clock
from airloop.refs import Handed


def read_instant(text: str | datetime) -> datetime:
    """Return an instant in UTC. Raises BadParameter for what is not ISO 8601."""
    try:
        return text if isinstance(text, datetime) else clock.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Name = Annotated[str, typer.Argument(metavar="NAME", help="The pipeline, a folder of include/pipelines.")]
_AS_OF = typer.Option(
    "--as-of", parser=read_instant, metavar="INSTANT", help="The instant the run pretends it is (ISO 8601)."
)
AsOf = Annotated[datetime, _AS_OF]
AsOfOrNow = Annotated[datetime | None, _AS_OF]
"""``AsOf | None`` would not do: of a union typer passes over what an option is annotated with."""
From = Annotated[
    datetime,
    typer.Option("--from", parser=read_instant, metavar="INSTANT", help="Where the period begins (ISO 8601)."),
]
To = Annotated[
    datetime,
    typer.Option("--to", parser=read_instant, metavar="INSTANT", help="Where it ends; this instant is not in it."),
]
Refs = Annotated[
    str,
    typer.Option("--refs", metavar="JSON", help="Refs of earlier steps by name; @FILE reads a file, - reads stdin."),
]
ResultFile = Annotated[
    Path | None,
    typer.Option("--result", metavar="FILE", help="Keep the step's ref, or its error, in this file."),
]
Target = Annotated[
    str,
    typer.Option("--target", metavar="TARGET", help="Where a release would go. Default: the spec's release.target."),
]
RunId = Annotated[str, typer.Option("--run-id", help="Names the run; the same id makes a retry. Default: a new one.")]
ApprovedBy = Annotated[str, typer.Option("--approved-by", help="Who approves, where the spec asks for it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")]


def new_run_id() -> str:
    """Return an id that no other run has."""
    return f"cli-{uuid.uuid4().hex[:12]}"


def read_refs(text: str, wanted: Mapping[str, type[Handed]]) -> dict[str, Handed]:
    """Return the ``wanted`` refs from JSON; others are passed over. Raises BadParameter naming what is amiss."""
    given = _object(text)
    missing = [name for name in wanted if name not in given]
    if missing:
        raise typer.BadParameter(
            f"--refs needs {', '.join(wanted)}; missing: {', '.join(missing)}. "
            "A ref is the JSON line that the step before printed."
        )
    refs: dict[str, Handed] = {}
    for name, kind in wanted.items():
        try:
            refs[name] = kind.model_validate(given[name])
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in (name, *first["loc"]))
            raise typer.BadParameter(f"--refs {where}: {first['msg']}") from None
    return refs


def _object(text: str) -> dict[str, Any]:
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        given = json.loads(text)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--refs cannot be read: {error}") from None
    if not isinstance(given, dict):
        raise typer.BadParameter('--refs must be an object of refs by name, for example {"snapshot": {…}}')
    return given
