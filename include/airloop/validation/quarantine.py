"""Keeps the rows that were set aside, each with its reasons, its partition and its position in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airloop.validation.findings import Finding
from airloop.validation.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

FILE = "quarantined.parquet"


def keep(
    folder: Path,
    partition: str,
    frame: pd.DataFrame,
    suite: Suite,
    findings: Sequence[Finding],
    private: Collection[str],
) -> None:
    """Write ``folder/quarantined.parquet`` unless no row is set aside.

    Private columns are left out: the partition has them, at the same position.
    """
    reasons: dict[int, list[str]] = {}
    for expectation, finding in zip(suite.expectations, findings, strict=True):
        for position in finding.positions:
            reasons.setdefault(position, []).append(expectation.title)
    if not reasons:
        return
    positions = sorted(reasons)
    shown = [column for column in frame.columns if column not in private]
    rows = frame.iloc[positions][shown].reset_index(drop=True)
    rows.insert(0, "airloop_partition", partition)
    rows.insert(1, "airloop_position", positions)
    rows.insert(2, "airloop_reasons", ["; ".join(reasons[position]) for position in positions])
    rows.to_parquet(folder / FILE, index=False)
