"""Model servers put back after a restore: what the ledger says is live is served again, from images by digest."""

from __future__ import annotations

import secrets
from collections.abc import Iterator


def heal() -> Iterator[str]:
    """Make every pipeline's target serve the ledger's champion; yield what was different and what became of it."""
    from airloop import release
    from airloop.spec import Pipeline, load_all
    from airloop.workspace import Workspace

    workspace = Workspace.from_environment()
    for pipeline in load_all(workspace.pipelines):
        if isinstance(pipeline, Pipeline):
            target = release.target_of(workspace, pipeline.spec)
            for line in release.set_right(workspace, pipeline.name, target, run_id=f"heal-{secrets.token_hex(4)}"):
                yield f"{pipeline.name}: {line}"
