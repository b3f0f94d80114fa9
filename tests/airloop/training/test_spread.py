"""A candidate fitted by several workers: another model by its digest, the same folder, the same ways to fail."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from airloop import data
from airloop.backtest.walking import most_jobs
from airloop.scoring import Scorer
from airloop.training import cores
from airloop.training.identity import _described, model_digest

SPREAD = {"workers": 2, "threads": 1, "params": {"max_depth": 3}}


def test_one_worker_counts_as_none_in_a_models_digest(world):
    alone, two = world.pipeline(), world.pipeline(model={"workers": 2})
    assert "workers" not in _described(alone.spec)["model"]
    assert model_digest(world.pipeline(model={"workers": 1}), "s", "v") == model_digest(alone, "s", "v")
    assert model_digest(two, "s", "v") != model_digest(alone, "s", "v")


def test_workers_count_among_the_cores_that_a_training_uses(world):
    model = world.pipeline(model={"workers": 3, "threads": 2}).spec.model
    assert cores.wanted_by(model) == 6
    assert most_jobs(world.pipeline(model={"workers": cores.count(), "threads": 1})) == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_workers_make_the_same_folder_and_nearly_the_same_answers(landed, caplog):
    caplog.set_level(logging.INFO, "airloop")
    spread = landed.fit(landed.pipeline(model=SPREAD))
    alone = landed.fit(landed.pipeline(model=SPREAD | {"workers": 1}))
    assert "540 rows are with 2 workers" in caplog.text
    files = [{path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (spread, alone)]
    assert files[0] == files[1]
    records = [json.loads((folder / "training.json").read_text()) for folder in (spread, alone)]
    assert records[0]["rows"] == records[1]["rows"]
    assert records[0]["metrics"]["log_loss"] == pytest.approx(records[1]["metrics"]["log_loss"], rel=0.1)
    given = landed.at(landed.pipeline())["snapshot"].partitions[-3]
    rows = data.read_partition(landed.workspace, given)
    answers = [Scorer.open(folder).predict(rows) for folder in (spread, alone)]
    assert np.abs(answers[0] - answers[1]).mean() < 0.05
    assert not list((landed.workspace.home / "store" / ".work" / "models").iterdir())
