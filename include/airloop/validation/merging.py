"""Merges the findings of a snapshot's partitions into what the run does next, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.validation.findings import Finding
from airloop.validation.naming import counted, example, listed, partition_title, short
from airloop.validation.suite import Expectation, Severity, Suite

if TYPE_CHECKING:
    from airloop.data.snapshot import Partition

NOTHING_CHECKED = "nothing was checked: the pipeline names no expectations (data.expectations)"


@dataclass(frozen=True)
class Merged:
    """One expectation on all partitions of a snapshot."""

    number: int
    expectation: Expectation
    found: tuple[tuple[Partition, Finding], ...]

    @property
    def unmet(self) -> tuple[tuple[Partition, Finding], ...]:
        """The partitions on which it is not met."""
        return tuple((partition, finding) for partition, finding in self.found if not finding.met)

    @property
    def broken(self) -> int:
        """Rows that break it, in all partitions, those that `mostly` forgives included."""
        return sum(finding.broken or 0 for _, finding in self.found)

    @property
    def does(self) -> Severity | None:
        """What it does to the run, None when it is met. One that cannot be checked blocks unless it only warns."""
        if not self.unmet:
            return None
        could_not = any(finding.error for _, finding in self.unmet)
        return Severity.BLOCK if could_not and self.expectation.severity != Severity.WARN else self.expectation.severity

    @property
    def text(self) -> str:
        """Say what is not met: where, how often and for example which values."""
        return f"[{self.number}] {self.expectation.title}: {self.detail}"

    @property
    def detail(self) -> str:
        """The part of ``text`` after the name; empty when it is met."""
        if not self.unmet:
            return ""
        partitions = f"{len(self.unmet)} of {counted(len(self.found), 'partition')}"
        errors = Counter(finding.error for _, finding in self.unmet if finding.error)
        if errors:
            return f"could not be checked in {partitions}: {errors.most_common(1)[0][0]}"
        if not self.expectation.kind.names_rows:
            return f"not met in {partitions} ({listed([_observed(*one) for one in self.unmet])})"
        broken = sum(finding.broken or 0 for _, finding in self.unmet)
        where = listed([f"{partition_title(partition)}: {finding.broken:,}" for partition, finding in self.unmet])
        examples = self._examples()
        return f"{counted(broken, 'row')} in {partitions} ({where})" + (f", for example {examples}" if examples else "")

    def _examples(self) -> str:
        counts: Counter[str] = Counter()
        values: dict[str, Any] = {}
        for _, finding in self.unmet:
            for value, count in finding.examples:
                values[repr(value)] = value
                counts[repr(value)] += count
        return ", ".join(example(values[key], count) for key, count in counts.most_common(3))


def merge(suite: Suite, findings: Mapping[str, Sequence[Finding]], partitions: Sequence[Partition]) -> list[Merged]:
    """Return each expectation with its findings; ``findings`` holds a list per partition digest."""
    return [
        Merged(number, expectation, tuple((one, findings[one.digest][number]) for one in partitions))
        for number, expectation in enumerate(suite.expectations)
    ]


def excluded(merged: Sequence[Merged]) -> dict[str, tuple[int, ...]]:
    """Return partition digest → sorted positions of the rows that are set aside."""
    rows: dict[str, set[int]] = {}
    for one in merged:
        for partition, finding in one.found:
            if finding.positions:
                rows.setdefault(partition.digest, set()).update(finding.positions)
    return {digest: tuple(sorted(positions)) for digest, positions in rows.items()}


def warnings(merged: Sequence[Merged]) -> Iterator[str]:
    """Give what a person should read although the run goes on."""
    for one in merged:
        if one.does is Severity.WARN:
            yield one.text
        elif one.does is Severity.QUARANTINE:
            yield f"{one.text}; set aside"


def failures(merged: Sequence[Merged]) -> dict[int, str]:
    """Return number → text of each expectation that stops the run."""
    return {one.number: one.text for one in merged if one.does is Severity.BLOCK}


def _observed(partition: Partition, finding: Finding) -> str:
    shown = "" if finding.observed is None else f": {short(finding.observed)}"
    return f"{partition_title(partition)}{shown}"
