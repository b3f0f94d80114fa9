"""Container images: the base that all models share, a model's thin layer, and the image for steps."""

from airloop.images.bases import base
from airloop.images.facts import Base, Image
from airloop.images.models import build, find, ready
from airloop.images.retention import remove
from airloop.images.stepping import steps
from airloop.images.wheelhouse import Package

__all__ = ["Base", "Image", "Package", "base", "build", "find", "ready", "remove", "steps"]
