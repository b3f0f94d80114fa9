"""Features and model together: raw columns in, answers out, from a model's or a bundle's folder alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from airloop import trainers
from airloop.errors import BundleError
from airloop.features.code import FeatureCode
from airloop.features.encode import Matrix, Vector, encode
from airloop.features.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

    from airloop.trainers.protocol import Fitted

SCHEMA_FILE = "schema.json"
HOOKS_FILE = "features.json"
CODE_FOLDER = "features"
MODEL_FOLDER = "model"


class SavedHooks(msgspec.Struct, frozen=True):
    """The spec's ``features`` section as a folder keeps it, with the inputs spelled out."""

    build: str
    inputs: tuple[str, ...] = ()
    arrays: str | None = None


class Scorer:
    """A model with its feature code and schema. Predicting is safe from several threads."""

    def __init__(self, schema: Schema, code: FeatureCode, model: Fitted) -> None:
        self.schema = schema
        self.code = code
        self.model = model

    @classmethod
    def open(cls, folder: Path, *, model: Path | None = None, threads: int = 1) -> Scorer:
        """Open a servable folder; ``model`` takes the fit in another folder, for example a replicate's.

        Raises BundleError when a file is missing or broken, FeatureError when the code cannot be loaded.
        """
        schema = _read(folder / SCHEMA_FILE, Schema)
        hooks = _read(folder / HOOKS_FILE, SavedHooks | None)
        inputs = tuple(column.name for column in schema.inputs)
        code = FeatureCode.load(folder / CODE_FOLDER, hooks, inputs)
        return cls(schema, code, trainers.load(model or folder / MODEL_FOLDER, threads))

    def matrix(
        self,
        columns: pd.DataFrame | Mapping[str, np.ndarray[Any, Any]],
        unknown: Literal["missing", "refuse"] | None = None,
    ) -> Matrix:
        """Return the encoded features, float32 (rows, features), of a frame or of arrays (rows,) by input name.

        Arrays need feature code with an ``arrays`` function. ``unknown`` overrides the schema's policy: judging on past
        rows takes unknown categories as missing. Raises FeatureError, and DataError for refused categories.
        """
        if not isinstance(columns, Mapping):
            return encode(self.schema, self.code.build(columns), unknown)
        features = self.code.arrays(columns)
        if features is None:
            raise BundleError(f"{self.code.folder} has no arrays function; give a DataFrame")
        return encode(self.schema, features, unknown)

    def predict(
        self,
        columns: pd.DataFrame | Mapping[str, np.ndarray[Any, Any]],
        unknown: Literal["missing", "refuse"] | None = None,
    ) -> Vector:
        """Return float64: (rows,) P(second class) or value, or (rows, classes) for a multiclass task."""
        return self.model.predict(self.matrix(columns, unknown))


def save_servable(
    folder: Path,
    schema: Schema,
    code: FeatureCode,
    hooks: SavedHooks | None,
    model: Fitted,
    trainer: str,
    trainer_code: Mapping[str, bytes] | None = None,
) -> None:
    """Write the layout that ``Scorer.open`` reads."""
    for name, value in ((SCHEMA_FILE, schema), (HOOKS_FILE, hooks)):
        (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1))
    code.save(folder / CODE_FOLDER)
    trainers.save(model, trainer, folder / MODEL_FOLDER, trainer_code)


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise BundleError(f"{path} is missing; the folder is not a model or bundle, or is incomplete") from None
    except msgspec.MsgspecError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error
