"""The images that models and steps share, made and pushed before anybody without a Docker engine needs them."""

from __future__ import annotations

from airloop import trainers
from airloop.images.models import base_of
from airloop.images.stepping import steps
from airloop.spec import Pipeline, load_all
from airloop.trainers.own import is_own
from airloop.workspace import Workspace


def shared(workspace: Workspace, *, with_steps: bool = True) -> dict[str, str]:
    """Return name → reference of the bases and the image for steps, in the registry where there is one.

    What is there is found again. Raises ImageError, TrainingError for a trainer that cannot be loaded, and Unreachable.
    """
    bases: dict[str, tuple[bool, tuple[str, ...]]] = {"serving": (False, ()), "serving_with_pandas": (True, ())}
    bases |= of_trainers(workspace)
    made = {
        name: base_of(workspace, with_pandas=with_pandas, more=more).base.reference
        for name, (with_pandas, more) in bases.items()
    }
    return made | ({"steps": steps(workspace, pushed=bool(workspace.registry))} if with_steps else {})


def of_trainers(workspace: Workspace) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Return name → whether with pandas, and packages, of the bases for pipelines whose own trainer wants some."""
    found = {}
    for pipeline in load_all(workspace.pipelines):
        if isinstance(pipeline, Pipeline) and is_own(pipeline.spec.model.trainer):
            more = trainers.from_files(pipeline.spec.model.trainer, pipeline.folder).serving
            if more:
                found[f"serving_{pipeline.name}"] = (pipeline.spec.features is not None, more)
    return found
