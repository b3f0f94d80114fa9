"""From a request's columns to answers: natively, or by the shortcuts that were proved equal for this bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from airloop.bundle.frames import as_frame
from airloop.errors import BundleError
from airloop.features.schema import Schema
from airloop.scoring import CODE_FOLDER, HOOKS_FILE, MODEL_FOLDER, SavedHooks
from airloop.serving import ubjson
from airloop.serving.columns import DirectEncoder, as_arrays
from airloop.serving.forest import Forest
from airloop.serving.links import Unsupported
from airloop.serving.proof import Proof

if TYPE_CHECKING:
    from airloop.features.code import FeatureCode

Array = np.ndarray[Any, Any]
Columns = Sequence[Sequence[Any]]
XGBOOST_MODEL = "model.ubj"


class Predictor:
    """Answers for one bundle; ``predict`` takes columns of n values and returns float64 (n,) or (n, k)."""

    def __init__(self, matrix: Callable[[Columns], Array], evaluate: Callable[[Array], Array], ways: str) -> None:
        self._matrix = matrix
        self._evaluate = evaluate
        self.ways = ways
        """How answers are computed, for people: ``arrays, forest`` or ``frames, native``."""

    def predict(self, columns: Columns) -> Array:
        """Return the answers. Raises DataError or FeatureError for values that the features cannot be made of."""
        return self._evaluate(self._matrix(columns)).astype(np.float64)


def open_predictor(folder: Path, schema: Schema, proof: Proof) -> Predictor:
    """Return the predictor of a servable folder. Imports pandas and the trainer's library only where it needs them."""
    matrix = matrix_maker(folder, schema, arrays=proof.arrays)
    evaluate = open_forest(folder).predict if proof.forest else _native(folder)
    ways = f"{'arrays' if proof.arrays else 'frames'}, {'forest' if proof.forest else 'native'}"
    return Predictor(matrix, evaluate, ways)


def open_forest(folder: Path) -> Forest:
    """Return the model in ``folder`` as a forest. Raises Unsupported when it is none, or of a kind not walked here."""
    path = folder / MODEL_FOLDER / XGBOOST_MODEL
    try:
        return Forest.from_model(ubjson.read(path.read_bytes()))
    except FileNotFoundError:
        raise Unsupported(f"the model is not XGBoost's: it has no {XGBOOST_MODEL}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Unsupported(f"{XGBOOST_MODEL} is in a form that is not known: {error!r}") from None


def _native(folder: Path) -> Callable[[Array], Array]:
    from airloop import trainers

    return trainers.load(folder / MODEL_FOLDER).predict


def matrix_maker(folder: Path, schema: Schema, *, arrays: bool) -> Callable[[Columns], Array]:
    """Return what turns columns of n values into the model's matrix, float32 (n, f), with or without pandas."""
    from airloop.features.encode import encode

    code = _feature_code(folder, schema)
    if not arrays:
        return lambda columns: encode(schema, code.build(as_frame(schema, columns)))
    if code.build_function is None and DirectEncoder.fits(schema):
        return DirectEncoder(schema)
    return lambda columns: encode(schema, _features(code, schema, columns))


def _features(code: FeatureCode, schema: Schema, columns: Columns) -> dict[str, Array]:
    features = code.arrays(as_arrays(schema, columns))
    if features is None:
        raise BundleError("the bundle's feature code has no function for arrays")
    return features


def _feature_code(folder: Path, schema: Schema) -> FeatureCode:
    from airloop.features.code import FeatureCode

    hooks = msgspec.json.decode((folder / HOOKS_FILE).read_bytes(), type=SavedHooks | None)
    return FeatureCode.load(folder / CODE_FOLDER, hooks, tuple(column.name for column in schema.inputs))
