"""Writes a new pipeline's folder from the templates: one that lands rows, passes ``check`` and runs."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from airloop.errors import SpecError, nearest
from airloop.spec import load
from airloop.spec.fields import check_name
from airloop.spec.problems import shown
from airloop.workspace import PROJECT


@dataclass(frozen=True)
class Like:
    """What differs between the templates of the three tasks."""

    label: str
    description: str
    gates: tuple[str, ...]


LIKES = {
    "binary": Like(
        label="returned",
        description="Will an order come back? Asked when it is placed.",
        gates=(
            "- {metric: roc_auc, min: 0.70}",
            "- {metric: log_loss, versus: champion, margin: 0.005, confidence: 0.95}",
            "- {metric: roc_auc, slices: channel, min: 0.65, min_rows: 200}",
        ),
    ),
    "multiclass": Like(
        label="outcome",
        description="Is an order kept, exchanged or returned? Asked when it is placed.",
        gates=(
            "- {metric: accuracy, min: 0.60}",
            "- {metric: log_loss, versus: champion, margin: 0.02, confidence: 0.95}",
        ),
    ),
    "regression": Like(
        label="handling_eur",
        description="What will handling an order cost? Asked when it is placed.",
        gates=(
            "- {metric: r2, min: 0.50}",
            "- {metric: rmse, versus: champion, margin: 0.1, confidence: 0.95}",
        ),
    ),
}


def write(name: str, pipelines: Path, like: str) -> Path:
    """Write ``pipelines/<name>``, whole or not at all, and return it.

    Raises SpecError for a name that cannot be one or is taken, and for an unknown task ``like``.
    """
    try:
        check_name(name)
    except ValueError as error:
        raise SpecError(str(error)) from None
    if like not in LIKES:
        raise SpecError(f"--like: unknown task {like!r}.{nearest(like, LIKES)}")
    target = pipelines / name
    if target.exists():
        raise SpecError(f"{shown(target)} exists already; take another name or remove it")
    try:
        pipelines.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=pipelines) as scratch:
            made = Path(scratch) / name
            made.mkdir()
            for file, text in _contents(name, pipelines, like).items():
                (made / file).write_text(text, encoding="utf-8")
            load(made)
            made.rename(target)
    except OSError as error:
        raise SpecError(f"{shown(target)} cannot be written: {error}") from None
    return target


def _contents(name: str, pipelines: Path, task: str) -> dict[str, str]:
    like = LIKES[task]
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "task": task,
        "label": like.label,
        "description": like.description,
        "gates": "\n".join(f"  {gate}" for gate in like.gates),
    }
    return {
        "pipeline.yaml": _schema_hint(pipelines / name) + _filled("pipeline.yaml", words),
        "features.py": _filled("features.py", words),
        "expectations.yaml": _filled("expectations.yaml", words),
        "land.py": _filled("land.py", words) + _filled(f"label_{task}.py", words),
    }


def _filled(template: str, words: dict[str, str]) -> str:
    text = (files("airloop.cli") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@@{word}@@", value)
    return text


def _schema_hint(folder: Path) -> str:
    """Return the line by which editors find the JSON schema, where it is there."""
    schema = PROJECT / "docs" / "pipeline.schema.json"
    if not schema.exists():
        return ""
    return f"# yaml-language-server: $schema={Path(os.path.relpath(schema, folder)).as_posix()}\n"
