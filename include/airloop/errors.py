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
    """An expectation of severity ``block`` failed.

    ``docs`` is the URI of the page that shows it, ``digest`` that of the outcome in the store.
    """

    def __init__(self, message: str, docs: str = "", digest: str = "") -> None:
        super().__init__(message)
        self.docs = docs
        self.digest = digest


class FeatureError(AirloopError):
    """A pipeline's feature code is missing, failed, or returned something else than features."""


class TrainingError(AirloopError):
    """A model cannot be fitted from these rows with these parameters."""


class BundleError(AirloopError):
    """A bundle is incomplete, altered or cannot be served."""


class ImageError(AirloopError):
    """An image cannot be built, is missing, or is not what it should be."""


class ClusterRefused(AirloopError):
    """A Kubernetes cluster will not do it however often it is asked: no right, an invalid object, a webhook."""


class EvidenceError(AirloopError):
    """Evidence for a release is missing, altered, or not signed by a key that is trusted."""


class StepFailed(AirloopError):
    """A step that ran in a container failed there."""


class StepInterrupted(StepFailed):
    """A step that ran in a container was cut short there, or met something that heals."""

    retryable = True


class ReleaseRefused(AirloopError):
    """A release broke a rule, for example forward-only; the champion stays."""


class LostRace(ReleaseRefused):
    """Another run changed the champion first."""

    retryable = True


class LedgerError(AirloopError):
    """The ledger cannot be read or may not be changed like this."""


class UnknownName(AirloopError):
    """Something was asked for by a name that nothing has."""


class Unreachable(AirloopError):
    """A store, ledger, registry or server did not answer."""

    retryable = True


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'? Known: a, b, x."``, without the question where nothing is near."""
    known = sorted(allowed)
    close = closest(word, known)
    question = f" Did you mean '{close}'?" if close else ""
    return f"{question} Known: {', '.join(known)}."


def closest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word most like ``word``, whatever its case and the order of its parts, or None."""
    scored = [(max(_likeness(word, known), _likeness(_sorted(word), _sorted(known))), known) for known in allowed]
    score, best = max(scored, default=(0.0, ""))
    return best if score >= 0.5 else None


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio()


def _sorted(word: str) -> str:
    return "_".join(sorted(word.replace("-", "_").split("_")))
