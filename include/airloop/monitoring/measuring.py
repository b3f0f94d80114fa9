"""Metrics of labelled predictions, each with how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from airloop.monitoring.scores import Measured, Slice
from airloop.spec.model import Decay
from airloop.statistics.blocks import Blocks, blocks_of
from airloop.statistics.bounds import interval_around, standard_error
from airloop.statistics.metrics import Array, OneClass, score

FEWEST = 100
"""Rows below which a slice is listed without a metric."""


@dataclass(frozen=True)
class Labelled:
    """Predictions whose labels are known, n of them."""

    truth: Array
    """Class index or value, float64 (n,)."""
    predictions: Array
    """(n,) or (n, k)."""
    times: Array
    """Instants, datetime64[us] UTC (n,)."""

    def __len__(self) -> int:
        return len(self.truth)

    @cached_property
    def blocks(self) -> Blocks | None:
        """Days, or hours, of the rows; None where they are too few, then rows count as independent."""
        return blocks_of(self.times)


def measure(metric: str, rows: Labelled, chosen: Array | None = None) -> Measured:
    """Return a metric on all rows, or on those where ``chosen`` (n,) is true; None and a problem where it has none."""
    mask = np.ones(len(rows), dtype=bool) if chosen is None else chosen
    truth, predictions = rows.truth[mask], rows.predictions[mask]
    if not truth.size:
        return Measured(0, problem="no labelled rows")
    blocks = rows.blocks.among(mask) if rows.blocks else None
    try:
        value = score(metric, truth, predictions)
        spread = standard_error(metric, truth, predictions, blocks)
        if spread is None:
            # A day with all rows of one class: what is left without it tells nothing, so rows alone must.
            blocks = None
            spread = standard_error(metric, truth, predictions)
    except OneClass as error:
        return Measured(len(truth), problem=str(error))
    unit = blocks.unit if blocks else "row"
    if spread is None or not np.isfinite(spread[0]):
        return Measured(len(truth), value, unit=unit, problem="too few rows to say how sure it is")
    low, high = (bound if np.isfinite(bound) else None for bound in interval_around(metric, value, *spread))
    return Measured(len(truth), value, spread[0], float(spread[1]), low, high, unit)


def measure_slices(rule: Decay, rows: Labelled, column: pd.Series) -> tuple[Slice, ...]:
    """Return the rule's metric for every value of ``column`` (n,), the largest slices first; missing is a value."""
    texts = column.astype(object).map(lambda value: "(missing)" if pd.isna(value) else str(value)).to_numpy(dtype=str)
    names, of_row, counts = np.unique(texts, return_inverse=True, return_counts=True)
    found = []
    for number in np.argsort(-counts, kind="stable"):
        if counts[number] < FEWEST:
            measured = Measured(int(counts[number]), problem=f"fewer than {FEWEST} labelled rows")
        else:
            measured = measure(rule.metric, rows, of_row == number)
        found.append(Slice(rule.metric, str(rule.slices), str(names[number]), measured))
    return tuple(found)
