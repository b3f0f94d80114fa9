"""A backtest beside production: what is live, what was judged and what MLflow calls champion stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airloop import backtest, bundle, gates
from airloop.data import load_snapshot
from airloop.release.alias import set_champion
from airloop.training.mlflow_registry import connect
from airloop.validation import validate

pytestmark = pytest.mark.slow


@pytest.fixture
def live(walked, tmp_path):
    """Return the world with the walk's third candidate judged and in production, in a ledger of its own."""
    ledger_url = f"sqlite:///{tmp_path}/ledger.db"
    world = replace(walked.world, workspace=replace(walked.world.workspace, ledger_url=ledger_url))
    step = walked.walk.steps[2]
    snapshot = load_snapshot(world.workspace, step.snapshot)
    _, checked = validate(world.workspace, world.pipeline, snapshot)
    arguments = step.snapshot, snapshot, checked, step.model, step.version
    verdict, _ = gates.judge(world.workspace, world.pipeline, *arguments)
    packed = bundle.package(
        world.workspace,
        world.pipeline,
        snapshot_digest=step.snapshot,
        model_digest=step.model,
        version=step.version,
        verdict_digest=verdict,
    )
    world.workspace.ledger.promote(
        "deliveries",
        "local",
        bundle=packed.digest,
        version=step.version,
        data_cut_off=packed.data_cut_off,
        expected_generation=0,
        run_id="run-1",
        reasons=["test"],
    )
    assert set_champion(world.workspace, "deliveries", step.version) == ""
    return world


def alias_of(workspace):
    return connect(workspace.mlflow_url).get_model_version_by_alias("deliveries", "champion").version


def test_nothing_of_production_changes(walked, live):
    ledger = live.workspace.ledger
    before = ledger.champions("deliveries"), ledger.entries("deliveries"), alias_of(live.workspace)
    assert len(before[0]) == 1 and [entry.kind for entry in before[1]] == ["verdict"]
    backtest.publish(live.workspace, live.pipeline, walked.walk)
    champions, entries = ledger.champions("deliveries"), ledger.entries("deliveries")
    assert (champions, alias_of(live.workspace)) == (before[0], before[2])
    assert [entry for entry in entries if entry.kind not in ("backtest", "walk")] == before[1]
    judged = [step for step in walked.walk.steps if step.verdict]
    assert len(entries) == 1 + len(judged) + 1


def test_what_is_live_changes_nothing_in_a_backtest(walked, live):
    """The live champion is newer than the first ticks: against it they would be held."""
    again = live.walk(walked.walk.steps[0].as_of, walked.walk.steps[-1].until)
    assert again == walked.walk


def test_a_rehearsed_verdict_is_no_artifact_that_a_release_could_rest_on(walked):
    store, step = walked.world.workspace.store, walked.walk.steps[-1]
    assert store.has("rehearsals", step.verdict)
    assert not store.has("verdicts", step.verdict)


def test_a_backtest_is_published_once(walked, live):
    first = backtest.publish(live.workspace, live.pipeline, walked.walk)
    entries = live.workspace.ledger.entries("deliveries")
    assert backtest.publish(live.workspace, live.pipeline, walked.walk) == first
    assert live.workspace.ledger.entries("deliveries") == entries
    client = connect(live.workspace.mlflow_url)
    place = client.get_experiment_by_name("deliveries/backtest").experiment_id
    (run,) = client.search_runs([place], f"tags.`airloop.backtest` = '{first.digest}'")
    assert run.info.status == "FINISHED"
    files = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"backtest.html", "backtest.json", "figures"} <= files
    values = [point.value for point in client.get_metric_history(run.info.run_id, "never.log_loss")]
    shown = [walked.walk.score(step, "never", "log_loss") for step in walked.walk.steps]
    assert values == [score.value for score in shown if score]


def test_the_pictures_are_in_the_store_as_png_and_the_figures_as_json(walked, live):
    published = backtest.publish(live.workspace, live.pipeline, walked.walk)
    folder = Path(published.report).parent
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert names == ["gain.png", "time-roc_auc.png", "time.png"]
    assert all((folder / "figures" / name).read_bytes().startswith(b"\x89PNG") for name in names)
    facts = json.loads((folder / "backtest.json").read_text())
    assert [step["version"] for step in facts["steps"]] == [step.version for step in walked.walk.steps]
