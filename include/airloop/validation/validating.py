"""The step: checks the partitions that were not checked yet, merges all findings, and stops the run where it must."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from airloop import clock, digest
from airloop.errors import ValidationBlocked
from airloop.spec import Pipeline
from airloop.validation import merging, overview, quarantine
from airloop.validation.findings import Finding, Validation
from airloop.validation.naming import counted
from airloop.validation.suite import Suite, load

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition, Snapshot
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "validations"
LAYOUT = 1
"""Of what is kept; a higher one makes everything be checked again."""
ROWS_AT_ONCE = 500_000
"""Rows that are in memory together, unless a single partition has more."""


def validate(workspace: Workspace, pipeline: Pipeline, snapshot: Snapshot) -> tuple[str, Validation]:
    """Return the digest and the merged outcome of all expectations on the snapshot's partitions.

    Only partitions never checked with these expectations are read; Great Expectations is not even imported when there
    are none. Raises SpecError when ``expectations.yaml`` is wrong, and ValidationBlocked, after everything is kept,
    when an expectation of severity ``block`` is not met or one that does not merely warn cannot be checked.
    """
    suite = load(pipeline)
    private = sorted(pipeline.spec.data.private)
    names = _names(snapshot, suite, private) if suite else {}
    if suite:
        _check_new(workspace, suite, snapshot, names, private)
    name = digest.of_value(
        {
            "layout": LAYOUT,
            "pipeline": snapshot.pipeline,
            "as_of": clock.iso(snapshot.as_of),
            "suite": suite.digest if suite else None,
            "partitions": [[one.digest, names.get(one.digest)] for one in snapshot.partitions],
        }
    )
    if not workspace.store.has(KIND, name):
        _merge(workspace, suite, snapshot, names, name)
    validation = load_validation(workspace, name)
    for text in validation.warnings:
        log.warning("%s", text)
    if suite and validation.failed:
        raise ValidationBlocked(_blocked(suite, snapshot, validation), validation.docs, name)
    return name, validation


def load_validation(workspace: Workspace, name: str) -> Validation:
    """Return the merged outcome. Raises FileNotFoundError when it is not in the store."""
    value = workspace.store.get_json(KIND, name)
    return Validation.model_validate({**value, "docs": f"{workspace.store.uri(KIND, name)}/index.html"})


def _names(snapshot: Snapshot, suite: Suite, private: Sequence[str]) -> dict[str, str]:
    """Return partition digest → digest of all that its findings depend on."""
    common = {
        "layout": LAYOUT,
        "suite": suite.digest,
        "private": list(private),
        "great_expectations": version("great-expectations"),
    }
    return {
        one.digest: digest.of_value({**common, "partition": one.digest, "start": one.start and clock.iso(one.start)})
        for one in snapshot.partitions
    }


def _check_new(
    workspace: Workspace, suite: Suite, snapshot: Snapshot, names: dict[str, str], private: Sequence[str]
) -> None:
    new = [one for one in snapshot.partitions if not workspace.store.has(KIND, names[one.digest])]
    log.info("%d of %d partitions are new and are checked", len(new), len(snapshot.partitions))
    if not new:
        return
    from airloop.data import read_partition
    from airloop.validation.checking import Checker
    from airloop.validation.pages import PageWriter

    checker = Checker.of(suite, private)
    writer = PageWriter(suite, checker.engine.expectations)
    for partitions in _chunks(new):
        frames = [read_partition(workspace, one) for one in partitions]
        for one, frame, findings in zip(partitions, frames, checker.check(frames), strict=True):
            with workspace.store.writing(KIND, names[one.digest]) as folder:
                (folder / "findings.json").write_text(_json([f.model_dump(mode="json") for f in findings]), "utf-8")
                (folder / "page.html").write_text(writer.page(one, findings), "utf-8")
                quarantine.keep(folder, one.digest, frame, suite, findings, private)


def _chunks(partitions: Sequence[Partition]) -> Iterator[list[Partition]]:
    chunk: list[Partition] = []
    for one in partitions:
        if chunk and sum(other.rows for other in chunk) + one.rows > ROWS_AT_ONCE:
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def _merge(workspace: Workspace, suite: Suite | None, snapshot: Snapshot, names: dict[str, str], name: str) -> None:
    merged = []
    if suite:
        found = {partition: _findings(workspace, kept) for partition, kept in names.items()}
        merged = merging.merge(suite, found, snapshot.partitions)
    validation = Validation(
        expectations=len(merged),
        partitions=names,
        excluded=merging.excluded(merged),
        warnings=tuple(merging.warnings(merged)) if merged else (merging.NOTHING_CHECKED,),
        failed=merging.failures(merged),
    )
    with workspace.store.writing(KIND, name) as folder:
        (folder / "value.json").write_text(_json(validation.model_dump(mode="json")), "utf-8")
        (folder / "index.html").write_text(overview.render(snapshot, validation, merged), "utf-8")


def _findings(workspace: Workspace, name: str) -> list[Finding]:
    text = (workspace.store.folder(KIND, name) / "findings.json").read_text("utf-8")
    return [Finding.model_validate(one) for one in json.loads(text)]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _blocked(suite: Suite, snapshot: Snapshot, validation: Validation) -> str:
    number = counted(len(validation.failed), "expectation")
    lines = [f"{snapshot.pipeline} as of {clock.iso(snapshot.as_of)}: the data is not used, {number} not met."]
    lines += [f"{suite.where(number)} {text}" for number, text in validation.failed.items()]
    return "\n".join([*lines, f"Data Docs: {validation.docs}"])
