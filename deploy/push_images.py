"""Put the images that models and steps are made of into the registry: ``python deploy/push_images.py``.

For CI, which has a Docker engine and sets ``AIRLOOP_REGISTRY``. Airflow's workers in a cluster have no engine, and find
there what was pushed for the very code and packages that they have. It prints a line for each image; what is there
already costs a look.
"""

from __future__ import annotations

import sys

from airloop import images
from airloop.errors import AirloopError
from airloop.images import pushing
from airloop.images.shared import of_trainers
from airloop.workspace import Workspace


def main() -> int:
    """Push, and return the exit code."""
    workspace = Workspace.from_environment()
    try:
        if not workspace.registry:
            raise AirloopError("AIRLOOP_REGISTRY is not set: it says where to, for example registry.example.com/models")
        for kind, with_pandas in (("models", False), ("models with feature code", True)):
            print(f"for {kind}: {pushing.made(workspace, with_pandas=with_pandas).base.reference}")
        for name, (with_pandas, more) in of_trainers(workspace).items():
            made = pushing.made(workspace, with_pandas=with_pandas, more=more)
            print(f"for {name.removeprefix('serving_')}'s own trainer: {made.base.reference}")
        print(f"for steps: {images.steps(workspace, pushed=True)}")
    except AirloopError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
