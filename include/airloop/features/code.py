"""The user's feature code: loaded from a folder, run on the input columns, its answer checked.

Only the features file and the files beside it that it imports belong to the code. Their bytes are read once: what the
digest covers is what runs and what ``save`` writes into a model or bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airloop.code.modules import load_module
from airloop.code.sources import digest_of, read_sources, write_sources
from airloop.errors import FeatureError, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Arrays = Mapping[str, np.ndarray[Any, Any]]


class Hooks(Protocol):
    """What names the code: the spec's ``features`` section, or its copy in a model folder."""

    @property
    def build(self) -> str: ...
    @property
    def arrays(self) -> str | None: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class FeatureCode:
    """Rows to features; without functions the input columns are the features."""

    folder: Path
    sources: Mapping[str, bytes]
    """Relative path → bytes of every file that belongs to the code."""
    inputs: tuple[str, ...]
    """Columns that the functions are given; () gives them all."""
    build_name: str = ""
    build_function: Callable[..., Any] | None = None
    arrays_name: str = ""
    arrays_function: Callable[..., Any] | None = None

    @classmethod
    def load(cls, folder: Path, hooks: Hooks | None, inputs: Sequence[str] = ()) -> FeatureCode:
        """Load ``file.py:function`` of ``hooks`` from ``folder``; ``inputs`` wins over ``hooks.inputs``.

        Raises FeatureError when a file or function is missing or the file cannot be run.
        """
        if hooks is None:
            return cls(folder, {}, tuple(inputs))
        sources = sources_of(folder, hooks)
        build = _function(folder, sources, hooks.build)
        arrays = _function(folder, sources, hooks.arrays) if hooks.arrays else None
        return cls(folder, sources, tuple(inputs) or hooks.inputs, hooks.build, build, hooks.arrays or "", arrays)

    @property
    def digest(self) -> str:
        """SHA-256 of the code's files; land.py and other neighbours do not count."""
        return digest_of(self.sources)

    @property
    def has_arrays(self) -> bool:
        """Whether features can be made without pandas."""
        return self.build_function is None or self.arrays_function is not None

    def build(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the features of ``frame``: the same rows in the same order, one column a feature.

        Raises FeatureError naming file and function when the code fails or answers with something else.
        """
        given = frame[list(self._present(frame.columns))]
        if self.build_function is None:
            return given
        answer = _call(self.folder, self.build_name, self.build_function, given, len(given))
        _check_frame(f"{self.folder / self.build_name}", given, answer)
        return answer  # type: ignore[no-any-return]  # checked above

    def arrays(self, columns: Arrays) -> dict[str, np.ndarray[Any, Any]] | None:
        """Return the features as arrays of shape (n,), or None where the code has no path without pandas.

        Raises FeatureError like ``build``.
        """
        names = self._present(columns)
        given = {name: columns[name] for name in names}
        if self.build_function is None:
            return given
        if self.arrays_function is None:
            return None
        rows = len(next(iter(given.values()))) if given else 0
        answer = _call(self.folder, self.arrays_name, self.arrays_function, given, rows)
        _check_arrays(f"{self.folder / self.arrays_name}", rows, answer)
        return answer  # type: ignore[no-any-return]  # checked above

    def save(self, folder: Path) -> None:
        """Write the code's files into ``folder``."""
        write_sources(folder, self.sources)

    def _present(self, columns: Any) -> tuple[str, ...]:
        names = self.inputs or tuple(columns)
        missing = [name for name in names if name not in columns]
        if missing:
            hint = nearest(missing[0], [str(column) for column in columns])
            where = f"{self.folder / self.build_name}: " if self.build_name else ""
            raise FeatureError(f"{where}input columns {missing} are not in the data.{hint}")
        return names


def sources_of(folder: Path, hooks: Hooks) -> dict[str, bytes]:
    """Return path → bytes of the code's files in ``folder``; nothing is run. Raises FeatureError."""
    files = [hook.partition(":")[0] for hook in (hooks.build, hooks.arrays) if hook]
    return read_sources(folder, files, FeatureError)


def _function(folder: Path, sources: Mapping[str, bytes], hook: str) -> Callable[..., Any]:
    file, _, name = hook.partition(":")
    module = load_module(folder, sources, file, FeatureError)
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise FeatureError(f"{folder / file}: no function {name!r}.{nearest(name, known)}")
    return function  # type: ignore[no-any-return]  # user code: checked when called


def _call(folder: Path, hook: str, function: Callable[..., Any], given: Any, rows: int) -> Any:
    try:
        return function(given)
    except Exception as error:  # The user's code may raise anything; here it gets its name.
        what = f"{type(error).__name__}: {error}"
        raise FeatureError(f"{folder / hook} failed on {rows} rows with columns {list(given)}: {what}") from error


def _check_frame(where: str, given: pd.DataFrame, answer: object) -> None:
    import pandas as pd

    if not isinstance(answer, pd.DataFrame):
        raise FeatureError(f"{where} returned {type(answer).__name__}; it must return a DataFrame with the same rows")
    if len(answer) != len(given):
        raise FeatureError(f"{where} returned {len(answer)} rows for {len(given)}; every row needs its features")
    if not answer.index.equals(given.index):
        raise FeatureError(f"{where} returned the rows in another order or under another index; keep it as given")
    names = list(answer.columns)
    if not names:
        raise FeatureError(f"{where} returned no column")
    if any(not isinstance(name, str) for name in names):
        raise FeatureError(f"{where} returned column names that are not texts: {names}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FeatureError(f"{where} returned the columns {twice} more than once")


def _check_arrays(where: str, rows: int, answer: object) -> None:
    if not isinstance(answer, dict):
        raise FeatureError(f"{where} returned {type(answer).__name__}; it must return a dict of arrays")
    for name, column in answer.items():
        if getattr(column, "shape", None) != (rows,):
            shape = getattr(column, "shape", type(column).__name__)
            raise FeatureError(f"{where} returned {name!r} with shape {shape}; expected ({rows},)")
