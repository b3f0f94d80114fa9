"""Which failures are worth a second try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from airloop.errors import AirloopError

if TYPE_CHECKING:
    from airflow.sdk import Context

_HEALS = {
    "builtins.ConnectionError",
    "builtins.TimeoutError",
    "httpx.TransportError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "sqlalchemy.exc.InterfaceError",
    "sqlalchemy.exc.OperationalError",
}
"""Errors of the network and of databases, by name so that nothing is imported for them."""


class RetryWhatCanHeal(RetryPolicy):
    """Try again after a lost connection or a busy database; fail at once on bad data, a wrong spec or a bug.

    A worker that is killed never gets to ask: Airflow tries such a task again as often as ``retries`` says.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return what to do after ``exception``, with the reason that Airflow shows."""
        name = type(exception).__name__
        if not isinstance(exception, Exception) or _is_airflows(exception):
            return RetryDecision.default()
        if _can_heal(exception):
            return RetryDecision.retry(reason=f"{name} can heal by itself")
        return RetryDecision.fail(reason=f"{name} would only come again")

    def serialize(self) -> dict[str, Any]:
        """Return nothing: the policy has no settings."""
        return {}


def heals(kinds: Iterable[str]) -> bool:
    """Return whether an error can heal by itself; ``kinds`` names its class and those that it is derived from."""
    return not _HEALS.isdisjoint(kinds)


def _can_heal(exception: Exception) -> bool:
    if isinstance(exception, AirloopError):
        return exception.retryable
    return heals(f"{kind.__module__}.{kind.__qualname__}" for kind in type(exception).__mro__)


def _is_airflows(exception: Exception) -> bool:
    return type(exception).__module__.partition(".")[0] == "airflow"
