"""The Kubernetes cluster: how it is reached, what its errors mean, and how things in it are named."""

from airloop.cluster.answers import answering
from airloop.cluster.connection import Cluster, connected
from airloop.cluster.names import GROUP, annotations, labels, name_of, selector

__all__ = ["GROUP", "Cluster", "annotations", "answering", "connected", "labels", "name_of", "selector"]
