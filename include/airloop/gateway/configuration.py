"""nginx's whole configuration as text, made of routes; the routes stand in it, so it is its own memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airloop import digest
from airloop.errors import BundleError
from airloop.gateway import locations
from airloop.gateway.route import Route, check_pipeline
from airloop.gateway.template import ADMINISTRATION, PUBLIC, REFUSALS, STATIC

ROUTE = "# route "
NAME = "# name "
_PENDING = "name-of-this-configuration"
KEEP_ALIVE = "keepalive_timeout 5s; keepalive_min_timeout 5s;"
NO_KEEP_ALIVE = "keepalive_timeout 0;"


@dataclass(frozen=True)
class Configuration:
    """What a configuration says: its name, which changes with all that is in it, and the routes by pipeline."""

    name: str
    routes: Mapping[str, Route]


def render(routes: Mapping[str, Route], *, stack: str, keeps_alive: bool = False) -> str:
    """Return the configuration of the gateway of ``stack``.

    ``keeps_alive``: whether clients' connections stay open, which loses no request at a reload from nginx 1.27.4 on
    (``keepalive_min_timeout``). Raises BundleError for names that cannot stand in a configuration.
    """
    for pipeline in routes:
        check_pipeline(pipeline)
    ordered = sorted(routes.items())
    head = [f"{NAME}{_PENDING}", "# Made by Airloop; the next release overwrites what is changed here by hand."]
    head += [f"{ROUTE}{json.dumps([pipeline, asdict(route)], sort_keys=True)}" for pipeline, route in ordered]
    parts = [
        *(f"{line}\n" for line in head),
        _filled(STATIC, keep_alive=KEEP_ALIVE if keeps_alive else NO_KEEP_ALIVE),
        *(locations.upstreams(pipeline, route) for pipeline, route in ordered),
        _filled(PUBLIC, refusals=REFUSALS.rstrip()),
        *(locations.render(pipeline, route) for pipeline, route in ordered),
        "    }\n\n",
        _filled(ADMINISTRATION, refusals=REFUSALS.rstrip(), stack=stack, name=_PENDING, told=_told(ordered)),
    ]
    text = "".join(parts)
    return text.replace(_PENDING, digest.of_value(text)[:16])


def read(text: str) -> Configuration:
    """Return what ``render`` wrote. Raises BundleError for another text."""
    lines = text.splitlines()
    try:
        name = next(line.removeprefix(NAME) for line in lines if line.startswith(NAME))
        kept = [json.loads(line.removeprefix(ROUTE)) for line in lines if line.startswith(ROUTE)]
        return Configuration(name, {pipeline: Route.from_json(route) for pipeline, route in kept})
    except (StopIteration, ValueError, TypeError, KeyError) as error:
        raise BundleError(
            f"the gateway's configuration was not written by Airloop, or was damaged: {error!r}. Remove the gateway's "
            "container and volume: they are made anew, and the next release or roll back of each pipeline fills them"
        ) from error


def _told(ordered: Sequence[tuple[str, Route]]) -> str:
    """Return locations that say who serves a pipeline. One each: nginx takes no text of more than 4,096 bytes."""
    return "".join(
        f"        location = /-/routes/{pipeline} {{ return 200 '{json.dumps(_servers(route), sort_keys=True)}'; }}\n"
        for pipeline, route in ordered
    )


def _servers(route: Route) -> dict[str, dict[str, Any]]:
    roles = {"champion": route.champion, "candidate": route.candidate}
    told: dict[str, dict[str, Any]] = {
        role: {"server": one.server, "version": one.version} for role, one in roles.items() if one
    }
    if route.candidate:
        told["candidate"] |= {"percent": route.candidate_percent, "shadow": route.shadow}
    return told


def _filled(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template
