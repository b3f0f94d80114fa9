"""What targets serve now: looked at in bounded time, and no more often than people can read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING

from airloop.errors import AirloopError
from airloop.overview import asking
from airloop.overview.described import descriptions
from airloop.overview.shapes import Live
from airloop.overview.telling_live import Look, differences, live_of

if TYPE_CHECKING:
    from airloop.ledger import Champion
    from airloop.release.target import Observed
    from airloop.spec import Spec
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)
_Champions = dict[tuple[str, str], "Champion"]
_Observe = Callable[[], dict[str, tuple["Observed", str]]]

FRESH_S = 5.0
"""A pipeline is looked at once in this time, however many ask."""
PATIENCE_S = 2.0
"""Longest wait for one target."""
AT_ONCE = 8
"""Pipelines of one kind of target that are looked at at the same time."""


class Watching:
    """Looks at targets; keeps the last two looks, from which rates come. One for a process, used by many threads.

    One that hangs costs its own kind of target alone: each kind has its threads, and nobody waits longer than
    ``patience_s``.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, patience_s: float = PATIENCE_S) -> None:
        self._now, self._patience_s = now, patience_s
        self._lock = threading.Lock()
        self._looks: dict[str, tuple[Look, Look | None]] = {}
        self._under_way: dict[str, Future[None]] = {}
        self._crews: dict[str, ThreadPoolExecutor] = {}

    def look(self, workspace: Workspace, names: Collection[str]) -> list[Live]:
        """Return what is served of each pipeline, in the order of ``names``; one that nobody knows is left out.

        A target, or a ledger, that does not answer is told as such.
        """
        champions = _champions(workspace, names)
        specs = {name: descriptions(workspace.pipelines).of(name).spec for name in names}
        targets = {name: target for name, spec in specs.items() if (target := _target(name, spec, champions))}
        wait(self._start(workspace, targets, specs), timeout=self._patience_s)
        return [self._told(workspace, name, target, champions) for name, target in targets.items()]

    def _start(
        self, workspace: Workspace, targets: dict[str, str], specs: dict[str, Spec | None]
    ) -> list[Future[None]]:
        """Begin the looks that are due; return those under way."""
        with self._lock:
            due = [name for name in targets if name not in self._under_way and not self._is_fresh(name)]
            local = [name for name in due if targets[name] == "local"]
            if local:
                self._submit("local", local, partial(_look_local, workspace, local, self._patience_s))
            for name in due:
                if targets[name] == "docker":
                    self._submit("docker", [name], partial(_look_on_docker, workspace, name, self._patience_s))
                elif (spec := specs[name]) is not None and targets[name] == "kubernetes":
                    self._submit("kubernetes", [name], partial(_look_on_kubernetes, workspace, spec))
            return list({self._under_way[name] for name in targets if name in self._under_way})

    def _is_fresh(self, name: str) -> bool:
        return name in self._looks and self._now() - self._looks[name][0].at < FRESH_S

    def _submit(self, target: str, names: list[str], observe: _Observe) -> None:
        if target not in self._crews:
            self._crews[target] = ThreadPoolExecutor(AT_ONCE, f"airloop-look-{target}")
        self._under_way |= dict.fromkeys(names, self._crews[target].submit(self._look, target, names, observe))

    def _look(self, target: str, names: list[str], observe: _Observe) -> None:
        observed: dict[str, tuple[Observed, str]] = {}
        problem = "the target does not say what it serves"
        try:
            observed = observe()
        except AirloopError as error:
            problem = str(error)
        except Exception as error:  # A client library's own failure spoils this look and nothing else.
            log.exception("%s cannot be looked at", target)
            problem = f"the target cannot be looked at: {type(error).__name__}: {error}"
        with self._lock:
            for name in names:
                seen, endpoint = observed.get(name, (None, ""))
                look = Look(self._now(), target, endpoint, seen, "" if seen else problem)
                self._looks[name] = (look, self._looks[name][0] if name in self._looks else None)
                self._under_way.pop(name, None)

    def _told(self, workspace: Workspace, name: str, target: str, champions: _Champions | None) -> Live:
        with self._lock:
            look, before = self._looks.get(name, (None, None))
        if look is None or look.target != target or self._now() - look.at > FRESH_S + self._patience_s:
            return Live(
                pipeline=name, target=target, problem=f"the target did not answer within {self._patience_s:g} s"
            )
        return live_of(name, look, before, _differences(workspace, name, look, champions))


def _champions(workspace: Workspace, names: Collection[str]) -> _Champions | None:
    """Return what the ledger says is live, by pipeline and target; None where it does not answer."""
    try:
        with workspace.ledger.reading() as connection:
            found = asking.recent(connection, names, 1)
    except AirloopError as error:
        log.warning("targets are not compared with the ledger: %s", error)
        return None
    return {(champion.pipeline, champion.target): champion for champion, _ in found}


def _target(name: str, spec: Spec | None, champions: _Champions | None) -> str:
    """Return where a pipeline is served: where its description says, else where it went live last; "" nowhere.

    To find pods takes the description.
    """
    if spec is not None:
        return spec.release.target
    mine = [champion for (pipeline, _), champion in (champions or {}).items() if pipeline == name]
    target = max(mine, key=lambda one: one.recorded_at).target if mine else ""
    return "" if target == "kubernetes" else target


def _differences(workspace: Workspace, name: str, look: Look, champions: _Champions | None) -> tuple[str, ...]:
    if champions is None or look.observed is None:
        return ()
    state = look.observed.state
    try:
        is_releasing = state.candidate is not None and bool(workspace.ledger.holder(name, look.target))
    except AirloopError:
        return ()
    return differences(state, champions.get((name, look.target)), is_releasing=is_releasing)


def _look_local(workspace: Workspace, names: list[str], timeout_s: float) -> dict[str, tuple[Observed, str]]:
    from airloop.release import looking

    url = workspace.server_url.rstrip("/")
    found = looking.on_local(workspace, names, timeout_s=timeout_s)
    return {name: (observed, f"{url}/v2/models/{name}/infer") for name, observed in found.items()}


def _look_on_docker(workspace: Workspace, name: str, timeout_s: float) -> dict[str, tuple[Observed, str]]:
    from airloop.release import looking

    observed = looking.on_docker(workspace, name, timeout_s=timeout_s)
    return {name: (observed, f"{workspace.gateway_url}/v2/models/{name}/infer")}


def _look_on_kubernetes(workspace: Workspace, spec: Spec) -> dict[str, tuple[Observed, str]]:
    from airloop.release.targets import target_of
    from airloop.serving.tokens import read

    read(workspace.home)  # who releases would make tokens, who looks does not
    target = target_of(workspace, spec)
    return {spec.name: (target.observe(spec.name), target.endpoint(spec.name))}
