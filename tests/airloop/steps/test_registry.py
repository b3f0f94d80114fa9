"""A pipeline that ships to a cluster wants a registry, and is told so before any work."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from airloop import steps
from airloop.errors import ImageError
from airloop.refs import ModelRef, Outcome, SnapshotRef, VerdictRef
from airloop.spec.model import Release
from airloop.workspace import Workspace

SAID = "kubernetes pulls images from a registry, and none is set: set AIRLOOP_REGISTRY, for example"
NOW = datetime(2026, 2, 10, tzinfo=UTC)
IN_CLUSTER = SimpleNamespace(name="flights", spec=SimpleNamespace(release=Release(target="kubernetes")))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})


def test_a_whole_run_is_refused_before_its_first_step(workspace: Workspace) -> None:
    with pytest.raises(ImageError, match=SAID):
        steps.run_all(workspace, IN_CLUSTER, as_of=NOW, run_id="monday")
    assert list(workspace.home.iterdir()) == []


def test_no_bundle_is_made_of_which_no_image_could_be_pulled(workspace: Workspace) -> None:
    refs = {
        "snapshot": SnapshotRef(digest="a", uri="a", as_of=NOW, partitions=1, rows=1),
        "model": ModelRef(digest="b", uri="b", version="1", run_id="c", metrics={}),
        "verdict": VerdictRef(digest="d", uri="d", outcome=Outcome.PROMOTE, reasons=(), report=""),
    }
    with pytest.raises(ImageError, match=SAID):
        steps.package_bundle(workspace, IN_CLUSTER, **refs)
    assert not workspace.store.has("bundles", "a")
