"""The Kubernetes target behind a Gateway, on a test bench."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.kubernetes_claims import NAME, claim

from airloop.cluster import name_of

from .gateway_api import Gateway, installed
from .kubernetes_rig import KubernetesRig


class GatewayRig(KubernetesRig):
    """The same behind a Gateway, with a claim that holds the store."""

    gateway: Gateway

    @property
    def address(self) -> str:
        return self.gateway.address


@contextmanager
def behind_a_gateway(home: Path) -> Iterator[GatewayRig]:
    """Give a rig whose requests go by a Gateway."""
    with ExitStack() as given:
        rig = GatewayRig(home, settings={"gateway": "public", "claim": NAME})
        given.enter_context(closing(rig))
        given.enter_context(claim(rig.cluster.namespace, home / "store"))
        given.enter_context(installed(rig.cluster))
        rig.gateway = Gateway(rig.cluster, name_of(rig.workspace, "flights"))
        given.enter_context(closing(rig.gateway))
        yield rig
