"""The images that all models and steps share, made and pushed before anybody without a Docker engine needs them."""

from __future__ import annotations

from airloop.images.models import base_of
from airloop.images.stepping import steps
from airloop.workspace import Workspace


def shared(workspace: Workspace, *, with_steps: bool = True) -> dict[str, str]:
    """Return name → reference of the bases and the image for steps, in the registry where there is one.

    What is there is found again. Raises ImageError, and Unreachable.
    """
    bases = {"serving": False, "serving_with_pandas": True}
    made = {name: base_of(workspace, with_pandas=pandas).base.reference for name, pandas in bases.items()}
    return made | ({"steps": steps(workspace, pushed=bool(workspace.registry))} if with_steps else {})
