"""Loads pipelines: folders with a ``pipeline.yaml``. Every mistake is reported at once, with its line."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, get_args

from pydantic import ValidationError

from airloop.errors import SpecError, nearest
from airloop.spec import checks, wording
from airloop.spec.document import Document, read
from airloop.spec.mend import mend
from airloop.spec.model import Release, Spec
from airloop.spec.problems import report, shown

FILE = "pipeline.yaml"
TARGET = "AIRLOOP_TARGET"
"""Names the target of pipelines whose files name none: the same file is released by a laptop and by a stack."""


@dataclass(frozen=True)
class Pipeline:
    """A spec and the folder that it was read from."""

    spec: Spec
    folder: Path

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return self.spec.name

    def released_to(self, target: str) -> Pipeline:
        """Return the same pipeline with another ``release.target``. Raises SpecError for a word that is none."""
        known = get_args(Release.model_fields["target"].annotation)
        if target not in known:
            raise SpecError(f"{self.name}: unknown target {target!r}.{nearest(target, known)}")
        release = self.spec.release.model_copy(update={"target": target})
        return replace(self, spec=self.spec.model_copy(update={"release": release}))

    def file(self, relative: str) -> Path:
        """Return a file in the pipeline's folder. Raises SpecError when it is not there."""
        path = self.folder / relative
        if not path.is_file():
            raise SpecError(f"{shown(self.folder / FILE)}: pipeline {self.name!r} has no file {relative!r}")
        return path


@dataclass(frozen=True)
class BrokenPipeline:
    """A folder whose description is wrong; the other pipelines go on."""

    name: str
    folder: Path
    error: SpecError


class HasPipelines(Protocol):
    """A workspace, as far as finding a pipeline needs it."""

    @property
    def pipelines(self) -> Path:
        """The folder of the pipelines' folders."""


def load(folder: Path) -> Pipeline:
    """Return the pipeline in ``folder``. Raises SpecError that lists every mistake, one a line."""
    folder = folder.absolute()
    file = folder / FILE
    try:
        document = read(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{shown(file)}: there is no such file{_renamed(folder)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{shown(file)}: cannot be read: {error}") from None
    spec = _spec(document) if document.value is not None else None
    for path, message in checks.check(spec, folder) if spec else ():
        document.add(path, message)
    if document.problems or spec is None:
        raise SpecError(report(file, document.problems))
    return Pipeline(spec, folder)


def load_all(folder: Path) -> list[Pipeline | BrokenPipeline]:
    """Return every pipeline below ``folder``, sorted by name; a wrong one is a BrokenPipeline.

    Raises SpecError when ``folder`` is not there.
    """
    pipelines: list[Pipeline | BrokenPipeline] = []
    for name in names(folder):
        try:
            pipelines.append(load(folder / name))
        except SpecError as error:
            pipelines.append(BrokenPipeline(name, folder / name, error))
    return pipelines


def names(folder: Path) -> list[str]:
    """Return the names of the folders below ``folder`` that hold YAML, sorted. Raises SpecError like ``load_all``."""
    if not folder.is_dir():
        raise SpecError(f"there is no folder of pipelines at {shown(folder)}; set AIRLOOP_PIPELINES or make it")
    return sorted(path.name for path in folder.iterdir() if _is_pipeline(path))


def is_named(name: str, folder: Path) -> bool:
    """Return whether ``name`` is one of ``names(folder)``, without looking at the others."""
    return bool(name) and name == Path(name).name and _is_pipeline(folder / name)


def find(name: str, workspace: HasPipelines) -> Pipeline:
    """Return the pipeline called ``name``. Raises SpecError with the nearest name when there is none."""
    known = names(workspace.pipelines)
    if name not in known:
        where = shown(workspace.pipelines)
        hint = nearest(name, known) if known else " It is empty; `python -m airloop new NAME` writes a pipeline."
        raise SpecError(f"no pipeline {name!r} in {where}.{hint}")
    return load(workspace.pipelines / name)


def _is_pipeline(path: Path) -> bool:
    return path.name[0] != "." and path.is_dir() and _has_yaml(path)


def _has_yaml(folder: Path) -> bool:
    return (folder / FILE).exists() or any(folder.glob("[!.]*.y*ml"))


def _renamed(folder: Path) -> str:
    others = sorted(path.name for path in folder.glob("[!.]*.y*ml")) if folder.is_dir() else []
    return f"; the folder has {', '.join(others)}" if others else ""


def _spec(document: Document) -> Spec | None:
    """Return the document's spec; where keys are wrong they are reported and the rest is still checked."""
    if not isinstance(document.value, dict):
        document.add((), f"{document.value!r} is not keys with values; begin with `name: …`")
        return None
    try:
        return Spec.model_validate(_with_target(document.value))
    except ValidationError as error:
        wording.explain(error, document)
        try:
            return Spec.model_validate(mend(document.value, error))
        except ValidationError:
            return None


def _with_target(value: dict[str, Any]) -> dict[str, Any]:
    release = value.get("release", {})
    if not (target := os.environ.get(TARGET)) or not isinstance(release, dict) or "target" in release:
        return value
    known = get_args(Release.model_fields["target"].annotation)
    if target not in known:
        raise SpecError(f"{TARGET}={target}: unknown target.{nearest(target, known)}")
    return {**value, "release": {"target": target, **release}}
