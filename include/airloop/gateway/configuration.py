"""nginx's whole configuration as text, made of routes; the routes stand in it, so it is its own memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from airloop import digest
from airloop.errors import BundleError
from airloop.gateway.route import Route, Upstream, check_pipeline
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
        *(_upstreams(pipeline, route) for pipeline, route in ordered),
        _filled(PUBLIC, refusals=REFUSALS.rstrip()),
        *(_locations(pipeline, route) for pipeline, route in ordered),
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


def _servers(route: Route) -> dict[str, dict[str, str]]:
    roles = {"champion": route.champion, "candidate": route.candidate}
    return {role: {"server": one.server, "version": one.version} for role, one in roles.items() if one}


def _filled(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _group(pipeline: str, role: str) -> str:
    return f"airloop_{pipeline}_{role}"


def _upstreams(pipeline: str, route: Route) -> str:
    champion, candidate = route.champion, route.candidate
    text = ""
    if champion:
        text += _upstream(_group(pipeline, "champion"), _server(champion))
    if candidate:
        # A candidate that fails costs no request: the champion answers instead.
        backup = [_server(champion, " backup")] if champion else []
        text += _upstream(_group(pipeline, "candidate"), _server(candidate), *backup)
    if candidate and route.compares:
        text += _upstream(_group(pipeline, "shadow"), _server(candidate, " max_conns=64"))
    if champion and 0 < route.candidate_percent < 100:
        shares = f"{route.candidate_percent}% {_group(pipeline, 'candidate')}; * {_group(pipeline, 'champion')};"
        text += f"    split_clients $airloop_id ${_group(pipeline, 'split')} {{ {shares} }}\n"
    return text


def _upstream(name: str, *servers: str) -> str:
    return f"    upstream {name} {{ {' '.join(servers)} keepalive 32; }}\n"


def _server(upstream: Upstream, more: str = "") -> str:
    # max_fails=0: a server that fails is asked all the same, so that its share, and what it fails on, stay true.
    return f"server unix:/run/airloop/{upstream.server}.sock max_fails=0{more};"


def _locations(pipeline: str, route: Route) -> str:
    path = f"/v2/models/{pipeline}"
    first = _first(pipeline, route)
    if not first:
        none = """return 503 '{"error":"the pipeline has no champion yet; release one"}';"""
        return _location(f"= {path}", none) + _location(f"{path}/", none)
    asked = _passed(_chosen(pipeline, route), compare="$request_id" if route.compares else "")
    shadow = f"/-/shadow/{pipeline}"
    mirrored = [f"mirror {shadow};"] if route.compares else []
    text = _location(f"= {path}/infer", *mirrored, *asked)
    text += _location(f"= {path}", *_passed(first)) + _location(f"{path}/", *_passed(first))
    for role in ("champion", "candidate"):
        upstream: Upstream | None = getattr(route, role)
        if upstream:
            alone = ["proxy_next_upstream off;"] if role == "candidate" else []
            text += _location(f'"{path}/versions/{upstream.version}/"', *_passed(_group(pipeline, role)), *alone)
    if route.compares:
        text += _location(f"= {shadow}", *_shadow(pipeline))
    return text


def _first(pipeline: str, route: Route) -> str:
    """Return who tells about the model: the champion, or a candidate that answers without one."""
    if route.champion:
        return _group(pipeline, "champion")
    return _group(pipeline, "candidate") if route.candidate_percent else ""


def _chosen(pipeline: str, route: Route) -> str:
    if not route.champion or route.candidate_percent == 100:
        return _group(pipeline, "candidate")
    return f"${_group(pipeline, 'split')}" if route.candidate_percent else _group(pipeline, "champion")


def _passed(group: str, *, compare: str = "") -> list[str]:
    return [
        'proxy_set_header Connection "";',
        'proxy_set_header X-Airloop-Shadow "";',
        f'proxy_set_header X-Airloop-Compare "{compare}";',
        f"proxy_pass http://{group};",
    ]


def _shadow(pipeline: str) -> list[str]:
    return [
        "internal;",
        'proxy_set_header Connection "";',
        'proxy_set_header X-Airloop-Shadow "1";',
        'proxy_set_header X-Airloop-Compare "$request_id";',
        "proxy_next_upstream off;",
        "proxy_read_timeout 10s;",
        f"proxy_pass http://{_group(pipeline, 'shadow')}$request_uri;",
    ]


def _location(where: str, *directives: str) -> str:
    lines = "".join(f"            {directive}\n" for directive in directives)
    return f"        location {where} {{\n{lines}        }}\n"
