"""The schema of a model: the columns that a request carries and the features that the model sees."""

from __future__ import annotations

from typing import Literal

import msgspec

InputKind = Literal["number", "integer", "boolean", "text", "time"]


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a request; ``minimum`` and ``maximum`` are what training saw (for people, not enforced)."""

    name: str
    kind: InputKind
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of the model's matrix; ``categories`` is set, and sorted, for a categorical one.

    A category is encoded as its index, anything unknown or missing as NaN.
    """

    name: str
    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


class Schema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes in, what the model sees, and what comes out."""

    inputs: tuple[Input, ...]
    features: tuple[Feature, ...]
    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[str, ...]
    """Labels in the order of the probabilities; for a binary task the second is the positive one; () for regression."""
    unknown_category: Literal["missing", "refuse"] = "missing"

    @property
    def output(self) -> str:
        """Name of the output tensor."""
        return "prediction" if self.task == "regression" else "probability"
