"""What a model's digest is made of: everything that could change its bytes, and nothing else."""

from __future__ import annotations

import importlib.util
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airloop
from airloop import digest, trainers
from airloop.code.sources import digest_of
from airloop.features.code import sources_of

if TYPE_CHECKING:
    from airloop.spec import Pipeline, Spec

FORMAT = 2
"""Of a model's folder: one of an older format is trained again. 2 has ``reference/``."""
_SECTIONS = ("name", "data", "features", "model")
_SAME_LIBRARY = {"xgboost": ("xgboost-cpu", "xgboost")}


def model_digest(pipeline: Pipeline, snapshot: str, validation: str) -> str:
    """Return the digest of the model that this description trains on this snapshot.

    The release, gates and monitor sections do not count, but for ``monitor.window``, by which the reference is cut.
    Of the user's code only a trainer's is run, for its ``libraries``.
    """
    spec = pipeline.spec
    return digest.of_value(
        {
            "format": FORMAT,
            "snapshot": snapshot,
            "validation": validation,
            "spec": _described(spec),
            "window_s": spec.monitor.window.total_seconds(),
            "code": code_digest(pipeline),
            "trainer": _trainer_source(pipeline),
            "versions": library_versions(pipeline),
        }
    )


def _described(spec: Spec) -> dict[str, Any]:
    dumped = spec.model_dump(mode="json", include=set(_SECTIONS))
    # One worker is what models without the key were fitted by.
    if spec.model.workers == 1:
        del dumped["model"]["workers"]
    return dumped


def code_digest(pipeline: Pipeline) -> str:
    """Return the digest of the feature code, "" without any."""
    hooks = pipeline.spec.features
    return digest_of(sources_of(pipeline.folder, hooks)) if hooks else ""


def spec_digest(pipeline: Pipeline) -> str:
    """Return the digest of the whole description, for lineage."""
    return digest.of_value(pipeline.spec.model_dump(mode="json"))


def library_versions(pipeline: Pipeline) -> dict[str, str]:
    """Return the versions that can change a model's bytes."""
    # The last two make the sketches and the calibration of the reference.
    ours = ("airloop", "numpy", "pandas", "datasketches", "scipy")
    return versions(*ours, *trainers.libraries(pipeline.spec.model.trainer, pipeline.folder))


def versions(*distributions: str) -> dict[str, str]:
    """Return distribution → version, and Python's; "" for what is not installed as a distribution."""
    found = {name: _version(name) for name in distributions}
    return found | {"python": ".".join(platform.python_version_tuple()[:2])}


def _version(name: str) -> str:
    if name == "airloop":
        return airloop.__version__
    for candidate in _SAME_LIBRARY.get(name, (name,)):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _trainer_source(pipeline: Pipeline) -> str:
    """Return the digest of the files of a trainer that is not part of Airloop."""
    name = pipeline.spec.model.trainer
    if own := trainers.sources(name, pipeline.folder):
        return digest_of(own)
    module = name.rpartition(".")[0]
    found = importlib.util.find_spec(module) if module else None
    return digest.of_file(Path(found.origin)) if found and found.origin else ""
