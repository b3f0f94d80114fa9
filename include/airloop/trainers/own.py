"""A trainer in a file of the pipeline's folder, or in the copy of it that every model carries.

Its code belongs to the model like feature code: it counts in the model's digest, lies in the bundle under the bundle's
signature, and is run under a name of its own, so that two versions of a trainer answer side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airloop.code.modules import load_module
from airloop.code.sources import read_sources
from airloop.errors import AirloopError, BundleError, TrainingError, nearest

if TYPE_CHECKING:
    import numpy as np

    from airloop.spec.model import Model
    from airloop.trainers.checkpoint import Checkpoints
    from airloop.trainers.protocol import Fitted, Floats, Trainer, TrainingData

    Answers = np.ndarray[Any, np.dtype[np.float64]]

_FORM = re.compile(r"(?P<file>[^:]+\.py):(?P<name>\w+)")


def is_own(name: str) -> bool:
    """Return whether a spec's ``trainer`` means a class in a file of the pipeline: ``file.py:Class``."""
    return _FORM.fullmatch(name) is not None


def sources_of(name: str, folder: Path) -> dict[str, bytes]:
    """Return path → bytes of the trainer's file in ``folder`` and those it imports from there; nothing is run."""
    return read_sources(folder, [name.partition(":")[0]], TrainingError)


class OwnTrainer:
    """A user's trainer, whose mistakes are told by name: as TrainingError, in ``load`` as BundleError."""

    def __init__(self, name: str, folder: Path, sources: Mapping[str, bytes]) -> None:
        file, _, attribute = name.partition(":")
        module = load_module(folder, sources, file, TrainingError)
        self._name, self._trainer = name, cast("Trainer", _made(name, module, attribute))
        self.libraries = tuple(self._trainer.libraries)
        self.serving = tuple(getattr(self._trainer, "serving", self.libraries))

    def check(self, model: Model) -> None:
        _calling(f"{self._name}.check", TrainingError, self._trainer.check, model)

    def fit(self, data: TrainingData, model: Model, checkpoints: Checkpoints) -> Fitted:
        return self._fitted("fit", data, model, checkpoints)

    def fit_replicate(self, data: TrainingData, model: Model, number: int, checkpoints: Checkpoints) -> Fitted:
        return self._fitted("fit_replicate", data, model, number, checkpoints)

    def load(self, folder: Path, threads: int = 1) -> Fitted:
        return OwnModel(
            self._name, _calling(f"{self._name}.load", BundleError, self._trainer.load, folder, threads), BundleError
        )

    def _fitted(self, what: str, data: TrainingData, *rest: object) -> Fitted:
        call = getattr(self._trainer, what, None)
        fitted = OwnModel(self._name, _calling(f"{self._name}.{what}", TrainingError, call, data, *rest), TrainingError)
        fitted.predict(data.fit.matrix[:1])
        return fitted


class OwnModel:
    """A user's model, whose answers are checked."""

    def __init__(self, name: str, model: Fitted, wrong: type[AirloopError]) -> None:
        self._name, self._model, self._wrong = name, model, wrong

    @property
    def rounds(self) -> int:
        return int(self._model.rounds)

    @property
    def watched(self) -> tuple[str, tuple[float, ...]]:
        return self._model.watched

    def predict(self, matrix: Floats) -> Answers:
        import numpy as np

        found = _calling(f"{self._name}: predict", self._wrong, self._model.predict, matrix)
        answers = np.asarray(found, dtype=np.float64)
        if answers.ndim not in (1, 2) or len(answers) != len(matrix):
            raise self._wrong(f"{self._name}: predict returned the shape {answers.shape} for {len(matrix)} rows")
        if not np.isfinite(answers).all():
            raise self._wrong(f"{self._name}: predict returned NaN or infinity; missing features are NaN in the matrix")
        return answers

    def save(self, folder: Path) -> None:
        _calling(f"{self._name}: save", self._wrong, self._model.save, folder)

    def importance(self, names: Sequence[str]) -> dict[str, float]:
        return dict(_calling(f"{self._name}: importance", self._wrong, self._model.importance, names))


def _made(name: str, module: Any, attribute: str) -> object:
    kind = getattr(module, attribute, None)
    if not isinstance(kind, type):
        known = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise TrainingError(f"model.trainer: {name!r}: no class {attribute!r}.{nearest(attribute, known)}")
    made = _calling(name, TrainingError, kind)
    wanted = ("libraries", "check", "fit", "fit_replicate", "load")
    missing = [what for what in wanted if not hasattr(made, what)]
    if missing:
        raise TrainingError(
            f"model.trainer: {name!r} has no {', '.join(missing)}; see airloop.trainers.protocol.Trainer"
        )
    return made


def _calling(what: str, wrong: type[AirloopError], call: Any, *given: object) -> Any:
    """Call user code, which may raise anything; here it gets its name."""
    try:
        return call(*given)
    except AirloopError:
        raise
    except Exception as error:
        raise wrong(f"{what} failed: {type(error).__name__}: {error}") from error
