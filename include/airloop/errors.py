"""What can go wrong, one class per area, each named for the mistake.

A message says what (the value), where, what is allowed, and the nearest valid word.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AirloopError(Exception):
    """Every error that Airloop raises on purpose."""

    retryable = False
    """Whether trying again later, with nothing changed, can help."""


class SpecError(AirloopError):
    """A pipeline's description is wrong."""


class DataError(AirloopError):
    """The source's rows cannot be used as they are."""


class SourceChanged(DataError):
    """A partition changed while it was being read."""

    retryable = True


class ValidationBlocked(AirloopError):
    """An expectation of severity ``block`` failed."""


class TrainingError(AirloopError):
    """A model cannot be fitted from these rows with these parameters."""


class BundleError(AirloopError):
    """A bundle is incomplete, altered or cannot be served."""


class ReleaseRefused(AirloopError):
    """A release broke a rule, for example forward-only; the champion stays."""


class LostRace(ReleaseRefused):
    """Another run changed the champion first."""

    retryable = True


class Unreachable(AirloopError):
    """A store, ledger, registry or server did not answer."""

    retryable = True


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'? Known: a, b, x."``, without the question where nothing is near."""
    known = sorted(allowed)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    question = f" Did you mean '{close[0]}'?" if close else ""
    return f"{question} Known: {', '.join(known)}."
