"""Checks partitions: expectations on single rows run once over many of them, the others partition by partition."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.errors import nearest
from airloop.validation.catalogue import Scope
from airloop.validation.engine import Engine, Result
from airloop.validation.findings import Finding, plain
from airloop.validation.suite import Expectation, Severity, Suite

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXAMPLES = 5
_JUDGES_MISSING = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")
WITHHELD = "Great Expectations could not check it; its message is withheld because the column is private"


@dataclass(frozen=True)
class Checker:
    """A suite made ready for partitions; of ``private`` columns no value gets into a finding."""

    suite: Suite
    private: frozenset[str]
    engine: Engine

    @classmethod
    def of(cls, suite: Suite, private: Collection[str]) -> Checker:
        """Load Great Expectations (seconds) and build the suite. Raises SpecError for arguments it refuses."""
        return cls(suite, frozenset(private), Engine(suite))

    def check(self, frames: Sequence[pd.DataFrame]) -> list[list[Finding]]:
        """Return the findings of each partition's rows, in the order of the suite.

        They equal those of each partition checked by itself. In a partition without rows only what looks at the
        table's shape is checked; everything else is met.
        """
        findings: list[dict[int, Finding]] = [dict(self._without_rows_or_column(frame)) for frame in frames]
        numbers = range(len(self.suite.expectations))
        together = [n for n in numbers if self._judges_rows_alone(n)]
        for places in _same_types(frames):
            open_ = [n for n in together if n not in findings[places[0]]]
            for number, split in self._run_once([frames[place] for place in places], open_):
                for place, finding in zip(places, split, strict=True):
                    findings[place].setdefault(number, finding)
        for found, frame in zip(findings, frames, strict=True):
            open_ = [number for number in numbers if number not in found]
            for number, result in self.engine.run(self._narrowed(frame, open_), open_).items():
                found[number] = self._finding(number, result, frame)
        return [[found[number] for number in numbers] for found in findings]

    def _judges_rows_alone(self, number: int) -> bool:
        expectation = self.suite.expectations[number]
        if expectation.kind.scope is not Scope.ROW or "row_condition" in expectation.arguments:
            return False
        # `mostly` needs the number of rows judged, which is known for a single column.
        return "column" in expectation.arguments or expectation.arguments.get("mostly", 1) == 1

    def _without_rows_or_column(self, frame: pd.DataFrame) -> Iterator[tuple[int, Finding]]:
        for number, expectation in enumerate(self.suite.expectations):
            if expectation.type == "expect_column_to_exist":
                continue
            unknown = [column for column in expectation.columns if column not in frame.columns]
            if unknown:
                error = f"there is no column {unknown[0]!r}.{nearest(unknown[0], map(str, frame.columns))}"
                yield number, Finding(met=False, rows=len(frame), error=error)
            elif frame.empty and expectation.kind.scope is not Scope.TABLE:
                broken = 0 if expectation.kind.names_rows else None
                yield number, Finding(met=True, rows=0, broken=broken)

    def _run_once(self, frames: list[pd.DataFrame], numbers: list[int]) -> Iterator[tuple[int, list[Finding]]]:
        import numpy as np
        import pandas as pd

        rows = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
        starts = np.cumsum([0, *(len(frame) for frame in frames)])
        for number, result in self.engine.run(self._narrowed(rows, numbers), numbers).items():
            if result.error and len(frames) > 1:
                continue  # one partition's rows may be the reason: each is checked by itself
            parts = _split(result, starts)
            yield number, [self._finding(number, part, frame) for part, frame in zip(parts, frames, strict=True)]

    def _narrowed(self, frame: pd.DataFrame, numbers: Sequence[int]) -> pd.DataFrame:
        """Return the columns that these expectations look at: Great Expectations hashes and copies all it is given."""
        wanted = [self.suite.expectations[number] for number in numbers]
        if any(one.looks_at_all_columns for one in wanted):
            return frame
        named = dict.fromkeys(column for one in wanted for column in one.columns)
        return frame[list(named) or list(frame.columns[:1])]

    def _finding(self, number: int, result: Result, frame: pd.DataFrame) -> Finding:
        expectation = self.suite.expectations[number]
        is_private = self._reads_private(expectation)
        if result.error:
            return Finding(met=False, rows=len(frame), error=WITHHELD if is_private else result.error)
        if not expectation.kind.names_rows or "unexpected_index_list" not in result.values:
            observed = None if is_private else _observed(result.values)
            return Finding(met=result.met, rows=len(frame), observed=observed)
        positions = [int(position) for position in result.values["unexpected_index_list"]]
        missing = _missing(expectation, frame)
        met = _is_met(expectation, len(frame) - (missing or 0), len(positions)) if missing is not None else result.met
        sets_aside = expectation.severity is Severity.QUARANTINE and not met
        return Finding(
            met=met,
            rows=len(frame),
            missing=missing,
            broken=len(positions),
            positions=tuple(sorted(positions)) if sets_aside else (),
            examples=() if is_private or not positions else _commonest(expectation, frame.iloc[positions]),
        )

    def _reads_private(self, expectation: Expectation) -> bool:
        condition = str(expectation.arguments.get("row_condition", ""))
        return any(column in expectation.columns or column in condition for column in self.private)


def _same_types(frames: Sequence[pd.DataFrame]) -> list[list[int]]:
    """Return the places of frames with rows, grouped so that putting a group together changes no column's type."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, frame in enumerate(frames):
        if not frame.empty:
            groups.setdefault((*frame.columns, *frame.dtypes), []).append(place)
    return list(groups.values())


