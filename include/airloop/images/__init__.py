"""Container images: the base that all models share, a model's thin layer, and the image for steps."""

from airloop.images.bases import base
from airloop.images.facts import Base, Image, find
from airloop.images.models import build, ready
from airloop.images.needs import refuse_without_registry
from airloop.images.pulled import pullable
from airloop.images.retention import remove
from airloop.images.shared import shared
from airloop.images.stepping import steps
from airloop.images.wheelhouse import Package

__all__ = [
    "Base",
    "Image",
    "Package",
    "base",
    "build",
    "find",
    "pullable",
    "ready",
    "refuse_without_registry",
    "remove",
    "shared",
    "steps",
]
