"""One loaded version: everything needed to read a request, answer it, and count it."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from airloop.bundle.facts import Bundle
from airloop.bundle.opened import open_folder, open_stored
from airloop.errors import AirloopError, BundleError, FeatureError
from airloop.serving import proof
from airloop.serving.answer import Writer
from airloop.serving.answers import Answers
from airloop.serving.batch import Batch
from airloop.serving.links import Unsupported
from airloop.serving.predictor import Predictor, open_predictor
from airloop.serving.request import Reader
from airloop.serving.stats import Stats

if TYPE_CHECKING:
    from airloop.store import Store

TOLERANCE = 1e-6
"""Largest difference of a golden answer: float32 libraries may round differently on another processor."""
WARM_ROWS = 8
"""Golden rows asked one by one at loading, so that the first request finds everything warm."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A bundle, ready to answer; never changed, but for the batch that requests wait in."""

    bundle: Bundle
    reader: Reader
    predictor: Predictor
    batch: Batch
    writer: Writer

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self.bundle.pipeline

    @property
    def version(self) -> str:
        """Version that answers carry."""
        return self.bundle.version


@dataclass
class Slot:
    """A place in a pipeline's state: a version, and what it did since it got the place."""

    loaded: Loaded
    total: Stats
    before: Stats = field(default_factory=Stats)
    shadow_largest_difference: float = 0.0
    answers: Answers = field(default_factory=Answers)
    """Its latest answers to requests that are to be compared."""

    def __post_init__(self) -> None:
        self.before = self.total.copy()

    @property
    def stats(self) -> dict[str, Any]:
        """What the admin API tells of this place."""
        counted = self.total.since(self.before).as_json()
        return counted | {"shadow_largest_difference": self.shadow_largest_difference}


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version by its bundle's digest."""

    bundle: str
    version: str


def load(store: Store, pipeline: str, wanted: Wanted) -> Loaded:
    """Check a bundle's bytes, load it, and replay its golden rows.

    Raises BundleError when it is missing, changed, of another pipeline or version, or answers otherwise than it must.
    """
    bundle = open_stored(store, wanted.bundle)
    if (bundle.pipeline, bundle.version) != (pipeline, wanted.version):
        raise BundleError(
            f"bundle {wanted.bundle[:12]} is version {bundle.version!r} of {bundle.pipeline!r}, "
            f"not version {wanted.version!r} of {pipeline!r}"
        )
    loaded = open_loaded(bundle, proof.find(store, wanted.bundle))
    replay(loaded)
    return loaded


def load_folder(folder: Path, bundle_digest: str) -> Loaded:
    """Check and load the bundle that lies in ``folder``; its proof is in the environment where there is one.

    Raises BundleError when its bytes are not ``bundle_digest``, or it answers otherwise than it must.
    """
    bundle = open_folder(folder, bundle_digest)
    try:
        shown = proof.told(os.environ, bundle_digest)
    except msgspec.DecodeError as error:
        raise BundleError(f"bundle {bundle_digest[:12]}: {proof.VARIABLE} cannot be read: {error}") from None
    loaded = open_loaded(bundle, shown)
    replay(loaded)
    return loaded


def open_loaded(bundle: Bundle, shown: proof.Proof) -> Loaded:
    """Return a bundle ready to answer, with the shortcuts that ``shown`` allows. Raises BundleError."""
    if not shown.arrays and importlib.util.find_spec("pandas") is None:
        raise BundleError(
            f"bundle {bundle.digest[:12]} needs pandas, which is not installed here, unless it is proved that it "
            f"answers the same without ({shown.reason}). Set {proof.VARIABLE} to what `verify_bundle` proved of this "
            "very bundle with this version of Airloop, or serve it where pandas is installed"
        )
    try:
        predictor = open_predictor(bundle.folder, bundle.schema, shown)
    except (FeatureError, Unsupported) as error:
        raise BundleError(f"bundle {bundle.digest[:12]} cannot be loaded: {error}") from error
    reader = Reader(bundle.schema, bundle.facts.max_rows)
    return Loaded(bundle, reader, predictor, Batch(predictor), Writer(bundle.pipeline, bundle.version, bundle.schema))


def replay(loaded: Loaded) -> float:
    """Return the largest difference from the golden answers. Raises BundleError when it is above TOLERANCE."""
    golden = loaded.bundle.golden
    columns = golden.columns(loaded.bundle.schema)
    name = loaded.bundle.digest[:12]
    try:
        answers = loaded.predictor.predict(columns)
        for row in range(min(WARM_ROWS, golden.rows)):
            loaded.predictor.predict([column[row : row + 1] for column in columns])
    except AirloopError as error:
        raise BundleError(f"bundle {name} cannot answer its golden rows: {error}") from error
    expected = np.array(golden.expected, dtype=np.float64)
    if answers.shape != expected.shape:
        raise BundleError(f"bundle {name} answers golden rows with shape {answers.shape}, expected {expected.shape}")
    off = np.abs(answers - expected)
    if not (off <= TOLERANCE).all():
        row = int(np.argmax(off.reshape(len(off), -1).max(axis=1)))
        raise BundleError(
            f"bundle {name} answers golden row {row} with {answers[row]}, expected {expected[row]} (±{TOLERANCE:g})"
        )
    return float(off.max(initial=0.0))
