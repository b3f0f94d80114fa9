"""Which images of a pipeline a Docker engine need not keep any longer."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airloop import clock, images
from airloop.engine.connection import LABEL
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from docker import DockerClient

log = logging.getLogger(__name__)


def remove(
    workspace: Workspace, pipeline: str, target: str, client: DockerClient, kept: Collection[str]
) -> tuple[str, ...]:
    """Remove the images of ``pipeline`` that cannot go live any more, but none of the bundles ``kept``.

    These are former champions, and versions with older data than the champion has: forward-only refuses those. One
    with newer data may be about to be released. Returns the digests of their bundles; nothing is removed before the
    first release.
    """
    live = workspace.ledger.live(pipeline, target)
    if live is None:
        return ()
    former = {champion.bundle for champion in workspace.ledger.champions(pipeline, target)}
    found: dict[str, str] = {}
    for image in client.api.images(filters={"label": f"{LABEL}.pipeline={pipeline}"}):
        bundle = image["Labels"].get(f"{LABEL}.bundle", "")
        if bundle and bundle not in kept and (bundle in former or _is_older(image["Labels"], live.data_cut_off)):
            found[image["Id"]] = bundle
    removed = [found[reference] for reference in images.remove(workspace, found)]
    for bundle in removed:
        log.info("%s: the image of bundle %s was removed", pipeline, bundle[:12])
    return tuple(sorted(removed))


def _is_older(labels: Mapping[str, str], than: datetime) -> bool:
    cut_off = labels.get(f"{LABEL}.data-cut-off")
    return cut_off is not None and clock.parse(cut_off) < than