def _split(result: Result, starts: np.ndarray) -> Iterator[Result]:
    """Give each part's share of a result on parts laid end to end; ``met`` is right where all rows must hold."""
    import numpy as np

    if result.error or "unexpected_index_list" not in result.values:
        yield from [result] * (len(starts) - 1)
        return
    positions = np.asarray(result.values["unexpected_index_list"], dtype=np.int64)
    cuts = np.searchsorted(positions, starts)
    for start, first, last in zip(starts, cuts, cuts[1:], strict=False):
        yield Result(met=first == last, values={"unexpected_index_list": (positions[first:last] - start).tolist()})


def _missing(expectation: Expectation, frame: pd.DataFrame) -> int | None:
    column = expectation.arguments.get("column")
    if column is None or "row_condition" in expectation.arguments:
        return None
    return 0 if expectation.type in _JUDGES_MISSING else int(frame[column].isna().sum())


def _is_met(expectation: Expectation, judged: int, broken: int) -> bool:
    # The very expression of Great Expectations, so that rounding decides alike.
    return judged == 0 or (float(judged) - float(broken)) / float(judged) >= expectation.arguments.get("mostly", 1)


def _observed(values: dict[str, Any]) -> Any:
    if values.get("observed_value") is not None:
        return plain(values["observed_value"])
    lists = {key.removeprefix("partial_").removesuffix("_list"): plain(values[key]) for key in values if "_list" in key}
    return {key: items for key, items in lists.items() if items} or None


def _commonest(expectation: Expectation, broken: pd.DataFrame) -> tuple[tuple[Any, int], ...]:
    """Return the commonest values in the rows that break it; those that Great Expectations gives end at 200."""
    columns = list(dict.fromkeys(expectation.columns))
    if expectation.type == "expect_column_values_to_not_be_null":
        return ()
    values = broken[columns[0]] if len(columns) == 1 else broken[columns].apply(tuple, axis=1)
    try:
        counts = values.value_counts(sort=False, dropna=False)
    except TypeError:  # lists and the like
        counts = values.astype(str).value_counts(sort=False)
    # Sorting is stable: of two values as common as each other the one that comes first stays first.
    pairs = sorted(counts.items(), key=lambda pair: -pair[1])[:EXAMPLES]
    return tuple((plain(value), int(count)) for value, count in pairs)
