"""Categories of a column: each counted while there are few; frequent ones and an estimate of the number beyond that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

COUNTED = 4_096
"""Different categories up to which all are counted."""
SHARE_ERROR = 3.5 / 2**13
"""Largest error of a category's share, where not all are counted (Anderson et al. 2017)."""
_LOG_ITEMS = 13
_LOG_REGISTERS = 12


class Categories(msgspec.Struct, frozen=True, tag="category", dict=True):
    """What is kept of categories; the sketches are those of Apache DataSketches, empty where all are counted."""

    count: int
    counted: tuple[tuple[str, int], ...]
    """Category and how often it occurs, by name."""
    frequent: bytes = b""
    hashes: bytes = b""

    @property
    def is_exact(self) -> bool:
        """Whether every category is counted."""
        return not self.frequent

    @property
    def distinct(self) -> int:
        """Different categories: exact, or with a standard error of 2 %."""
        import datasketches

        if self.is_exact:
            return len(self.counted)
        return round(float(datasketches.hll_sketch.deserialize(self.hashes).get_estimate()))

    @cached_property
    def counts(self) -> dict[str, float]:
        """How often each category occurs, by name; where not all are counted, of the frequent ones alone."""
        import datasketches

        if self.is_exact:
            return {name: float(count) for name, count in self.counted}
        sketch = datasketches.frequent_strings_sketch.deserialize(self.frequent)
        found = sketch.get_frequent_items(datasketches.frequent_items_error_type.NO_FALSE_POSITIVES)
        return {name: float(estimate) for name, estimate, _, _ in sorted(found)}


def of_counts(counts: Mapping[str, int]) -> Categories:
    """Return what is kept of categories that occur so often."""
    return merged([Categories(sum(counts.values()), tuple(sorted(counts.items())))])


def merged(parts: Iterable[Categories]) -> Categories:
    """Return what is kept of all parts' categories. The order of the parts does not matter."""
    ordered = sorted(parts, key=lambda part: (part.frequent, part.counted))
    total = sum(part.count for part in ordered)
    counts: dict[str, int] = {}
    for part in ordered:
        for name, count in part.counted:
            counts[name] = counts.get(name, 0) + count
    counted = tuple(sorted(counts.items()))
    if len(counted) <= COUNTED and all(part.is_exact for part in ordered):
        return Categories(total, counted)
    return Categories(total, (), *_sketched(counted, [part for part in ordered if not part.is_exact]))


def _sketched(counted: tuple[tuple[str, int], ...], parts: list[Categories]) -> tuple[bytes, bytes]:
    import datasketches

    frequent = datasketches.frequent_strings_sketch(_LOG_ITEMS)
    hashes = datasketches.hll_union(_LOG_REGISTERS)
    for part in parts:
        frequent.merge(datasketches.frequent_strings_sketch.deserialize(part.frequent))
        hashes.update(datasketches.hll_sketch.deserialize(part.hashes))
    for name, count in counted:
        frequent.update(name, count)
        hashes.update(name)
    return frequent.serialize(), hashes.get_result(datasketches.tgt_hll_type.HLL_8).serialize_compact()
