"""What one pipeline adds to nginx's configuration: who may answer, and which path leads to whom."""

from __future__ import annotations

from airloop.gateway.route import Route, Upstream

_REFUSALS = {400: "unread", 413: "large"}
"""What nginx itself refuses of a body, and the location that says so."""


def _group(pipeline: str, role: str) -> str:
    return f"airloop_{pipeline}_{role}"


def upstreams(pipeline: str, route: Route) -> str:
    """Return the groups of servers, and by what a request is led to one of them."""
    champion, candidate = route.champion, route.candidate
    text = ""
    if champion:
        text += _upstream(_group(pipeline, "champion"), _server(champion))
    if candidate:
        text += _upstream(_group(pipeline, "candidate"), _server(candidate))
    if candidate and route.compares:
        text += _upstream(_group(pipeline, "shadow"), _server(candidate, " max_conns=64"))
    if champion and 0 < route.candidate_percent < 100:
        shares = f"{route.candidate_percent}% candidate; * champion;"
        text += f"    split_clients $airloop_id ${_group(pipeline, 'split')} {{ {shares} }}\n"
    if champion and route.candidate_percent:
        # What nginx itself refuses was asked of no server, and its body may be half there.
        for refusal in _REFUSALS.values():
            by = f'"" @{refusal}; default @{_group(pipeline, "instead")};'
            text += f"    map $upstream_status ${_group(pipeline, refusal)} {{ {by} }}\n"
    return text


def _upstream(name: str, server: str) -> str:
    return f"    upstream {name} {{ {server} keepalive 32; }}\n"


def _server(upstream: Upstream, more: str = "") -> str:
    # max_fails=0: a server that fails is asked all the same, so that its share, and what it fails on, stay true.
    return f"server unix:/run/airloop/{upstream.server}.sock max_fails=0{more};"


def render(pipeline: str, route: Route) -> str:
    """Return the locations of the public door."""
    path = f"/v2/models/{pipeline}"
    first = _first(pipeline, route)
    if not first:
        none = """return 503 '{"error":"the pipeline has no champion yet; release one"}';"""
        return _location(f"= {path}", none) + _location(f"{path}/", none)
    asked = _passed(first, compare="$request_id" if route.compares else "")
    shadow = f"/-/shadow/{pipeline}"
    mirrored = [f"mirror {shadow};"] if route.compares else []
    text = _location(f"= {path}/infer", *mirrored, *_shared(pipeline, route), *asked)
    text += _location(f"= {path}", *_passed(first)) + _location(f"{path}/", *_passed(first))
    for role in ("champion", "candidate"):
        upstream: Upstream | None = getattr(route, role)
        if upstream:
            text += _location(f'"{path}/versions/{upstream.version}/"', *_passed(_group(pipeline, role)))
    if route.champion and route.candidate_percent:
        text += _location(f"= {_candidate(pipeline)}", *_with_champion_behind(pipeline))
        instead = _passed(_group(pipeline, "champion"), path="$request_uri", instead="1")
        text += _location(f"@{_group(pipeline, 'instead')}", *instead)
    if route.compares:
        text += _location(f"= {shadow}", *_shadow(pipeline))
    return text


def _first(pipeline: str, route: Route) -> str:
    """Return who tells about the model: the champion, or a candidate that answers without one."""
    if route.champion:
        return _group(pipeline, "champion")
    return _group(pipeline, "candidate") if route.candidate_percent else ""


def _candidate(pipeline: str) -> str:
    return f"/-/candidate/{pipeline}"


def _shared(pipeline: str, route: Route) -> list[str]:
    """Return what leads the candidate's share to it."""
    if not route.champion or not route.candidate_percent:
        return []
    lead = f"rewrite ^ {_candidate(pipeline)} last;"
    return [lead] if route.candidate_percent == 100 else [f"if (${_group(pipeline, 'split')} = candidate) {{ {lead} }}"]


def _with_champion_behind(pipeline: str) -> list[str]:
    """Return how the candidate is asked: what it does not answer costs no request, the champion answers instead.

    What it refuses as the client's mistake too: only the champion's refusal shows that it is one.
    """
    return [
        "internal;",
        "proxy_intercept_errors on;",
        *(f"error_page {status} = ${_group(pipeline, refusal)};" for status, refusal in _REFUSALS.items()),
        f"error_page 415 422 500 502 503 504 = @{_group(pipeline, 'instead')};",
        "recursive_error_pages on;",
        *_passed(_group(pipeline, "candidate"), path="$request_uri"),
    ]


def _passed(group: str, *, path: str = "", compare: str = "", instead: str = "") -> list[str]:
    return [
        'proxy_set_header Connection "";',
        'proxy_set_header X-Airloop-Shadow "";',
        f'proxy_set_header X-Airloop-Compare "{compare}";',
        f'proxy_set_header X-Airloop-Instead "{instead}";',
        f"proxy_pass http://{group}{path};",
    ]


def _shadow(pipeline: str) -> list[str]:
    return [
        "internal;",
        'proxy_set_header Connection "";',
        'proxy_set_header X-Airloop-Shadow "1";',
        'proxy_set_header X-Airloop-Compare "$request_id";',
        'proxy_set_header X-Airloop-Instead "";',
        "proxy_next_upstream off;",
        "proxy_read_timeout 10s;",
        f"proxy_pass http://{_group(pipeline, 'shadow')}$request_uri;",
    ]


def _location(where: str, *directives: str) -> str:
    lines = "".join(f"            {directive}\n" for directive in directives)
    return f"        location {where} {{\n{lines}        }}\n"
