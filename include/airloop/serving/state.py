"""What is served, as values that are replaced whole: a request sees the state before a change or the one after it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from airloop.errors import nearest
from airloop.serving.refusal import Refusal
from airloop.serving.slot import Slot, Wanted

_MIX = 2654435761  # Knuth's multiplicative hash: neighbouring checksums fall far apart.


class Desired(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an admin asks for; asking twice changes nothing."""

    champion: Wanted | None = None
    candidate: Wanted | None = None
    candidate_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Percent of requests that the candidate answers."""
    shadow: bool = False
    """Whether the candidate also gets copies of the requests that the champion answers."""


@dataclass(frozen=True)
class PipelineState:
    """The versions of one pipeline and their shares."""

    desired: Desired
    champion: Slot | None
    candidate: Slot | None

    def choose(self, identity: str) -> Slot:
        """Return who answers a request: always the same one for the same id. Raises Refusal when nobody serves."""
        percent = self.desired.candidate_percent
        if self.candidate and percent and (not self.champion or percent_of(identity) < percent):
            return self.candidate
        if self.champion is None:
            raise Refusal(503, "the pipeline has no champion yet; release one")
        return self.champion

    @property
    def first(self) -> Slot:
        """The champion, or the candidate where there is none. Raises Refusal (503) when nobody is loaded."""
        if not self.slots:
            raise Refusal(503, "the pipeline has no champion yet; release one")
        return self.slots[0]

    def version(self, version: str, pipeline: str) -> Slot:
        """Return the slot with that version. Raises Refusal (404) with the nearest one."""
        slots = {slot.loaded.version: slot for slot in self.slots}
        if version not in slots:
            raise Refusal(404, f"model {pipeline!r} serves no version {version!r}.{nearest(version, slots)}")
        return slots[version]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The versions loaded, the champion first."""
        return tuple(slot for slot in (self.champion, self.candidate) if slot)

    @property
    def shadows(self) -> bool:
        """Whether answers of the champion are compared with the candidate's."""
        return self.desired.shadow and self.champion is not None and self.candidate is not None

    def as_json(self) -> dict[str, Any]:
        """Return what the admin API tells: what was asked for, and counts by version."""
        asked: dict[str, Any] = msgspec.to_builtins(self.desired)
        return asked | {"stats": {slot.loaded.version: slot.stats for slot in self.slots}}


@dataclass(frozen=True)
class State:
    """All pipelines. ``problems``: pipelines that should be served and cannot be, with the reason."""

    pipelines: Mapping[str, PipelineState] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> PipelineState:
        """Return a pipeline's state. Raises Refusal: 404 with the nearest name, 503 when it cannot be served now."""
        try:
            return self.pipelines[name]
        except KeyError:
            pass
        if name in self.problems:
            raise Refusal(503, f"model {name!r} cannot be served: {self.problems[name]}")
        raise Refusal(404, f"no model {name!r} is served here.{nearest(name, self.pipelines)}")

    def having(self, name: str, pipeline: PipelineState | None, problem: str = "") -> State:
        """Return this state with one pipeline replaced, or taken out for None."""
        pipelines = {key: value for key, value in self.pipelines.items() if key != name}
        problems = {key: value for key, value in self.problems.items() if key != name}
        if pipeline is not None:
            pipelines[name] = pipeline
        if problem:
            problems[name] = problem
        return State(pipelines, problems)


def percent_of(identity: str) -> int:
    """Return 0 to 99, evenly spread over ids and always the same for one id."""
    return (((zlib.crc32(identity.encode("utf-8", "surrogatepass")) * _MIX) & 0xFFFFFFFF) * 100) >> 32
