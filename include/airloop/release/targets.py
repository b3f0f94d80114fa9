"""Which target a spec means."""

from __future__ import annotations

from airloop.release.docker import DockerTarget
from airloop.release.kubernetes import KubernetesTarget
from airloop.release.local import LocalTarget
from airloop.release.target import Target
from airloop.spec.model import Spec
from airloop.workspace import Workspace


def target_of(workspace: Workspace, spec: Spec) -> Target:
    """Return the target that ``spec.release.target`` names."""
    match spec.release.target:
        case "local":
            return LocalTarget(workspace)
        case "docker":
            return DockerTarget(workspace, spec)
        case "kubernetes":
            return KubernetesTarget(workspace, spec)
