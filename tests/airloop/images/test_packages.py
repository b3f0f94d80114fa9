"""The Python image that all is built on: pulled where the engine lacks it, with words that fit why it cannot be."""

from __future__ import annotations

import pytest

from airloop import images
from airloop.errors import ImageError, Unreachable

pytestmark = pytest.mark.docker


def test_a_python_image_that_no_registry_has_is_told(registry, monkeypatch):
    name = f"{registry.registry}/nothing:1"
    monkeypatch.setenv("AIRLOOP_PYTHON_IMAGE", name)
    with pytest.raises(ImageError, match=rf"no image '{name}' and cannot pull it: .*not found.*AIRLOOP_PYTHON_IMAGE"):
        images.base(registry)


def test_a_registry_that_does_not_answer_may_do_so_later(stack, free_port, monkeypatch):
    name = f"127.0.0.1:{free_port}/python:3.11"
    monkeypatch.setenv("AIRLOOP_PYTHON_IMAGE", name)
    with pytest.raises(Unreachable, match=rf"no image '{name}' and cannot pull it: .*connection refused"):
        images.base(stack)
