"""Reads ``expectations.yaml``: a list of expectations by name, each with its arguments and a severity.

Light: ``python -m airloop check`` reads it without Great Expectations. Every mistake is reported, with its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from airloop import digest
from airloop.errors import SpecError, nearest
from airloop.spec import Pipeline
from airloop.spec.document import Document, read
from airloop.spec.problems import report, shown
from airloop.validation import catalogue
from airloop.validation.catalogue import EXPECTATIONS, UNSUPPORTED, Kind, Scope


class Severity(StrEnum):
    """What a failed expectation does."""

    BLOCK = "block"
    """Stops the run."""
    QUARANTINE = "quarantine"
    """Sets the rows that break it aside; the run goes on without them."""
    WARN = "warn"
    """Says so; the run goes on."""


OWN_KEYS = ("expect", "severity", "name")


@dataclass(frozen=True)
class Expectation:
    """One entry of the file; ``line`` says where it stands and is no part of what it means."""

    type: str
    severity: Severity
    arguments: dict[str, Any]
    name: str = ""
    line: int = field(default=0, compare=False)

    @property
    def kind(self) -> Kind:
        """What it looks at, and its arguments."""
        return EXPECTATIONS[self.type]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values it reads."""
        single = (self.arguments.get(key) for key in ("column", "column_A", "column_B"))
        listed = self.arguments.get("column_list", ()) if "column_list" in self.kind.needs else ()
        return (*(column for column in single if column is not None), *listed)

    @property
    def looks_at_all_columns(self) -> bool:
        """Whether other columns than ``columns`` can matter: their names, their number, or a condition on rows."""
        return "row_condition" in self.arguments or (
            self.kind.scope is Scope.TABLE and not self.type.startswith("expect_table_row_count")
        )

    @property
    def title(self) -> str:
        """Its name, or its type and columns: ``expect_column_values_to_be_between temperature_f``."""
        return self.name or " ".join((self.type, *dict.fromkeys(self.columns)))


@dataclass(frozen=True)
class Suite:
    """The expectations of a pipeline, in the order of the file."""

    file: Path
    expectations: tuple[Expectation, ...]

    @property
    def digest(self) -> str:
        """Names what is expected: types, arguments, severities and names, not the file's layout."""
        return digest.of_value([[e.type, e.severity, e.arguments, e.name] for e in self.expectations])

    def where(self, number: int) -> str:
        """Return ``file:line`` of an expectation."""
        return f"{shown(self.file)}:{self.expectations[number].line}"


def load(pipeline: Pipeline) -> Suite | None:
    """Return the pipeline's suite, None when its spec names none. Raises SpecError listing every mistake."""
    relative = pipeline.spec.data.expectations
    if relative is None:
        return None
    file = pipeline.file(relative)
    document = read(file.read_text(encoding="utf-8"))
    found = [] if document.problems else list(_expectations(document))
    if document.problems:
        raise SpecError(report(file, document.problems))
    return Suite(file, tuple(found))


def _expectations(document: Document) -> Iterator[Expectation]:
    if not isinstance(document.value, list):
        document.add((), "must be a list of expectations, each `- {expect: ExpectColumnValuesToNotBeNull, column: …}`")
        return
    seen: dict[str, int] = {}
    for number, entry in enumerate(document.value):
        if not isinstance(entry, dict):
            document.add((number,), f"{entry!r} is not keys with values; write {{expect: …, column: …}}")
            continue
        problems = len(document.problems)
        expectation = _expectation(entry, number, document)
        if expectation is None or len(document.problems) > problems:
            continue
        first = seen.setdefault(digest.of_value([expectation.type, expectation.arguments]), number)
        if first != number:
            document.add((number,), f"expects the same as [{first}]")
        yield expectation


def _expectation(entry: dict[str, Any], number: int, document: Document) -> Expectation | None:
    severity, name = entry.get("severity", Severity.BLOCK), entry.get("name", "")
    if severity not in list(Severity):
        words = nearest(str(severity), list(Severity))
        document.add((number, "severity"), f"unknown severity {severity!r}.{words}")
    if not isinstance(name, str):
        document.add((number, "name"), f"{name!r} is not a text; put it in quotes")
    kind_name = _type(entry, number, document)
    if kind_name is None:
        return None
    arguments = {key: value for key, value in entry.items() if key not in OWN_KEYS}
    _check_arguments(arguments, kind_name, number, document)
    if severity == Severity.QUARANTINE and not EXPECTATIONS[kind_name].names_rows:
        document.add(
            (number, "severity"),
            f"{kind_name} judges a partition as a whole and names no rows to quarantine; use block or warn",
        )
    if severity not in list(Severity):
        return None
    return Expectation(kind_name, Severity(severity), arguments, str(name), document.line((number,)))


def _type(entry: dict[str, Any], number: int, document: Document) -> str | None:
    given = entry.get("expect")
    if given is None:
        document.add((number,), "`expect` is missing: the name of an expectation, for example ExpectColumnToExist")
        return None
    found = catalogue.find(str(given))
    if found is None:
        document.add((number, "expect"), f"unknown expectation {given!r}.{catalogue.nearest(str(given))}")
    elif found in UNSUPPORTED:
        document.add((number, "expect"), f"{given!r} does not work on files of rows; {UNSUPPORTED[found]}")
    return found if found in EXPECTATIONS else None


def _check_arguments(arguments: dict[str, Any], kind_name: str, number: int, document: Document) -> None:
    kind = EXPECTATIONS[kind_name]
    for key in arguments:
        if key not in kind.arguments:
            words = nearest(key, [*kind.arguments, "severity", "name"])
            document.add((number, key), f"{kind_name} has no argument {key!r}.{words}")
    for key in kind.needs:
        if arguments.get(key) is None:
            document.add((number,), f"{kind_name} needs `{key}`")
    mostly = arguments.get("mostly", 1)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        document.add((number, "mostly"), f"{mostly!r} is not a share between 0 and 1")
