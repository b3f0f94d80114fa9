"""What a pipeline's requests are led to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from airloop.errors import BundleError

_SERVER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")
_VERSION = re.compile(r"[\w.+:-]{1,100}", re.ASCII)
_PIPELINE = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Upstream:
    """A server: the name of its container, which is that of its socket, and what it serves."""

    server: str
    bundle: str
    version: str
    image: str = ""

    def __post_init__(self) -> None:
        """Raise BundleError for a name or version that could not stand in a configuration."""
        if not _SERVER.fullmatch(self.server):
            _refuse("server", self.server, "a letter or digit, then letters, digits, '_', '.' and '-'")
        if not _VERSION.fullmatch(self.version):
            _refuse("version", self.version, "letters, digits, '_', '.', '+', ':' and '-'")


@dataclass(frozen=True)
class Route:
    """The servers of one pipeline and their shares; ``Route()`` answers 503."""

    champion: Upstream | None = None
    candidate: Upstream | None = None
    candidate_percent: int = 0
    """Percent of requests for predictions that the candidate answers; all of them where there is no champion."""
    shadow: bool = False
    """Whether the candidate also gets a copy of every request that the champion answers."""

    def __post_init__(self) -> None:
        """Raise BundleError for a share that is none, or that nobody is there to get."""
        if not 0 <= self.candidate_percent <= 100:
            _refuse("candidate_percent", self.candidate_percent, "0 to 100")
        if self.candidate is None and (self.candidate_percent or self.shadow):
            raise BundleError("gateway: candidate_percent and shadow need a candidate")

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """The servers that are there, the champion first."""
        return tuple(one for one in (self.champion, self.candidate) if one)

    @property
    def compares(self) -> bool:
        """Whether answers of both are kept for a comparison."""
        return self.shadow and self.champion is not None

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return the route that ``dataclasses.asdict`` made ``kept`` of."""
        champion, candidate = (Upstream(**one) if one else None for one in (kept["champion"], kept["candidate"]))
        return cls(champion, candidate, kept["candidate_percent"], kept["shadow"])


def check_pipeline(name: str) -> None:
    """Raise BundleError for what is no pipeline's name."""
    if not _PIPELINE.fullmatch(name):
        _refuse("pipeline", name, "a small letter, then small letters, digits and '_'")


def _refuse(what: str, value: object, allowed: str) -> NoReturn:
    raise BundleError(f"gateway: {what} {value!r} is not allowed: {allowed}")
