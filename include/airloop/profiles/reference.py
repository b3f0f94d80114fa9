"""The reference: what a model was trained on and how good it was then, kept beside it for monitoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from airloop import clock
from airloop.errors import BundleError, DataError
from airloop.profiles.column import Kind
from airloop.profiles.profile import Profile

if TYPE_CHECKING:
    from airloop.features.schema import Schema

FOLDER = "reference"
"""Beside the model, in its folder and in the bundle."""
PREDICTION = "prediction"
"""The column of ``Reference.prediction``; of a task with k classes these are ``prediction[class]``."""
_COLUMNS, _PREDICTION, _FACTS = "columns.profile", "prediction.profile", "reference.json"

Natural = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Reference:
    """Training and holdout rows of a model, as its features and inputs show them."""

    columns: Profile
    """Features as the model sees them; inputs that are no feature under their own name."""
    prediction: Profile
    """Of the released fit, on the labelled holdout rows."""
    kinds: dict[str, Kind]
    """Of ``columns``."""
    importance: dict[str, float]
    """Column → share of the gain; 0 for inputs that are no feature."""
    window: timedelta | None = None
    """Length of a monitoring window; None where rows have no time."""
    natural: Natural = field(default_factory=dict)
    """Method, or aspect → column → distance of each earlier stretch of that length from the rest of the
    reference, oldest first; ``prediction`` is among the columns. Says how far unchanged data move by themselves."""
    usual_rows: float = 0.0
    """Median number of rows in a stretch of a window's length; all rows where there is none."""
    baseline: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    """Metric → value and standard error on the labelled holdout rows; the error is None where none can be given."""
    calibration: tuple[tuple[float, float], ...] | None = None
    """Rising (promised, observed) probability of the second class: the knots of an isotonic fit, linear in between."""
    train_start: datetime | None = None
    cut_off: datetime | None = None
    """``as_of`` of the snapshot."""

    def save(self, folder: Path) -> None:
        """Write into ``folder``, which is made; the same reference always gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _COLUMNS).write_bytes(self.columns.to_bytes())
        (folder / _PREDICTION).write_bytes(self.prediction.to_bytes())
        facts = _Facts(
            kinds=self.kinds,
            importance=self.importance,
            window_s=self.window.total_seconds() if self.window else None,
            natural=self.natural,
            usual_rows=self.usual_rows,
            baseline=self.baseline,
            calibration=self.calibration,
            train_start=clock.iso(self.train_start) if self.train_start else None,
            cut_off=clock.iso(self.cut_off) if self.cut_off else None,
        )
        (folder / _FACTS).write_bytes(msgspec.json.format(msgspec.json.encode(facts), indent=1) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Reference:
        """Return what ``save`` wrote. Raises BundleError when it is absent or cannot be read."""
        try:
            columns, prediction = (Profile.from_bytes((folder / name).read_bytes()) for name in (_COLUMNS, _PREDICTION))
            facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=_Facts)
        except FileNotFoundError:
            raise BundleError(
                f"{folder} is not there: this bundle is older than monitoring and does not say what its model was "
                "trained on. Train and release again"
            ) from None
        except (DataError, msgspec.DecodeError) as error:
            raise BundleError(f"{folder} cannot be read: {error}. Train and release again") from error
        return cls(
            columns=columns,
            prediction=prediction,
            kinds=facts.kinds,
            importance=facts.importance,
            window=timedelta(seconds=facts.window_s) if facts.window_s is not None else None,
            natural=facts.natural,
            usual_rows=facts.usual_rows,
            baseline=facts.baseline,
            calibration=facts.calibration,
            train_start=clock.parse(facts.train_start) if facts.train_start else None,
            cut_off=clock.parse(facts.cut_off) if facts.cut_off else None,
        )


def kinds_of(schema: Schema) -> dict[str, Kind]:
    """Return what to profile of a model's rows: its features, then its inputs that are no feature."""
    kinds: dict[str, Kind] = {
        feature.name: "number" if feature.categories is None else "category" for feature in schema.features
    }
    of_input: dict[str, Kind] = {"text": "category", "time": "time"}
    return kinds | {
        column.name: of_input.get(column.kind, "number") for column in schema.inputs if column.name not in kinds
    }


def prediction_columns(schema: Schema) -> tuple[str, ...]:
    """Return the names of the prediction's columns, in the order of the model's answer."""
    if schema.task != "multiclass":
        return (PREDICTION,)
    return tuple(f"{PREDICTION}[{name}]" for name in schema.classes)


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kinds: dict[str, Kind]
    importance: dict[str, float]
    window_s: float | None
    natural: Natural
    usual_rows: float
    baseline: dict[str, tuple[float, float | None]]
    calibration: tuple[tuple[float, float], ...] | None
    train_start: str | None
    cut_off: str | None
    format: int = 1
