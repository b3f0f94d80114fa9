from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from airloop.errors import SpecError
from airloop.spec import BrokenPipeline, Pipeline, Spec, find, load_all
from airloop.spec.document import read
from airloop.workspace import PROJECT


def test_a_pipeline_is_read_as_it_is_written(churn):
    pipeline = churn.load()
    spec = pipeline.spec
    assert spec.data.train_window == timedelta(days=60)
    assert spec.features.build == "features.py:build"
    assert spec.model.params == {"max_depth": 6, "learning_rate": 0.1}
    assert [type(gate).__name__ for gate in spec.gates] == ["MetricGate", "ChampionGate", "SliceGate", "LimitGate"]
    assert spec.notify[0].on == ("released",)
    assert spec.release.rollout.steps == (10, 50, 100)
    assert pipeline.file("features.py") == churn.folder / "features.py"
    with pytest.raises(SpecError, match=r"churn/pipeline.yaml: pipeline 'churn' has no file 'land.py'"):
        pipeline.file("land.py")


def test_a_file_without_a_target_is_released_to_where_the_installation_says(churn, monkeypatch):
    monkeypatch.setenv("AIRLOOP_TARGET", "docker")
    assert churn.load().spec.release.target == "local", "the file's word counts"
    churn.yaml.write_text(churn.yaml.read_text().replace("target: local, ", ""))
    assert churn.load().spec.release.target == "docker"
    monkeypatch.setenv("AIRLOOP_TARGET", "doker")
    with pytest.raises(SpecError, match=r"AIRLOOP_TARGET=doker: unknown target\. Did you mean 'docker'"):
        churn.load()
    monkeypatch.delenv("AIRLOOP_TARGET")
    assert churn.load().spec.release.target == "local"


def test_a_spec_survives_the_way_through_json(churn):
    spec = churn.load().spec
    assert Spec.model_validate(spec.model_dump(mode="json")) == spec


def test_plain_words_are_read_as_in_yaml_1_2():
    text = "{on: yes, date: 2013-03-18, octal: 0o17, hex: 0x1F, small: 1e-3, no: null, time: 12:30, zip: 0123, t: true}"
    assert read(text).value == {
        "on": "yes",
        "date": "2013-03-18",
        "octal": 15,
        "hex": 31,
        "small": 0.001,
        "no": None,
        "time": "12:30",
        "zip": 123,
        "t": True,
    }


def test_anchors_may_be_used(churn):
    text = churn.yaml.read_text().replace("min: 0.62", "min: &least 0.62").replace("min: 0.58", "min: *least")
    churn.yaml.write_text(text)
    assert churn.load().spec.gates[2].min == 0.62


def test_a_broken_pipeline_does_not_stop_the_others(churn):
    (churn.folder.parent / "broken").mkdir()
    (churn.folder.parent / "broken" / "pipeline.yaml").write_text("name: broken\n")
    (churn.folder.parent / "no_pipeline").mkdir()
    (churn.folder.parent / ".new-xyz").mkdir()
    (churn.folder.parent / ".new-xyz" / "pipeline.yaml").write_text("")
    broken, right = load_all(churn.folder.parent)
    assert isinstance(broken, BrokenPipeline)
    assert (broken.name, broken.folder) == ("broken", churn.folder.parent / "broken")
    assert "broken/pipeline.yaml:1 data: is missing" in str(broken.error)
    assert isinstance(right, Pipeline)


def test_a_folder_of_pipelines_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SpecError, match=r"there is no folder of pipelines at .*/nowhere; set AIRLOOP_PIPELINES"):
        load_all(tmp_path / "nowhere")


def test_an_unknown_name_gets_the_nearest(churn):
    workspace = SimpleNamespace(pipelines=churn.folder.parent)
    assert find("churn", workspace).name == "churn"
    with pytest.raises(SpecError, match=r"no pipeline 'chrun' in .*\. Did you mean 'churn'\? Known: churn\."):
        find("chrun", workspace)
    with pytest.raises(SpecError, match=r"no pipeline '\.\./churn'"):
        find("../churn", workspace)


def test_an_empty_folder_says_how_to_begin(tmp_path):
    with pytest.raises(SpecError, match=r"It is empty; `python -m airloop new NAME` writes a pipeline"):
        find("churn", SimpleNamespace(pipelines=tmp_path))


def test_three_hundred_pipelines_load_within_three_seconds(churn):
    text = churn.yaml.read_text()
    for number in range(300):
        folder = churn.folder.parent / f"p{number}"
        folder.mkdir()
        (folder / "pipeline.yaml").write_text(text.replace("name: churn", f"name: p{number}"))
        for name in ("features.py", "expectations.yaml"):
            (folder / name).hardlink_to(churn.folder / name)
    started = time.process_time()
    pipelines = load_all(churn.folder.parent)
    seconds = time.process_time() - started
    assert len(pipelines) == 301
    assert all(isinstance(pipeline, Pipeline) for pipeline in pipelines)
    assert seconds < 3


def test_loading_imports_nothing_heavy(churn):
    code = (
        "import sys; from pathlib import Path; from airloop.spec import load; load(Path(sys.argv[1]))\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[2:])))"
    )
    heavy = ["pandas", "numpy", "xgboost", "sklearn", "mlflow", "great_expectations", "sqlalchemy", "fsspec", "airflow"]
    command = [sys.executable, "-c", code, str(churn.folder), *heavy]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
