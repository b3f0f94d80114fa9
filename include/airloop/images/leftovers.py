"""What builds leave whose engine died under them: stages without a name, and containers of the steps in them."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from airloop.engine import answering
from airloop.images.building import BUILT_FOR
from airloop.images.facts import PACKAGES

if TYPE_CHECKING:
    import docker

log = logging.getLogger(__name__)

OLD_S = 3600
"""No build takes as long as this, so nobody needs what is older."""
ENDED = ("created", "exited", "dead")


def sweep(client: docker.DockerClient, *, old_s: float = OLD_S) -> list[str]:
    """Remove what builds left half-made more than ``old_s`` seconds ago; return the images' ids. Raises Unreachable.

    What is whole lists its packages, and so does all that was put on it: that stays, with a name or without.
    """
    from docker import errors

    gone = []
    with answering():
        for about in client.api.images(filters={"dangling": True, "label": BUILT_FOR}):
            if PACKAGES in about["Labels"] or about["Created"] > time.time() - old_s:
                continue
            with suppress(errors.APIError):  # somebody looks into it, or another sweep was faster
                for left in client.api.containers(all=True, filters={"ancestor": about["Id"], "status": list(ENDED)}):
                    client.api.remove_container(left["Id"], v=True)
                client.images.remove(about["Id"], noprune=False)
                gone.append(about["Id"])
    if gone:
        log.warning("removed what %d builds that died had left", len(gone))
    return gone
