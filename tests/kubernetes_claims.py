"""A folder of the machine as a claim in a namespace of a one-node cluster: what a shared volume is elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "shared"


@contextmanager
def claim(namespace: str, folder: Path) -> Iterator[str]:
    """Give the name of a claim whose volume is ``folder``; the volume is gone afterwards, the claim goes with its
    namespace."""
    from kubernetes import client, config

    volume = f"{namespace}-{NAME}"
    size = {"storage": "1Gi"}
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    with config.new_client_from_config() as api:
        core = client.CoreV1Api(api)
        core.create_persistent_volume(
            {
                "metadata": {"name": volume},
                "spec": {
                    **shared,
                    "capacity": size,
                    "hostPath": {"path": str(folder)},
                    "claimRef": {"namespace": namespace, "name": NAME},
                },
            }
        )
        try:
            core.create_namespaced_persistent_volume_claim(
                namespace,
                {
                    "metadata": {"name": NAME},
                    "spec": {**shared, "volumeName": volume, "resources": {"requests": size}},
                },
            )
            yield NAME
        finally:
            core.delete_persistent_volume(volume)
            api.rest_client.pool_manager.clear()
