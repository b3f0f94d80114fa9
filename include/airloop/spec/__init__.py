"""What a user writes: one model's description, read from ``pipeline.yaml``."""

from airloop.spec.load import BrokenPipeline, Pipeline, find, load, load_all
from airloop.spec.model import Spec

__all__ = ["Spec", "Pipeline", "BrokenPipeline", "load", "load_all", "find"]
