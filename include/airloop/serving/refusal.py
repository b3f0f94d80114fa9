"""A request that is not answered with a prediction: the HTTP status, and the reason a person can act on."""

from __future__ import annotations

from airloop.errors import AirloopError


class Refusal(AirloopError):
    """The request is refused with ``status`` (400 to 599); ``allow`` lists methods for 405."""

    def __init__(self, status: int, reason: str, *, allow: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.allow = allow
