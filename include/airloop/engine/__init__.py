"""The Docker engine: how it is reached, and what its errors mean."""

from airloop.engine.connection import answering, connected, labels

__all__ = ["answering", "connected", "labels"]
