"""Which sketch of numbers? Ours, and the KLL and t-digest of Apache DataSketches, on the same million numbers.

    python benchmarks/sketches.py        (some 15 seconds on 2 cores)

Times are the processor's. Error is the largest one of a rank (share of numbers at most x, and less than x) at 4,000 of
the numbers, in percent of all rows; of the merged, after 60 parts were sketched each on its own and merged. Needs
PYTHONPATH=include.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any

import datasketches
import numpy as np

from airloop.profiles import Profile, merge

Array = np.ndarray[Any, np.dtype[np.float64]]
ROWS, PARTS = 1_000_000, 60


@dataclass(frozen=True)
class Sketch:
    """How to make, merge and ask one kind."""

    of: Callable[[Array], Any]
    merged: Callable[[list[Any]], Any]
    data: Callable[[Any], bytes]
    ranks: Callable[[Any, Array], tuple[Array, Array]]
    """Share at most, and share below."""


def main() -> None:
    random = np.random.default_rng(0)
    for sketch in SKETCHES.values():
        sketch.of(random.normal(size=10_000))  # imports what it needs
    columns = {
        "normal": random.normal(size=ROWS),
        "cauchy": random.standard_cauchy(ROWS),
        "70 % zeros": np.where(random.random(ROWS) < 0.7, 0, random.exponential(size=ROWS)),
        "1e-260 to 1e260": np.exp(random.uniform(-600, 600, ROWS)),
    }
    head = ("ns/value", "x ours", "KiB", "error %", "merged %", "same bytes")
    for name, values in columns.items():
        print(f"\n{name:<20}" + "".join(f"{word:>12}" for word in head))
        ours = 0.0
        for label, sketch in SKETCHES.items():
            began = process_time()
            made = sketch.of(values)
            spent = (process_time() - began) / ROWS * 1e9
            ours = ours or spent
            errors = [_error(sketch, made, values)]
            merged = sketch.merged([sketch.of(part.copy()) for part in np.array_split(values, PARTS)])
            errors.append(_error(sketch, merged, values))
            is_same = sketch.data(made) == sketch.data(sketch.of(values))
            size = len(sketch.data(made)) / 1024
            print(
                f"{label:<20}{spent:>12.0f}{spent / ours:>12.2f}{size:>12.0f}"
                + "".join(f"{error * 100:>12.3f}" for error in errors)
                + f"{'yes' if is_same else 'no':>12}"
            )


def _error(sketch: Sketch, made: Any, values: Array) -> float:
    ranked = np.sort(values)
    at = np.unique(ranked[:: ROWS // 4_000])
    exact = (np.searchsorted(ranked, at, side) / ROWS for side in ("right", "left"))
    return max(float(np.abs(one - other).max()) for one, other in zip(sketch.ranks(made, at), exact, strict=True))


def _ours() -> Sketch:
    def ranks(made: Profile, at: Array) -> tuple[Array, Array]:
        return made.columns["x"].cdf(at), made.columns["x"].below(at)

    return Sketch(lambda values: Profile.of({"x": values}, {"x": "number"}), merge, Profile.to_bytes, ranks)


def _theirs(make: Callable[[], Any], kll: bool) -> Sketch:
    def of(values: Array) -> Any:
        sketch = make()
        sketch.update(values)
        return sketch

    def merged(parts: list[Any]) -> Any:
        sketch = make()
        for part in parts:
            sketch.merge(part)
        return sketch

    def ranks(sketch: Any, at: Array) -> tuple[Array, Array]:
        if kll:
            return tuple(np.array([sketch.get_rank(x, side) for x in at]) for side in (True, False))  # type: ignore[return-value]
        # A t-digest answers with the middle of a value's ranks, so it is asked on either side of it.
        sides = np.nextafter(at, np.inf), np.nextafter(at, -np.inf)
        return tuple(np.array([sketch.get_rank(x) for x in side]) for side in sides)  # type: ignore[return-value]

    return Sketch(of, merged, lambda sketch: bytes(sketch.serialize()), ranks)


SKETCHES = {
    "ours": _ours(),
    "KLL, k = 1600": _theirs(lambda: datasketches.kll_doubles_sketch(1_600), kll=True),
    "t-digest, k = 1000": _theirs(lambda: datasketches.tdigest_double(1_000), kll=False),
}


if __name__ == "__main__":
    main()
