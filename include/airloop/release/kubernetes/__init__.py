"""The Kubernetes target: each version in pods of its own, behind one Service, or a Gateway that shares requests out."""

from airloop.release.kubernetes.target import KubernetesTarget

__all__ = ["KubernetesTarget"]
