"""Fits in a process of its own, which the test kills: ``python killed.py SPEC FOLDER SNAPSHOT MODEL``."""

from __future__ import annotations

import sys
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Bucket(LocalFileSystem):
    """Object storage that several processes reach: ``bucket:///a/folder`` is no folder of this machine's to a store."""

    protocol = "bucket"

    def __init__(self) -> None:
        super().__init__(auto_mkdir=True)  # keys need no folders

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(str(path).removeprefix("bucket://")))


fsspec.register_implementation("bucket", Bucket, clobber=True)

if __name__ == "__main__":
    from airloop import data
    from airloop.spec import Pipeline, Spec
    from airloop.training.fitting import fit
    from airloop.validation.findings import Validation
    from airloop.workspace import Workspace

    spec, folder, snapshot, model = sys.argv[1:]
    workspace = Workspace.from_environment()
    fit(
        workspace,
        Pipeline(Spec.model_validate_json(spec), Path(folder)),
        model,
        snapshot_digest=snapshot,
        snapshot=data.load_snapshot(workspace, snapshot),
        validation_digest="None",
        validation=Validation(expectations=0, partitions={}),
    )
