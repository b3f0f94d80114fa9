"""Lineage goes down to the partitions and the commit, for versions that were live and others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.airloop.release.conftest import Bench, workspace_in

from airloop import digest
from airloop.data.snapshot import Partition, Snapshot
from airloop.errors import UnknownName
from airloop.overview.lineage import lineage
from airloop.overview.shapes import Lineage, Made
from airloop.release.simulated import SimulatedTarget

from .one_pipeline import NAME, SPEC, OnePipeline, week

MODEL = digest.of_value(["model", "2"])
COMMIT = "4f" * 20


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    """Return a pipeline with version 2 judged, from a snapshot of two days."""
    one = OnePipeline.at(tmp_path)
    days = [Partition(digest=f"{day}" * 64, start=week(day), end=None, rows=100 * day, labelled=9) for day in (1, 2)]
    snapshot = Snapshot(
        pipeline=NAME, as_of=week(2), train_start=None, holdout_start=None, partitions=tuple(days), columns={}
    )
    one.workspace.store.put_json("snapshots", "5" * 64, snapshot.model_dump(mode="json"))
    one.workspace.store.put_json("validations", "c" * 64, {"expectations": 12, "warnings": [], "excluded": {}})
    noted(one, f"{COMMIT} with changes")
    one.judged("2", "REJECT")
    return one


def noted(one: OnePipeline, commit: str) -> None:
    kept = {"snapshot": "5" * 64, "validation": "c" * 64, "spec": "d" * 64, "feature_code": ""}
    kept |= {"commit": commit, "versions": {"xgboost": "3.2.0", "python": "3.11"}}
    with one.workspace.store.writing("models", MODEL) as folder:
        (folder / "training.json").write_text(json.dumps({"lineage": kept}), encoding="utf-8")


def link(found: Lineage, name: str) -> Made:
    return next(link for link in found.links if link.name == name)


def test_a_version_that_was_never_live_is_traced_all_the_same(one: OnePipeline) -> None:
    found = lineage(one.workspace, NAME, "2")
    assert [one.name for one in found.links] == [
        "commit", "spec", "made with", "snapshot", "validation", "model", "verdict",
    ]  # fmt: skip
    assert {one.state for one in found.links} == {"holds"}
    assert [(part.start, part.digest, part.rows) for part in found.partitions] == [
        (week(1), "1" * 64, 100),
        (week(2), "2" * 64, 200),
    ]
    assert (found.commit, found.is_signed, found.problem) == (f"{COMMIT} with changes", False, "")
    assert link(found, "commit").says == ("the folder had changes that were not committed",)
    assert link(found, "spec").says == ("changed since then",)
    assert link(found, "made with").what == "python 3.11, xgboost 3.2.0"
    assert link(found, "snapshot").says == ("300 rows in 2 partitions, as of 2013-04-01",)
    assert link(found, "validation").url == f"/airloop/artifacts/validations/{'c' * 64}/index.html"


def test_the_training_in_mlflow_is_one_click_away(one: OnePipeline) -> None:
    said = {"version": "2", "outcome": "REJECT", "training": "0123abcd"}
    one.record("judged", "v", said, run_id="r")
    assert link(lineage(one.workspace, NAME, "2"), "model").url == "/airloop/runs/0123abcd"


def test_what_is_gone_or_altered_is_said_of_each_link(one: OnePipeline) -> None:
    one.lost("snapshots")
    (one.workspace.store.folder("models", MODEL) / "more.txt").write_text("x", encoding="utf-8")
    found = lineage(one.workspace, NAME, "2")
    assert (link(found, "snapshot").state, link(found, "model").state) == ("gone", "broken")
    assert "more.txt" in link(found, "model").problem
    assert found.partitions == ()
    assert found.problem == f"its snapshot {'5' * 12} is not in the store any more, so its partitions are not known"


def test_without_the_training_s_notes_the_verdict_still_names_the_model(one: OnePipeline) -> None:
    one.lost("models")
    found = lineage(one.workspace, NAME, "2")
    assert [one.name for one in found.links] == ["model", "verdict"]
    assert link(found, "model").state == "gone"
    assert "training noted" in found.problem and "nothing says which rows" in found.problem


def test_an_unknown_version_names_the_nearest(one: OnePipeline) -> None:
    with pytest.raises(UnknownName, match="Did you mean '2'"):
        lineage(one.workspace, NAME, "22")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "pipelines" / NAME
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC.replace("APPROVAL", "none"), encoding="utf-8")
    return Bench(workspace_in(tmp_path), SimulatedTarget(tmp_path / "target"))


def test_a_release_is_traced_by_its_signed_statement(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    found = lineage(bench.workspace, NAME, "1")
    assert found.is_signed
    assert [one.name for one in found.links] == [
        "snapshot", "validation", "model", "verdict", "approval", "bundle", "signature", "verification", "release",
        "statement",
    ]  # fmt: skip
    assert {one.name for one in found.links if one.state != "holds"} == {"model"}
    assert link(found, "release").what == "generation #1 on local"


def test_a_release_whose_bundle_was_altered_says_so(bench: Bench) -> None:
    ref = bench.release(bench.bundle("1"))
    (bench.workspace.store.folder("bundles", ref.digest) / "golden.json").write_text("[]", encoding="utf-8")
    found = lineage(bench.workspace, NAME, "1")
    assert link(found, "bundle").state == "broken"
    assert "altered golden.json" in found.problem
