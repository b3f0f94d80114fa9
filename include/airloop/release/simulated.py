"""A target without a server, for trying out rollouts and testing what drives them.

Its state is one JSON file per pipeline, so it outlives the process like a real target does; requests are made up:
every look at it finds ``traffic`` more of them, shared as a real target would.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from airloop.errors import BundleError, Unreachable
from airloop.release.evidence import Traffic
from airloop.release.target import Observed, Placed, State


@dataclass(frozen=True)
class Behaviour:
    """How a simulated version answers: share of failed requests, and p99 latency in milliseconds."""

    failure_rate: float = 0.0
    latency_p99_ms: float = 3.0
    shadow_difference: float = 0.0
    end: str = ""
    """Why its server ends once it is asked something; "" where it does not."""


@dataclass
class SimulatedTarget:
    """A target in ``folder``; ``broken`` bundles cannot be served, ``is_up`` False makes it silent."""

    folder: Path
    traffic: int = 100
    """Requests between two looks."""
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    """Version → how it answers."""
    broken: frozenset[str] = frozenset()
    is_up: bool = True
    name: str = "local"

    def observe(self, pipeline: str) -> Observed:
        """Send ``traffic`` requests, then return what is served and how it answered."""
        return self.send(pipeline, self.traffic)

    def send(self, pipeline: str, requests: int) -> Observed:
        """Send ``requests`` and return what is served and how it answered."""
        with self._alone():
            seen = self._read(pipeline)
            state, before = seen.state, seen.champion.requests + seen.candidate.requests
            percent = 100 if state.champion is None else state.candidate_percent
            to_candidate = (before + requests) * percent // 100 - before * percent // 100
            after = Observed(
                state,
                self._answered(seen.champion, state.champion, requests - to_candidate, shadows=0),
                self._answered(seen.candidate, state.candidate, to_candidate, shadows=requests * state.shadow),
            )
            self._write(pipeline, after)
            return replace(after, ended=self._ended(after))

    def _ended(self, seen: Observed) -> dict[str, str]:
        candidate = seen.state.candidate
        end = self.behaviours.get(candidate.version, Behaviour()).end if candidate else ""
        return {"1": end} if end and seen.candidate.requests + seen.candidate.shadow_requests else {}

    def apply(self, pipeline: str, state: State) -> None:
        """Serve ``state``; counts begin anew when it is another one."""
        for placed in (state.champion, state.candidate):
            if placed is not None and placed.bundle in self.broken:
                raise BundleError(f"{pipeline}: bundle {placed.bundle[:12]} is not in the store. Nothing was changed")
        with self._alone():
            if self._read(pipeline).state != state:
                self._write(pipeline, Observed(state))

    def endpoint(self, pipeline: str) -> str:
        """Return a URL that nobody answers."""
        return f"simulated://{pipeline}"

    def keep(self, pipeline: str, bundles: Collection[str]) -> tuple[str, ...]:
        """Remove nothing: this target holds no bundles."""
        return ()

    def _answered(self, before: Traffic, placed: Placed | None, requests: int, *, shadows: int) -> Traffic:
        if placed is None or not requests + shadows:
            return before
        behaviour = self.behaviours.get(placed.version, Behaviour())
        total = before.requests + requests
        return Traffic(
            requests=total,
            failures=round(total * behaviour.failure_rate),
            latency_p50_ms=behaviour.latency_p99_ms / 2,
            latency_p99_ms=behaviour.latency_p99_ms,
            shadow_requests=before.shadow_requests + shadows,
            shadow_largest_difference=behaviour.shadow_difference,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _file(self, pipeline: str) -> Path:
        if not self.is_up:
            raise Unreachable(f"simulated target {self.folder} is down. Set is_up, then retry")
        return self.folder / f"{pipeline}.json"

    def _read(self, pipeline: str) -> Observed:
        file = self._file(pipeline)
        if not file.exists():
            return Observed(State())
        kept = json.loads(file.read_text(encoding="utf-8"))
        state = kept["state"] | {role: _placed(kept["state"][role]) for role in ("champion", "candidate")}
        return Observed(State(**state), Traffic(**kept["champion"]), Traffic(**kept["candidate"]))

    def _write(self, pipeline: str, observed: Observed) -> None:
        file = self._file(pipeline)
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(asdict(observed)), encoding="utf-8")
        scratch.replace(file)


def _placed(kept: dict[str, Any] | None) -> Placed | None:
    return None if kept is None else Placed(**kept)
