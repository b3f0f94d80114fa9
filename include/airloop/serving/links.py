"""From the sum of a model's leaves to its answer, in the float32 arithmetic of XGBoost's objectives."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from airloop.errors import AirloopError

Array = np.ndarray[Any, Any]


class Unsupported(AirloopError):
    """The model is of a kind that only its own library evaluates."""


@dataclass(frozen=True)
class Link:
    """``apply``: margins (n, k) → answers (n,) or (n, k); ``margin``: base scores as the model keeps them → margins."""

    apply: Callable[[Array], Array]
    margin: Callable[[Array], Array]


def find(objective: str) -> Link:
    """Return the link of an XGBoost objective. Raises Unsupported."""
    try:
        return _LINKS[objective]
    except KeyError:
        raise Unsupported(f"objective {objective!r} is evaluated by its own library only") from None


def _first(margins: Array) -> Array:
    return margins[:, 0]


def _sigmoid(margins: Array) -> Array:
    # XGBoost keeps exp() from overflowing in the same way.
    powers = _exp(np.minimum(-margins[:, 0], np.float32(88.7)))
    return np.float32(1) / (powers + np.float32(1))


def _softmax(margins: Array) -> Array:
    powers = _exp((margins - margins.max(axis=1, keepdims=True)).ravel()).reshape(margins.shape)
    total = np.add.accumulate(powers.astype(np.float64), axis=1)[:, -1:]
    return powers / total.astype(np.float32)


def _logit(scores: Array) -> Array:
    return -_by_c("logf", np.log, np.float32(1) / scores - np.float32(1))


def _log(scores: Array) -> Array:
    return _by_c("logf", np.log, scores)


def _exp(values: Array) -> Array:
    return _by_c("expf", np.exp, values)


def _by_c(name: str, instead: Callable[[Array], Array], values: Array) -> Array:
    """Return a function of float32 (n,), each by the C library: NumPy's own differs in the last bit now and then."""
    function = _c_function(name)
    if function is None:
        return instead(values)
    return np.fromiter((function(value) for value in values.tolist()), np.float32, len(values))


@cache
def _c_function(name: str) -> Callable[[float], float] | None:
    # The interpreter itself is linked with the library of mathematics, wherever that lies.
    function: Any = getattr(ctypes.CDLL(None), name, None)
    if function is None:
        return None
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    return function  # type: ignore[no-any-return]  # described by the line above


_IDENTITY = Link(_first, np.asarray)
_PROBABILITY = Link(_sigmoid, _logit)
_RATE = Link(lambda margins: _exp(margins[:, 0]), _log)
_LINKS = {
    "binary:logistic": _PROBABILITY,
    "count:poisson": _RATE,
    "multi:softprob": Link(_softmax, np.asarray),
    "reg:absoluteerror": _IDENTITY,
    "reg:gamma": _RATE,
    "reg:logistic": _PROBABILITY,
    "reg:pseudohubererror": _IDENTITY,
    "reg:quantileerror": _IDENTITY,
    "reg:squarederror": _IDENTITY,
    "reg:squaredlogerror": _IDENTITY,
    "reg:tweedie": _RATE,
}
