"""``new``, ``check``, ``land`` and ``reference``: writing a pipeline."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from airloop.cli.arguments import Name
from airloop.cli.screen import console, emit, timing
from airloop.errors import SpecError, nearest
from airloop.spec import BrokenPipeline, Pipeline, find, load_all
from airloop.spec.problems import shown
from airloop.workspace import PROJECT, Workspace


def add_to(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("new")(_new)
    app.command("check")(_check)
    app.command("land")(_land)
    app.command("reference")(_reference)


def _new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _; becomes the folder's name.")],
    like: Annotated[str, typer.Option(help="binary, multiclass or regression.")] = "binary",
) -> None:
    """Write a pipeline that runs, to be made yours."""
    from airloop.cli import new

    folder = new.write(name, Workspace.from_environment().pipelines, like)
    screen = console()
    screen.print(f"[green]wrote[/] {shown(folder)}. Next:", soft_wrap=True)
    for command in (f"land {name}", f"check {name}", f"run {name} --as-of 2024-04-01"):
        screen.print(f"  python -m airloop {command}")


def _check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")] = None,
) -> None:
    """Say everything that is wrong with pipelines. Exit code 0: nothing is, 2: something is."""
    folder = Workspace.from_environment().pipelines
    found = load_all(folder)
    known = {pipeline.folder.name: pipeline for pipeline in found}
    for name in names or ():
        if name not in known:
            raise SpecError(f"no pipeline {name!r} in {shown(folder)}.{nearest(name, known)}")
    chosen = [known[name] for name in names] if names else found
    screen, right = console(), 0
    for pipeline in chosen:
        problem = _problem(pipeline)
        if problem is None:
            right += 1
            screen.print(Text("✓", style="green"), Text(pipeline.name))
        else:
            screen.print(Text(str(problem), style="red"), soft_wrap=True)
    screen.print(f"{right} of {len(chosen)} pipelines are right")
    if right < len(chosen):
        raise typer.Exit(2)


def _problem(pipeline: Pipeline | BrokenPipeline) -> SpecError | None:
    if isinstance(pipeline, BrokenPipeline):
        return pipeline.error
    from airloop.validation import suite

    try:
        suite.load(pipeline)
    except SpecError as error:
        return error
    return None


def _land(name: Name) -> None:
    """Bring a pipeline's rows in: run `land(home)` of its land.py."""
    workspace = Workspace.from_environment()
    land = _landing(find(name, workspace))
    with timing(f"land {name}"):
        files = land(workspace.home)
    emit({"pipeline": name, "home": str(workspace.home), "files": files}, is_told=True)


def _landing(pipeline: Pipeline) -> Callable[[Path], object]:
    file = pipeline.file("land.py")
    module_spec = importlib.util.spec_from_file_location(f"pipelines.{pipeline.name}.land", file)
    if module_spec is None or module_spec.loader is None:
        raise SpecError(f"{shown(file)} cannot be loaded")
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    land = getattr(module, "land", None)
    if not callable(land):
        raise SpecError(f"{shown(file)} has no function 'land'; define land(home: Path)")
    return land  # type: ignore[no-any-return]  # checked above


def _reference(
    write: Annotated[
        bool, typer.Option("--write", help="Write docs/spec.md, docs/pipeline.schema.json and docs/cli.md.")
    ] = False,
) -> None:
    """Print the reference page of pipeline.yaml: every key, its type, default and meaning."""
    from airloop.spec import reference

    if not write:
        sys.stdout.write(reference.page())
        return
    from airloop.cli import app, commands_page

    commands = PROJECT / "docs" / commands_page.PAGE
    commands.write_text(commands_page.page(app), encoding="utf-8")
    for path in (*reference.write(PROJECT / "docs"), commands):
        console().print(f"[green]wrote[/] {shown(path)}", soft_wrap=True)
