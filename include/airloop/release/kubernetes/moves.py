"""What a change from one route to another asks of the champion: pure, for what moves requests."""

from __future__ import annotations

from airloop.gateway.route import Route, Upstream


def goes_on(before: Route, wanted: Route) -> Upstream | None:
    """Return the champion when it had all requests and keeps them while another version comes beside it.

    That one need not wait for it: where the champion is ill, this is how another takes its place.
    """
    is_staged = wanted.candidate is not None and not wanted.candidate_percent and not wanted.shadow
    had_all = not before.candidate_percent and before.champion == wanted.champion
    return wanted.champion if is_staged and had_all and before != wanted else None


def takes_all(before: Route, wanted: Route) -> Upstream | None:
    """Return which of two versions that share the requests answers them alone from now on."""
    is_alone = wanted.candidate is None and wanted.champion in before.upstreams
    return wanted.champion if is_alone and before.candidate_percent else None
