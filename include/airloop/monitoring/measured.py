"""What a drift decision looks at: columns as numbers, each with what chance alone would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airloop.monitoring import significance

VALUES = "values"
"""A column's values as they are distributed; its other facets are those of ``airloop.profiles.distances.ASPECTS``."""


@dataclass(frozen=True)
class Facet:
    """One thing of a column that can move: its values, its missing cells, or values that the reference lacks."""

    method: str
    """The spec's, or ``total_variation`` where that is what it comes to."""
    distance: float
    degrees: int
    """Bins less one."""
    size: float = 0.0
    """Magnitude, less noise, that is compared with ``natural``."""
    natural: tuple[float, ...] = ()
    """The same of the reference's own stretches as long as the window; empty where unknown."""


@dataclass(frozen=True)
class Measured:
    """A column of the window beside that of the reference."""

    name: str
    importance: float
    """Share of the model's gain; 0 for what is no feature."""
    rows: int
    reference_rows: int
    facets: Mapping[str, Facet]
    """By ``values``, ``missing`` and ``unseen``."""
    is_prediction: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    """More to show, as JSON: shares of nulls, new and vanished categories."""

    @property
    def knows_nature(self) -> bool:
        """Whether it is known how much its values differ between unchanged stretches."""
        return bool(self.facets[VALUES].natural)

    @property
    def h(self) -> float:
        """Sampling noise per degree: 1/n + 1/m, inf where a side is empty."""
        return 1 / self.rows + 1 / self.reference_rows if self.rows and self.reference_rows else float("inf")


@dataclass(frozen=True)
class Weighed:
    """A facet with its effect and its chances."""

    what: str
    distance: float
    effect: float
    """The distance less what sampling alone adds on average."""
    noise: float
    """The distance that sampling alone gives."""
    noise_chance: float
    natural_chance: float | None
    """None where natural variation is unknown or there is none."""
    chance: float
    """The larger of both, corrected for the column's facets."""
    times_typical: float | None
    """Size over that of a typical unchanged stretch."""


def weigh(column: Measured, warn: float, act: float) -> Weighed:
    """Return the facet that speaks for the column: of those that moved most, the one least likely to be chance."""
    found = [_weigh(column, what, facet) for what, facet in column.facets.items()]
    return min(found, key=lambda one: (-(one.effect >= act), -(one.effect >= warn), one.chance, -one.effect))


def _weigh(column: Measured, what: str, facet: Facet) -> Weighed:
    noise = significance.noise_chance(facet.method, facet.distance, facet.degrees, column.h)
    natural = significance.natural_chance(facet.size, facet.natural) if facet.natural else None
    typical = significance.typical_size(facet.natural)
    return Weighed(
        what=what,
        distance=facet.distance,
        effect=significance.beyond_noise(facet.method, facet.distance, facet.degrees, column.h),
        noise=significance.noise_distance(facet.method, facet.degrees, column.h),
        noise_chance=noise,
        natural_chance=natural,
        chance=min(1.0, max(noise, natural or 0.0) * len(column.facets)),
        times_typical=facet.size / typical if typical > 0 else None,
    )
